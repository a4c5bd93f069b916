// The operations of service LoadBalancing as gRPC handlers.
import type { Handlers } from '@berth/rpc/api.ts';

import { handlersOn, type OperationsDeps } from '../deps.ts';
import { createListener, deleteListener, describeListeners, modifyListener } from './listeners.ts';
import { createRule, deleteRule, describeRules, modifyRule } from './rules.ts';
import {
  createTargetGroup,
  deleteTargetGroup,
  describeTargetGroups,
  describeTargetHealth,
  modifyTargetGroup,
} from './target-groups.ts';

export function loadBalancingHandlers(deps: OperationsDeps): Handlers<'LoadBalancing'> {
  const handle = handlersOn(deps);
  return {
    CreateTargetGroup: handle(createTargetGroup),
    ModifyTargetGroup: handle(modifyTargetGroup),
    DescribeTargetGroups: handle(describeTargetGroups),
    DeleteTargetGroup: handle(deleteTargetGroup),
    DescribeTargetHealth: handle(describeTargetHealth),
    CreateListener: handle(createListener),
    ModifyListener: handle(modifyListener),
    DescribeListeners: handle(describeListeners),
    DeleteListener: handle(deleteListener),
    CreateRule: handle(createRule),
    ModifyRule: handle(modifyRule),
    DescribeRules: handle(describeRules),
    DeleteRule: handle(deleteRule),
  };
}
