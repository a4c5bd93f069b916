import assert from 'node:assert/strict';

import {
  acceptGroupProvider,
  checkProviderName,
  completeGroupProvider,
} from './capacity-provider.ts';
import { Checker } from './check.ts';
import { describeRules } from './refusals.test.ts';

const check = new Checker('ClientException');
const group = (fields: object = {}) => ({ autoScalingGroupArn: 'arn:group', ...fields });

describe('a capacity provider', () => {
  it('has defaults', () => {
    assert.deepEqual(acceptGroupProvider(check, group()), {
      autoScalingGroupArn: 'arn:group',
      managedScaling: {
        status: 'DISABLED',
        targetCapacity: 100,
        minimumScalingStepSize: 1,
        maximumScalingStepSize: 10_000,
        instanceWarmupPeriod: 300,
      },
      managedTerminationProtection: 'DISABLED',
      managedDraining: 'ENABLED',
    });
  });

  it('keeps what an update does not give', () => {
    const before = acceptGroupProvider(check, group({ managedScaling: { targetCapacity: 80 } }));
    assert.equal(before.managedScaling?.status, 'ENABLED');
    const after = completeGroupProvider(check, before, { managedScaling: { status: 'DISABLED' } });
    assert.equal(after.managedScaling?.targetCapacity, 80);
    assert.equal(after.managedScaling.status, 'DISABLED');
  });
});

describe('a capacity provider is refused', () => {
  describeRules<Parameters<typeof acceptGroupProvider>[1]>(
    'ClientException',
    {
      'with termination protection and no scaling': {
        accepts: group({ managedScaling: {}, managedTerminationProtection: 'ENABLED' }),
        refuses: group({ managedTerminationProtection: 'ENABLED' }),
        message:
          'The managed termination protection setting for the capacity provider is invalid. ' +
          'To enable managed termination protection for a capacity provider, managed scaling must be enabled.',
      },
      'with a target above 100': {
        accepts: group({ managedScaling: { targetCapacity: 100 } }),
        refuses: group({ managedScaling: { targetCapacity: 101 } }),
        message:
          'autoScalingGroupProvider.managedScaling.targetCapacity is 101; expected a whole number from 1 to 100.',
      },
    },
    (value) => acceptGroupProvider(check, value),
  );

  it('by a name of AWS', () => {
    for (const name of ['aws-x', 'ECS', 'fargate_spot', '', 'a b']) {
      assert.throws(() => checkProviderName(check, name), { code: 'ClientException' });
    }
    checkProviderName(check, 'spot-hosts_1');
  });
});
