// The operations of service Scaling as gRPC handlers.
import type { Handlers } from '@berth/rpc/api.ts';

import { handlersOn, type OperationsDeps } from '../deps.ts';
import { deleteScalingPolicy, describeScalingPolicies, putScalingPolicy } from './policies.ts';
import {
  deleteScheduledAction,
  describeScheduledActions,
  putScheduledAction,
} from './scheduled-actions.ts';
import { listTags, tag, untag } from './tags.ts';
import {
  deregisterScalableTarget,
  describeScalableTargets,
  describeScalingActivities,
  registerScalableTarget,
} from './targets.ts';

export function scalingHandlers(deps: OperationsDeps): Handlers<'Scaling'> {
  const handle = handlersOn(deps);
  return {
    RegisterScalableTarget: handle(registerScalableTarget),
    DeregisterScalableTarget: handle(deregisterScalableTarget),
    DescribeScalableTargets: handle(describeScalableTargets),
    PutScalingPolicy: handle(putScalingPolicy),
    DeleteScalingPolicy: handle(deleteScalingPolicy),
    DescribeScalingPolicies: handle(describeScalingPolicies),
    PutScheduledAction: handle(putScheduledAction),
    DeleteScheduledAction: handle(deleteScheduledAction),
    DescribeScheduledActions: handle(describeScheduledActions),
    DescribeScalingActivities: handle(describeScalingActivities),
    TagResource: handle(tag),
    UntagResource: handle(untag),
    ListTagsForResource: handle(listTags),
  };
}
