import assert from 'node:assert/strict';

import type {
  AdvancedConfiguration,
  CreateServiceRequest,
  DeploymentConfiguration,
  DeploymentLifecycleHook,
} from '../generated/messages.ts';
import { completeDeploymentConfiguration } from '../resources/service.ts';
import { describeRules } from './refusals.test.ts';
import { acceptCreateService } from './service.ts';
import { service } from './testing.ts';

function shifting(
  configuration: Partial<DeploymentConfiguration> = {},
  advanced: Partial<AdvancedConfiguration> | null = {},
  more: Partial<CreateServiceRequest> = {},
): CreateServiceRequest {
  const advancedConfiguration = advanced && {
    alternateTargetGroupArn: 'green',
    productionListenerRule: 'rule-1',
    ...advanced,
  };
  return service({
    deploymentConfiguration: { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 5, ...configuration },
    loadBalancers: [
      {
        targetGroupArn: 'blue',
        containerName: 'web',
        containerPort: 80,
        ...(advancedConfiguration ? { advancedConfiguration } : {}),
      },
    ],
    ...more,
  });
}

function hooked(hook: Partial<DeploymentLifecycleHook> = {}): CreateServiceRequest {
  const good = {
    hookTargetArn: 'https://example.com/hook',
    lifecycleStages: ['POST_SCALE_UP'],
    ...hook,
  };
  return shifting({ lifecycleHooks: { items: [good] } });
}

const paused = (lifecycleStages: string[]): CreateServiceRequest =>
  hooked({ targetType: 'PAUSE', hookTargetArn: undefined, lifecycleStages });
const linear = (stepPercent: number): CreateServiceRequest =>
  shifting({ strategy: 'LINEAR', linearConfiguration: { stepPercent } });
const canary = (canaryPercent: number): CreateServiceRequest =>
  shifting({ strategy: 'CANARY', canaryConfiguration: { canaryPercent } });

const IN = 'deploymentConfiguration';
const HOOK = `${IN}.lifecycleHooks[0]`;

describe('the shift of a service is refused', () => {
  describeRules<CreateServiceRequest>(
    'InvalidParameterException',
    {
      'without load balancers': {
        accepts: shifting(),
        refuses: shifting({}, {}, { loadBalancers: [] }),
        message: `${IN}.strategy is "BLUE_GREEN" and loadBalancers is empty; expected one with advancedConfiguration whose traffic can be shifted.`,
      },
      'without two target groups': {
        accepts: shifting(),
        refuses: shifting({}, null),
        message: `loadBalancers[0].advancedConfiguration is missing and ${IN}.strategy is "BLUE_GREEN"; expected alternateTargetGroupArn and productionListenerRule.`,
      },
      'with one target group twice': {
        accepts: shifting(),
        refuses: shifting({}, { alternateTargetGroupArn: 'blue' }),
        message:
          'loadBalancers[0].advancedConfiguration.alternateTargetGroupArn is "blue"; expected another target group than targetGroupArn.',
      },
      'with one rule for production and test': {
        accepts: shifting({}, { testListenerRule: 'rule-2' }),
        refuses: shifting({}, { testListenerRule: 'rule-1' }),
        message:
          'loadBalancers[0].advancedConfiguration.testListenerRule is "rule-1"; expected another rule than productionListenerRule.',
      },
      'on every host': {
        accepts: shifting(),
        refuses: shifting({}, {}, { schedulingStrategy: 'DAEMON', desiredCount: undefined }),
        message: `${IN}.strategy is "BLUE_GREEN"; expected ROLLING for a DAEMON service.`,
      },
      'of blue and green without a bake time': {
        accepts: shifting({ bakeTimeInMinutes: undefined, bakeTimeInSeconds: 3 }),
        refuses: shifting({ bakeTimeInMinutes: undefined }),
        message: `${IN}.bakeTimeInMinutes is missing; expected a whole number from 0 to 1440: the strategy BLUE_GREEN needs it.`,
      },
      'with a bake time of more than a day': {
        accepts: shifting({ bakeTimeInMinutes: 1440 }),
        refuses: shifting({ bakeTimeInMinutes: 1441 }),
        message: `${IN}.bakeTimeInMinutes is 1441; expected a whole number from 0 to 1440.`,
      },
      'in steps below 3 percent': {
        accepts: linear(3),
        refuses: linear(2.9),
        message: `${IN}.linearConfiguration.stepPercent is 2.9; expected a number from 3 to 100 in steps of 0.1.`,
      },
      'in steps finer than a tenth': {
        accepts: linear(33.3),
        refuses: linear(33.33),
        message: `${IN}.linearConfiguration.stepPercent is 33.33; expected a number from 3 to 100 in steps of 0.1.`,
      },
      'with a canary of nothing': {
        accepts: canary(0.1),
        refuses: canary(0),
        message: `${IN}.canaryConfiguration.canaryPercent is 0; expected a number from 0.1 to 100 in steps of 0.1.`,
      },
      'with the steps of another strategy': {
        accepts: canary(5),
        refuses: shifting({ canaryConfiguration: { canaryPercent: 5 } }),
        message: `${IN}.canaryConfiguration is given and ${IN}.strategy is "BLUE_GREEN"; expected strategy CANARY beside it.`,
      },
      'with hooks of a rolling update': {
        accepts: hooked(),
        refuses: shifting({
          strategy: 'ROLLING',
          bakeTimeInMinutes: undefined,
          lifecycleHooks: { items: [{ targetType: 'PAUSE', lifecycleStages: ['POST_SCALE_UP'] }] },
        }),
        message: `${IN}.lifecycleHooks is given and ${IN}.strategy is "ROLLING"; expected strategy BLUE_GREEN or LINEAR or CANARY beside it.`,
      },
      'with a hook that is a Lambda function': {
        accepts: hooked(),
        refuses: hooked({ hookTargetArn: 'arn:aws:lambda:eu-central-1:1:function:f' }),
        message: `${HOOK}.hookTargetArn is "arn:aws:lambda:eu-central-1:1:function:f"; expected an http or https URL, which is asked with POST: there are no Lambda functions here.`,
      },
      'with a hook at no stage': {
        accepts: hooked(),
        refuses: hooked({ lifecycleStages: [] }),
        message: `${HOOK}.lifecycleStages is missing; expected some of RECONCILE_SERVICE, PRE_SCALE_UP, POST_SCALE_UP, TEST_TRAFFIC_SHIFT, POST_TEST_TRAFFIC_SHIFT, PRE_PRODUCTION_TRAFFIC_SHIFT, PRODUCTION_TRAFFIC_SHIFT, POST_PRODUCTION_TRAFFIC_SHIFT.`,
      },
      'with a hook at a stage that has none': {
        accepts: hooked({ lifecycleStages: ['PRE_SCALE_UP'] }),
        refuses: hooked({ lifecycleStages: ['BAKE_TIME'] }),
        message: `${HOOK}.lifecycleStages[0] is "BAKE_TIME"; expected one of RECONCILE_SERVICE, PRE_SCALE_UP, POST_SCALE_UP, TEST_TRAFFIC_SHIFT, POST_TEST_TRAFFIC_SHIFT, PRE_PRODUCTION_TRAFFIC_SHIFT, PRODUCTION_TRAFFIC_SHIFT, POST_PRODUCTION_TRAFFIC_SHIFT.`,
      },
      'with a pause while traffic moves': {
        accepts: paused(['PRE_PRODUCTION_TRAFFIC_SHIFT']),
        refuses: paused(['PRODUCTION_TRAFFIC_SHIFT']),
        message: `${HOOK}.lifecycleStages[0] is "PRODUCTION_TRAFFIC_SHIFT"; expected none of TEST_TRAFFIC_SHIFT and PRODUCTION_TRAFFIC_SHIFT for a hook of type PAUSE.`,
      },
      'with details of a hook that are no JSON': {
        accepts: hooked({ hookDetails: '{"a":1}' }),
        refuses: hooked({ hookDetails: '{' }),
        message: `${HOOK}.hookDetails is "{"; expected JSON.`,
      },
      'with a hook that waits for more than 14 days': {
        accepts: hooked({ timeoutConfiguration: { timeoutInMinutes: 20_160 } }),
        refuses: hooked({ timeoutConfiguration: { timeoutInMinutes: 20_161 } }),
        message: `${HOOK}.timeoutConfiguration.timeoutInMinutes is 20161; expected a whole number from 1 to 20160.`,
      },
      'with eleven pauses': {
        accepts: shifting({ lifecycleHooks: { items: pauses(10) } }),
        refuses: shifting({ lifecycleHooks: { items: pauses(11) } }),
        message: `${IN}.lifecycleHooks has 11 hooks of type PAUSE; expected at most 10.`,
      },
      'with a deadline of nothing': {
        accepts: shifting({ progressDeadlineInSeconds: 1 }),
        refuses: shifting({ progressDeadlineInSeconds: 0 }),
        message: `${IN}.progressDeadlineInSeconds is 0; expected a whole number from 1 to 86400.`,
      },
    },
    acceptCreateService,
  );
});

function pauses(count: number): DeploymentLifecycleHook[] {
  return Array.from({ length: count }, () => ({
    targetType: 'PAUSE' as const,
    lifecycleStages: ['POST_SCALE_UP'],
  }));
}

describe('the deployment configuration of an update', () => {
  const current: DeploymentConfiguration = {
    strategy: 'CANARY',
    bakeTimeInMinutes: 5,
    canaryConfiguration: { canaryPercent: 20 },
    lifecycleHooks: { items: pauses(1) },
  };

  it('keeps what belongs to the strategy where it names none', () => {
    const next = completeDeploymentConfiguration('REPLICA', { maximumPercent: 150 }, current);
    assert.equal(next.strategy, 'CANARY');
    const kept = { canaryPercent: 20, canaryBakeTimeInMinutes: 10 };
    assert.deepEqual(next.canaryConfiguration, kept);
    assert.equal(next.lifecycleHooks?.items.length, 1);
    assert.equal(next.maximumPercent, 150);
  });

  it('takes all that belongs to a strategy from who names one', () => {
    const next = completeDeploymentConfiguration('REPLICA', { strategy: 'ROLLING' }, current);
    assert.equal(next.strategy, 'ROLLING');
    assert.equal('canaryConfiguration' in next, false);
    assert.equal('lifecycleHooks' in next, false);
    assert.equal('bakeTimeInMinutes' in next, false);
  });

  it('has the defaults of its strategy, in the unit that is given', () => {
    const of = (asked: DeploymentConfiguration) =>
      completeDeploymentConfiguration('REPLICA', asked);
    assert.deepEqual(of({ strategy: 'LINEAR' }).linearConfiguration, {
      stepPercent: 10,
      stepBakeTimeInMinutes: 6,
    });
    const canaryConfiguration = { canaryBakeTimeInSeconds: 2 };
    assert.deepEqual(of({ strategy: 'CANARY', canaryConfiguration }).canaryConfiguration, {
      canaryPercent: 5,
      canaryBakeTimeInSeconds: 2,
    });
  });

  it('has minutes take the place of seconds', () => {
    const baked = { strategy: 'BLUE_GREEN' as const, bakeTimeInSeconds: 3 };
    const next = completeDeploymentConfiguration('REPLICA', { bakeTimeInMinutes: 2 }, baked);
    assert.equal(next.bakeTimeInMinutes, 2);
    assert.equal('bakeTimeInSeconds' in next, false);
  });
});
