// Elastic Load Balancing v2 over Berth's own operations. Source: ALB reference, section 1.
import type { Handlers } from '@berth/rpc/api.ts';

import { elbv2 } from '../../models/services.ts';
import { elbv2Support } from '../../support/elbv2.ts';
import { refusalOf, refuseUnsupported } from '../../support/support.ts';
import { validationFault, violationsOf } from '../../wire/constraints.ts';
import { Fault, type FaultCodes } from '../../wire/fault.ts';
import type { WireService } from '../../wire/service.ts';
import { listenerOperations } from './listeners.ts';
import { loadBalancerOperations } from './load-balancers.ts';
import { ruleOperations } from './rules.ts';
import { tagOperations } from './tags.ts';
import { targetGroupOperations } from './target-groups.ts';
import { trustStoreOperations } from './trust-stores.ts';
import { viaHandlers } from './via.ts';

const CODES: FaultCodes = {
  invalid: 'ValidationError',
  denied: { code: 'AccessDenied', status: 403 },
  internal: 'InternalFailure',
};

export function elbv2Service(handlers: Handlers<'LoadBalancing'>): WireService {
  const via = viaHandlers(handlers);
  return {
    model: elbv2,
    signingName: 'elasticloadbalancing',
    dialect: 'query',
    codes: CODES,
    operations: {
      ...loadBalancerOperations(via),
      ...targetGroupOperations(via),
      ...listenerOperations(via),
      ...ruleOperations(via),
      ...tagOperations(via),
      ...trustStoreOperations(via),
    },
    notServed: (operation) => {
      const why = refusalOf(elbv2Support, operation)?.message ?? '';
      const version = elbv2.version;
      return new Fault(
        'InvalidAction',
        `The action ${operation.slice(0, 100)} is not valid for this endpoint in version ${version}. ${why}`.trim(),
      );
    },
    check: (_operation, structure, input) => {
      const violations = violationsOf(elbv2, structure, input);
      if (violations.length > 0) throw validationFault(elbv2, 'ValidationError', violations);
      refuseUnsupported(elbv2, elbv2Support, structure, input, 'ValidationError');
    },
  };
}
