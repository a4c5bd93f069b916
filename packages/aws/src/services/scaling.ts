// Application Auto Scaling over Berth's own operations, which have its shapes. Source: auto scaling reference, sections 1 and 2.
import type { Handlers } from '@berth/rpc/api.ts';

import { directOperations, listsOfOutputs } from '../mapping/direct.ts';
import { scaling } from '../models/services.ts';
import { scalingSupport } from '../support/scaling.ts';
import { refusalOf, refuseUnsupported } from '../support/support.ts';
import { validationFault, violationsOf } from '../wire/constraints.ts';
import { Fault, type FaultCodes } from '../wire/fault.ts';
import type { WireService } from '../wire/service.ts';

const CODES: FaultCodes = {
  invalid: 'ValidationException',
  denied: { code: 'AccessDeniedException', status: 400 },
  internal: 'InternalServiceException',
};

/** Policies have no alarms of CloudWatch here, and clients look at the list. */
const LISTS: Readonly<Record<string, string>> = {
  ScalingPolicy: 'Alarms',
  StepScalingPolicyConfiguration: 'StepAdjustments',
};

export function scalingService(handlers: Handlers<'Scaling'>): WireService {
  return {
    model: scaling,
    signingName: 'application-autoscaling',
    dialect: 'query',
    codes: CODES,
    operations: directOperations({
      service: 'Scaling',
      handlers,
      model: scaling,
      support: scalingSupport,
      shown: {
        lists: { ...listsOfOutputs(scaling), ...LISTS },
        texts: { ListTagsForResourceResponse: 'Tags' },
      },
      invalid: () => 'ValidationException',
    }),
    notServed: (operation) => {
      const refusal = refusalOf(scalingSupport, operation);
      return refusal
        ? new Fault(
            'ValidationException',
            `${operation} is not supported by Berth. ${refusal.message}`,
          )
        : new Fault(
            'UnknownOperationException',
            `${operation.slice(0, 100)} is no operation of Application Auto Scaling.`,
          );
    },
    check: (_operation, structure, input) => {
      const violations = violationsOf(scaling, structure, input);
      if (violations.length > 0) {
        throw validationFault(scaling, 'ValidationException', violations);
      }
      refuseUnsupported(scaling, scalingSupport, structure, input, 'ValidationException');
    },
  };
}
