import assert from 'node:assert/strict';

import type { DeploymentConfiguration, ServiceRecord } from '../../generated/messages.ts';
import { hookCalls, outcomeOf, withOutcome } from './hooks.ts';
import { percentOn, shiftingWorld, tick } from './testing.ts';
import type { World } from '../testing.ts';

const BLUE_GREEN: DeploymentConfiguration = { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 5 };
const LINEAR: DeploymentConfiguration = {
  strategy: 'LINEAR',
  linearConfiguration: { stepPercent: 25, stepBakeTimeInMinutes: 2 },
};
const CANARY: DeploymentConfiguration = {
  strategy: 'CANARY',
  bakeTimeInMinutes: 3,
  canaryConfiguration: { canaryPercent: 0.5, canaryBakeTimeInMinutes: 10 },
};
const MINUTE = 60_000;

function hooked(stage: string, more: object = {}): DeploymentConfiguration {
  const hook = { hookTargetArn: 'http://hook/', lifecycleStages: [stage], ...more };
  return { ...BLUE_GREEN, lifecycleHooks: { items: [hook] } };
}

function paused(stage: string, action: 'CONTINUE' | 'ROLLBACK' = 'ROLLBACK') {
  const timeoutConfiguration = { timeoutInMinutes: 30, action };
  return hooked(stage, { targetType: 'PAUSE', hookTargetArn: undefined, timeoutConfiguration });
}

/** A service whose first deployment is over and whose second has begun. */
function updated(configuration: DeploymentConfiguration, change: Partial<ServiceRecord> = {}) {
  const world = shiftingWorld(configuration, change);
  world.converge();
  assert.notEqual(world.record?.steadySince, undefined);
  world.messages.length = 0;
  world.update({ taskDefinition: 'app:2' });
  return world;
}

const shift = (world: World) => world.record?.deployments[0]?.shift;

/** Until the shift is at a stage. Tasks come up between any two looks, but those of SCALE_UP, which would be over at once. */
function reach(world: World, stage: string): void {
  for (let round = 0; round < 400; round += 1) {
    if (shift(world)?.stage === stage) return;
    world.now += 1000;
    if (stage === 'SCALE_UP') world.settle();
    // The old tasks of CLEAN_UP are still on their way out.
    else tick(world, stage !== 'CLEAN_UP');
  }
  assert.fail(`the shift is at ${shift(world)?.stage ?? 'no stage'}; expected ${stage}`);
}

function reachWeight(world: World, tenths: number): void {
  for (let round = 0; round < 400; round += 1) {
    if (shift(world)?.productionWeight === tenths) return;
    tick(world);
  }
  assert.fail(`the new revision has ${shift(world)?.productionWeight ?? 0}; expected ${tenths}`);
}

/** Each change of stage and weights, as `STAGE production/test`, until nothing moves for an hour. */
function told(world: World, most = 400): string[] {
  const seen: string[] = [];
  for (let quiet = 0, round = 0; quiet < 60 && round < most; round += 1) {
    tick(world);
    const now = shift(world);
    const done = world.record?.deployments[0]?.rolloutState !== 'IN_PROGRESS';
    const text = done
      ? `over ${percentOn(world, 'green', 'l1/prod')}/${percentOn(world, 'green', 'l1/test')}`
      : `${now?.stage ?? 'none'} ${(now?.productionWeight ?? 0) / 10}/${(now?.testWeight ?? 0) / 10}`;
    if (seen.at(-1) === text) quiet += 1;
    else {
      seen.push(text);
      quiet = 0;
    }
    if (done) return seen;
    world.now += MINUTE / 2;
  }
  return seen;
}

describe('deployment: shifts of traffic', () => {
  it('the first deployment has nothing to shift from: it starts where the traffic goes', () => {
    const world = shiftingWorld(BLUE_GREEN);
    world.converge();
    assert.equal(shift(world), undefined);
    assert.equal(world.record?.deployments[0]?.loadBalancers[0]?.targetGroupArn, 'blue');
    assert.equal(world.routes.get('l1/prod')?.overlay, undefined);
  });

  it('the first deployment starts in the alternate group where the rule forwards there', () => {
    const world = shiftingWorld(BLUE_GREEN);
    world.routes.set('l1/prod', { groups: [{ group: 'green', weight: 1 }] });
    world.converge();
    assert.equal(world.record?.deployments[0]?.loadBalancers[0]?.targetGroupArn, 'green');
  });

  it('BLUE_GREEN moves all of it at once, then bakes', () => {
    assert.deepEqual(told(updated(BLUE_GREEN)), ['BAKE_TIME 100/100', 'over 100/100']);
  });

  it('CANARY moves a little, bakes, moves the rest, bakes', () => {
    assert.deepEqual(told(updated(CANARY)), [
      'PRODUCTION_TRAFFIC_SHIFT 0.5/100',
      'BAKE_TIME 100/100',
      'over 100/100',
    ]);
  });

  it('LINEAR moves it in equal steps and does not bake after the last', () => {
    assert.deepEqual(told(updated(LINEAR)), [
      'PRODUCTION_TRAFFIC_SHIFT 25/100',
      'PRODUCTION_TRAFFIC_SHIFT 50/100',
      'PRODUCTION_TRAFFIC_SHIFT 75/100',
      'over 100/100',
    ]);
  });

  it('goes through the stages of ECS, and tells of each and of what it moves', () => {
    const world = updated(BLUE_GREEN);
    told(world);
    const said = world.messages
      .filter((message) => message.includes('lifecycle stage') || message.includes('traffic'))
      .map((message) => message.replace('(service s) (deployment ecs-svc/d2) ', ''));
    assert.deepEqual(said, [
      'has reached lifecycle stage SCALE_UP.',
      'has reached lifecycle stage POST_SCALE_UP.',
      'has reached lifecycle stage TEST_TRAFFIC_SHIFT.',
      'gets 100 percent of the test traffic.',
      'has reached lifecycle stage POST_TEST_TRAFFIC_SHIFT.',
      'has reached lifecycle stage PRE_PRODUCTION_TRAFFIC_SHIFT.',
      'has reached lifecycle stage PRODUCTION_TRAFFIC_SHIFT.',
      'gets 100 percent of the production traffic.',
      'has reached lifecycle stage POST_PRODUCTION_TRAFFIC_SHIFT.',
      'has reached lifecycle stage BAKE_TIME.',
      'has reached lifecycle stage CLEAN_UP.',
    ]);
  });

  it('keeps both revisions whole until the bake time is over, whatever the maximum is', () => {
    const world = updated({ ...BLUE_GREEN, minimumHealthyPercent: 100, maximumPercent: 100 });
    reach(world, 'BAKE_TIME');
    assert.equal(world.counts(), '4+4');
    world.now += 5 * MINUTE - 1;
    tick(world);
    assert.equal(world.counts(), '4+4');
    world.now += 1;
    tick(world);
    assert.equal(world.counts(), '0+4');
  });

  it('goes back and forth between the two groups', () => {
    const world = updated(BLUE_GREEN);
    told(world);
    assert.equal(percentOn(world, 'green', 'l1/prod'), 100);
    world.update({ taskDefinition: 'app:3' });
    told(world);
    assert.equal(percentOn(world, 'green', 'l1/prod'), 0);
    assert.equal(percentOn(world, 'blue', 'l1/prod'), 100);
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:3'));
  });

  it('scales both revisions while traffic is shifted', () => {
    const world = updated(LINEAR);
    reachWeight(world, 250);
    world.update({ desiredCount: 6 });
    tick(world);
    assert.equal(world.counts(), '6+6');
    world.update({ desiredCount: 2 });
    tick(world);
    assert.equal(world.counts(), '2+2');
    told(world);
    assert.equal(world.counts(), '0+2');
  });

  it('takes no further step while the new revision is not whole', () => {
    const world = updated(LINEAR);
    reachWeight(world, 250);
    const sick = world.active().find(({ task }) => task.taskDefinition === 'app:2');
    world.crash(sick?.task.id ?? '');
    world.settle();
    world.now += 3 * MINUTE;
    world.settle();
    assert.equal(shift(world)?.stage, 'PRE_PRODUCTION_TRAFFIC_SHIFT');
    assert.equal(shift(world)?.productionWeight, 250);
    tick(world);
    assert.equal(shift(world)?.productionWeight, 500);
  });

  it('stops no old task before the rules say that it gets nothing', () => {
    const world = updated({ ...BLUE_GREEN, bakeTimeInMinutes: 0 });
    world.settle();
    world.run();
    world.step();
    world.report('p1', 'healthy', ({ state }) => state === 'REGISTERED');
    world.now += MINUTE;
    for (let step = 0; step < 20; step += 1) {
      const before = percentOn(world, 'blue', 'l1/prod');
      world.step();
      if (before > 0) assert.equal(world.active().length, 8);
    }
    assert.equal(world.counts(), '0+4');
  });
});

describe('deployment: hooks of a shift', () => {
  function answer(world: World, body: string): void {
    const realm = { region: 'eu-berth-1', account: '000000000000' };
    const { record, service } = world;
    assert.ok(record && service);
    for (const call of hookCalls(realm, service, record.deployments)) {
      if (call.at > world.now) continue;
      const deployments = withOutcome(record.deployments, call.hookId, outcomeOf(body), world.now);
      world.record = { ...record, deployments };
    }
  }

  function at(stage: string, configuration = hooked(stage)): World {
    const world = updated(configuration);
    reach(world, stage);
    return world;
  }

  it('hold the stage until they succeed', () => {
    const world = at('POST_SCALE_UP');
    world.now += 60 * MINUTE;
    tick(world);
    assert.equal(shift(world)?.stage, 'POST_SCALE_UP');
    assert.equal(percentOn(world, 'green', 'l1/test'), 0);
    answer(world, '{"hookStatus":"SUCCEEDED"}');
    tick(world);
    assert.equal(shift(world)?.stage, 'BAKE_TIME');
  });

  it('asked before test traffic moves: tasks that fail meanwhile are waited for', () => {
    const world = at('POST_SCALE_UP');
    for (const { task } of world.active()) {
      if (task.taskDefinition === 'app:2') world.crash(task.id);
    }
    answer(world, '{"hookStatus":"SUCCEEDED"}');
    world.settle();
    assert.equal(shift(world)?.stage, 'POST_SCALE_UP');
    assert.equal(percentOn(world, 'green', 'l1/test'), 0);
    assert.match(world.record?.deployments[0]?.waitsFor ?? '', /^healthy tasks: 0 of 4/);
    world.now += MINUTE;
    tick(world);
    assert.equal(percentOn(world, 'green', 'l1/test'), 100);
  });

  for (const [what, body] of [
    ['that fails', '{"hookStatus":"FAILED"}'],
    ['that answers nonsense', '{"ok":true}'],
    ['that answers no JSON', '<html>'],
  ] as const) {
    it(`undo the deployment with one ${what}`, () => {
      const world = at('POST_TEST_TRAFFIC_SHIFT');
      assert.equal(percentOn(world, 'green', 'l1/test'), 100);
      answer(world, body);
      told(world);
      assert.equal(percentOn(world, 'blue', 'l1/prod'), 100);
      assert.equal(percentOn(world, 'blue', 'l1/test'), 100);
      assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:1'));
      assert.ok(
        world.messages.some((message) => message.includes('POST_TEST_TRAFFIC_SHIFT FAILED')),
      );
    });
  }

  it('are asked again when they say that they are at work', () => {
    const world = at('PRE_SCALE_UP');
    answer(world, '{"hookStatus":"IN_PROGRESS","callBackDelay":120}');
    world.now += 119_000;
    answer(world, '{"hookStatus":"SUCCEEDED"}');
    tick(world);
    assert.equal(shift(world)?.stage, 'PRE_SCALE_UP');
    world.now += 1000;
    answer(world, '{"hookStatus":"SUCCEEDED"}');
    tick(world);
    assert.notEqual(shift(world)?.stage, 'PRE_SCALE_UP');
  });

  it('of the shift are asked once the weights are there, and tell them', () => {
    const world = updated(hooked('PRODUCTION_TRAFFIC_SHIFT'));
    let payload: Record<string, unknown> | undefined;
    for (let round = 0; round < 30 && !payload; round += 1) {
      const { record, service } = world;
      const realm = { region: 'eu-berth-1', account: '000000000000' };
      if (record && service) payload = hookCalls(realm, service, record.deployments)[0]?.payload;
      if (!payload) tick(world);
    }
    assert.equal(percentOn(world, 'green', 'l1/prod'), 100);
    assert.deepEqual(Object.values(payload?.['productionTrafficWeights'] ?? {}), [0, 100]);
    assert.deepEqual(payload?.['lifecycleStage'], 'PRODUCTION_TRAFFIC_SHIFT');
  });

  it('of type PAUSE wait for a person, who lets the deployment go on', () => {
    const world = at('POST_SCALE_UP', paused('POST_SCALE_UP'));
    const [hook] = shift(world)?.hooks ?? [];
    assert.equal(hook?.status, 'AWAITING_ACTION');
    assert.match(hook.hookId, /^ecs-pause-/);
    world.update({ hookDecisions: [{ hookId: hook.hookId, action: 'CONTINUE', at: world.now }] });
    tick(world);
    assert.equal(shift(world)?.stage, 'BAKE_TIME');
  });

  it('of type PAUSE wait for a person, who sends the deployment back', () => {
    const world = at('POST_SCALE_UP', paused('POST_SCALE_UP'));
    const hookId = shift(world)?.hooks[0]?.hookId ?? '';
    world.update({ hookDecisions: [{ hookId, action: 'ROLLBACK', at: world.now }] });
    told(world);
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:1'));
  });

  it('are remembered behind their stage, with what became of them', () => {
    const world = updated({
      ...hooked('POST_SCALE_UP'),
      lifecycleHooks: {
        items: [
          { hookTargetArn: 'http://hook/', lifecycleStages: ['POST_SCALE_UP'] },
          { targetType: 'PAUSE', lifecycleStages: ['POST_TEST_TRAFFIC_SHIFT'] },
        ],
      },
    });
    const said = () => shift(world)?.hooks.map(({ status, reason }) => [status, reason]);
    reach(world, 'POST_SCALE_UP');
    answer(world, '{"hookStatus":"SUCCEEDED"}');
    tick(world);
    assert.deepEqual(said(), [
      ['SUCCEEDED', undefined],
      ['AWAITING_ACTION', undefined],
    ]);
    world.update({ stopRequestedOf: world.service?.deploymentId });
    told(world);
    assert.deepEqual(said(), [
      ['SUCCEEDED', undefined],
      ['FAILED', 'the deployment was undone before it had answered'],
    ]);
  });

  for (const action of ['CONTINUE', 'ROLLBACK'] as const) {
    it(`of type PAUSE that nobody answers: ${action}`, () => {
      const world = at('POST_SCALE_UP', paused('POST_SCALE_UP', action));
      world.now += 30 * MINUTE - 1;
      tick(world);
      assert.equal(shift(world)?.stage, 'POST_SCALE_UP');
      world.now += 1;
      told(world);
      const expected = action === 'CONTINUE' ? 'app:2' : 'app:1';
      assert.ok(world.active().every(({ task }) => task.taskDefinition === expected));
    });
  }
});

describe('deployment: the undoing of a shift', () => {
  const STAGES = [
    ['SCALE_UP', BLUE_GREEN],
    ['POST_SCALE_UP', paused('POST_SCALE_UP')],
    ['POST_TEST_TRAFFIC_SHIFT', paused('POST_TEST_TRAFFIC_SHIFT')],
    ['PRODUCTION_TRAFFIC_SHIFT', CANARY],
    ['BAKE_TIME', BLUE_GREEN],
    ['CLEAN_UP', BLUE_GREEN],
  ] as const;

  for (const [stage, configuration] of STAGES) {
    it(`from ${stage} ends with all traffic where it was, and no task of the new revision`, () => {
      const world = updated(configuration);
      reach(world, stage);
      world.update({ stopRequestedOf: world.service?.deploymentId });
      told(world);
      assert.equal(world.record?.deployments[0]?.rolloutState, 'COMPLETED');
      assert.equal(percentOn(world, 'blue', 'l1/prod'), 100);
      assert.equal(percentOn(world, 'blue', 'l1/test'), 100);
      assert.equal(world.active().length, 4);
      assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:1'));
    });
  }

  it('keeps only tasks of the revision that it goes back to, not what an older one has left', () => {
    const world = updated(BLUE_GREEN);
    reach(world, 'CLEAN_UP');
    world.update({ taskDefinition: 'app:3' });
    world.settle();
    assert.ok(world.tasks.size > 4);
    world.update({ stopRequestedOf: world.service?.deploymentId });
    for (let round = 0; round < 20; round += 1) {
      world.settle();
      const undoing = world.record?.deployments[0]?.id;
      for (const { task } of world.tasks.values()) {
        if (task.owner === undoing) assert.equal(task.taskDefinition, 'app:2');
      }
      tick(world);
    }
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:2'));
  });

  it('by the circuit breaker, when the new tasks do not start', () => {
    const world = updated({
      ...BLUE_GREEN,
      deploymentCircuitBreaker: { enable: true, rollback: false },
    });
    for (let round = 0; round < 20; round += 1) {
      world.settle();
      for (const { task, status } of world.active()) {
        if (task.taskDefinition === 'app:2' && !status) world.crash(task.id);
      }
      world.now += 60 * MINUTE;
    }
    told(world);
    assert.equal(world.counts(), '0+4');
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:1'));
  });

  it('when its rule is gone', () => {
    const world = updated(CANARY);
    reach(world, 'PRODUCTION_TRAFFIC_SHIFT');
    world.routes.delete('l1/prod');
    told(world);
    assert.ok(world.messages.some((text) => text.includes('production listener rule l1/prod')));
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:1'));
  });

  it('after a day in one stage', () => {
    const world = updated(BLUE_GREEN);
    world.settle();
    world.now += 24 * 60 * MINUTE;
    world.settle();
    assert.ok(
      world.messages.some((text) => text.includes('stage SCALE_UP was not over after 24 h')),
    );
  });

  it('when it makes no headway for as long as it may', () => {
    const world = updated({ ...BLUE_GREEN, progressDeadlineInSeconds: 600 });
    world.settle();
    world.now += 599_000;
    world.settle();
    assert.equal(shift(world)?.stage, 'SCALE_UP');
    world.now += 1000;
    world.settle();
    assert.ok(
      world.messages.some((text) =>
        text.includes(
          'no headway for 600 s (progressDeadlineInSeconds): it waits for healthy tasks: 0 of 4 (4 starting)',
        ),
      ),
    );
  });
});

describe('deployment: a change of the configuration alone, during a shift', () => {
  const ROLLING: DeploymentConfiguration = { strategy: 'ROLLING', maximumPercent: 150 };

  it('leaves the strategy, the steps and the bake times as the deployment began with them', () => {
    const world = updated(LINEAR);
    reachWeight(world, 250);
    world.update({ deploymentConfiguration: ROLLING });
    assert.deepEqual(told(world), [
      'PRODUCTION_TRAFFIC_SHIFT 25/100',
      'PRODUCTION_TRAFFIC_SHIFT 50/100',
      'PRODUCTION_TRAFFIC_SHIFT 75/100',
      'over 100/100',
    ]);
    assert.equal(world.record?.deployments[0]?.shift?.configuration?.strategy, 'LINEAR');
  });

  it('leaves its hooks, and its way back', () => {
    const world = updated(paused('POST_TEST_TRAFFIC_SHIFT'));
    reach(world, 'POST_TEST_TRAFFIC_SHIFT');
    world.update({ deploymentConfiguration: ROLLING });
    world.now += 29 * MINUTE;
    tick(world);
    assert.equal(shift(world)?.stage, 'POST_TEST_TRAFFIC_SHIFT');
    world.now += MINUTE;
    told(world);
    assert.equal(percentOn(world, 'blue', 'l1/test'), 100);
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:1'));
  });

  it('is for the next deployment: that one replaces tasks in turn, where the traffic is', () => {
    const world = updated(BLUE_GREEN);
    reach(world, 'BAKE_TIME');
    world.update({ deploymentConfiguration: ROLLING });
    told(world);
    world.update({ taskDefinition: 'app:3' });
    world.converge();
    assert.equal(shift(world), undefined);
    assert.equal(percentOn(world, 'green', 'l1/prod'), 100);
    assert.equal(world.record?.deployments[0]?.loadBalancers[0]?.targetGroupArn, 'green');
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:3'));
  });

  it('of a rolling update to a shift is for the next deployment as well', () => {
    const world = updated({ strategy: 'ROLLING' });
    world.settle();
    world.update({ deploymentConfiguration: BLUE_GREEN });
    world.converge();
    assert.equal(shift(world), undefined);
    assert.equal(percentOn(world, 'blue', 'l1/prod'), 100);
    world.update({ taskDefinition: 'app:3' });
    told(world);
    assert.equal(percentOn(world, 'green', 'l1/prod'), 100);
  });

  it('of the percentages counts at once', () => {
    const world = updated({ ...BLUE_GREEN, maximumPercent: 100 });
    reach(world, 'BAKE_TIME');
    world.drainHost('h1');
    world.settle();
    const before = world.active().length;
    world.update({ deploymentConfiguration: { ...BLUE_GREEN, maximumPercent: 200 } });
    world.settle();
    assert.ok(world.active().length > before, 'the draining host is left start-first');
  });
});

describe('deployment: a newer deployment during a shift', () => {
  for (const [stage, configuration] of [
    ['SCALE_UP', BLUE_GREEN],
    ['PRODUCTION_TRAFFIC_SHIFT', CANARY],
    ['BAKE_TIME', BLUE_GREEN],
  ] as const) {
    it(`at ${stage}: traffic goes back first, the abandoned tasks go, then it begins`, () => {
      const world = updated(configuration);
      reach(world, stage);
      world.update({ taskDefinition: 'app:3' });
      world.step();
      assert.equal(shift(world)?.stage, 'RECONCILE_SERVICE');
      const seen = told(world);
      assert.equal(seen.at(-1), 'over 100/100');
      assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:3'));
      assert.equal(world.active().length, 4);
    });
  }

  it('at CLEAN_UP: it starts from what was about to be completed', () => {
    const world = updated(BLUE_GREEN);
    reach(world, 'CLEAN_UP');
    world.update({ taskDefinition: 'app:3' });
    told(world);
    assert.equal(percentOn(world, 'blue', 'l1/prod'), 100);
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:3'));
  });

  it('during an undoing: it starts from what the undoing goes back to', () => {
    const world = updated(BLUE_GREEN);
    reach(world, 'BAKE_TIME');
    world.update({ stopRequestedOf: world.service?.deploymentId });
    world.step();
    world.step();
    world.update({ taskDefinition: 'app:3' });
    const seen = told(world);
    assert.equal(seen.at(-1), 'over 100/100');
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:3'));
  });
});
