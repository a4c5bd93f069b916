import assert from 'node:assert/strict';

import type { DeploymentConfiguration } from '../../generated/messages.ts';
import { planDeployment } from '../plan.ts';
import type { World } from '../testing.ts';
import { percentOn, servingIn, shiftingWorld, tick } from './testing.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const BLUE_GREEN: DeploymentConfiguration = { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 60 };
const CANARY: DeploymentConfiguration = {
  strategy: 'CANARY',
  canaryConfiguration: { canaryPercent: 5, canaryBakeTimeInMinutes: 60 },
};
const PAUSED: DeploymentConfiguration = {
  ...BLUE_GREEN,
  lifecycleHooks: {
    items: [{ targetType: 'PAUSE', lifecycleStages: ['POST_TEST_TRAFFIC_SHIFT'] }],
  },
};
const BREAKER = { deploymentCircuitBreaker: { enable: true, rollback: true } };

const onGreen = (world: World): number => percentOn(world, 'green', 'l1/prod');
const stage = (world: World): string | undefined => world.record?.deployments[0]?.shift?.stage;
const isOf = (definition: string) => (task: { taskDefinition: string }) =>
  task.taskDefinition === definition;

/** Blue runs app:1, green app:2 and has some of the traffic. */
function shifted(configuration: DeploymentConfiguration, percent = 100): World {
  const world = shiftingWorld(configuration);
  world.converge();
  world.update({ taskDefinition: 'app:2' });
  const isThere = (): boolean => onGreen(world) === percent && servingIn(world, 'green') === 4;
  for (let round = 0; round < 100 && !isThere(); round += 1) tick(world);
  assert.equal(onGreen(world), percent);
  assert.deepEqual([servingIn(world, 'blue'), servingIn(world, 'green')], [4, 4]);
  world.messages.length = 0;
  return world;
}

/** So many of a revision's tasks crash, and nobody has started others yet. */
function crash(world: World, definition: string, count: number): void {
  const tasks = world.active().filter(({ task }) => isOf(definition)(task));
  for (const { task } of tasks.slice(0, count)) world.crash(task.id);
}

function undo(world: World): void {
  world.update({ stopRequestedOf: world.service?.deploymentId });
  world.settle();
}

/** Tasks of a revision come up and are healthy. */
function comeUp(world: World, definition: string): void {
  world.run(isOf(definition));
  world.settle();
  const own = new Set(
    world.active().flatMap(({ task }) => (isOf(definition)(task) ? [task.id] : [])),
  );
  const running = ({ taskId, state }: { taskId: string; state: string }): boolean =>
    own.has(taskId) &&
    state === 'REGISTERED' &&
    world.task(taskId).status?.lastStatus === 'RUNNING';
  world.report('p1', 'healthy', running);
  world.settle();
}

function end(world: World): void {
  for (let round = 0; round < 50 && world.record?.steadySince === undefined; round += 1) {
    tick(world);
    world.now += MINUTE;
  }
  assert.notEqual(world.record?.steadySince, undefined);
}

describe('deployment: the return of traffic', () => {
  it('is immediate to a source that is whole', () => {
    const world = shifted(BLUE_GREEN);
    undo(world);
    assert.equal(onGreen(world), 0);
    assert.equal(percentOn(world, 'green', 'l1/test'), 0);
  });

  it('waits until the source, whose tasks have crashed, is back at its healthy count', () => {
    const world = shifted(BLUE_GREEN);
    crash(world, 'app:1', 4);
    undo(world);
    assert.equal(stage(world), 'SCALE_UP');
    assert.deepEqual([onGreen(world), percentOn(world, 'green', 'l1/test')], [100, 100]);
    assert.equal(servingIn(world, 'green'), 4, 'what serves stays');
    world.run(isOf('app:1'));
    world.settle();
    assert.equal(onGreen(world), 100, 'they run, but nobody has called them healthy');
    comeUp(world, 'app:1');
    assert.deepEqual([onGreen(world), percentOn(world, 'green', 'l1/test')], [0, 0]);
    end(world);
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:1'));
    assert.equal(world.record?.deployments[0]?.rolloutState, 'COMPLETED');
  });

  it('says what it waits for', () => {
    const world = shifted(BLUE_GREEN);
    crash(world, 'app:1', 3);
    undo(world);
    const [undoing] = world.record?.deployments ?? [];
    assert.equal(undoing?.waitsFor, 'healthy tasks: 1 of 4 (3 starting)');
  });

  it('is immediate where nobody serves it: nothing can be lost', () => {
    const world = shifted(BLUE_GREEN);
    crash(world, 'app:1', 4);
    crash(world, 'app:2', 4);
    undo(world);
    assert.equal(onGreen(world), 0);
  });

  for (const [what, configuration, percent, lostBlue, lostGreen, goes] of [
    ['one of four is missing', BLUE_GREEN, 100, 1, 0, false],
    ['as many as serve it now', BLUE_GREEN, 100, 2, 2, true],
    ['fewer than serve it now', BLUE_GREEN, 100, 3, 2, false],
    [
      'the least that must be healthy',
      { ...BLUE_GREEN, minimumHealthyPercent: 50 },
      100,
      2,
      0,
      true,
    ],
    ['less than that', { ...BLUE_GREEN, minimumHealthyPercent: 50 }, 100, 3, 0, false],
    ['none, though none has to be', { ...BLUE_GREEN, minimumHealthyPercent: 0 }, 100, 4, 0, false],
    ['one, which a twentieth of the traffic comes back to', CANARY, 5, 3, 0, true],
    ['none, and a twentieth of the traffic is away', CANARY, 5, 4, 0, false],
  ] as const) {
    it(`${goes ? 'needs no more than this' : 'waits'}: ${what}`, () => {
      const world = shifted(configuration, percent);
      crash(world, 'app:1', lostBlue);
      crash(world, 'app:2', lostGreen);
      undo(world);
      assert.equal(onGreen(world), goes ? 0 : percent);
      comeUp(world, 'app:1');
      assert.equal(onGreen(world), 0);
    });
  }

  it('of test traffic alone needs one healthy task', () => {
    const world = shifted(PAUSED, 0);
    assert.equal(stage(world), 'POST_TEST_TRAFFIC_SHIFT');
    crash(world, 'app:1', 4);
    undo(world);
    assert.equal(percentOn(world, 'green', 'l1/test'), 100);
    comeUp(world, 'app:1');
    assert.equal(percentOn(world, 'green', 'l1/test'), 0);
  });

  it('is not asked for where the rules never gave the traffic away', () => {
    const world = shifted(PAUSED, 0);
    const hookId = world.record?.deployments[0]?.shift?.hooks[0]?.hookId ?? '';
    world.update({ hookDecisions: [{ hookId, action: 'CONTINUE', at: world.now }] });
    // The deployment is written, and the controller dies before the weights are.
    const plan = planDeployment(world.view(), world.now);
    world.apply({ ...plan, actions: plan.actions.filter(({ kind }) => kind !== 'putWeights') });
    assert.equal(world.record?.deployments[0]?.shift?.productionWeight, 1000);
    assert.equal(onGreen(world), 0);
    crash(world, 'app:2', 4);
    world.update({ stopRequestedOf: world.service?.deploymentId });
    for (let round = 0; round < 20; round += 1) {
      world.step();
      assert.equal(onGreen(world), 0);
    }
  });

  it('takes whatever is healthy after a day', () => {
    const world = shifted(BLUE_GREEN);
    crash(world, 'app:1', 3);
    undo(world);
    world.now += DAY - 1;
    world.settle();
    assert.equal(onGreen(world), 100);
    world.now += 1;
    world.settle();
    assert.equal(onGreen(world), 0);
  });

  it('is given up after a day without a healthy task', () => {
    const world = shifted(BLUE_GREEN);
    crash(world, 'app:1', 4);
    undo(world);
    world.now += DAY;
    world.settle();
    assert.equal(world.record?.deployments[0]?.rolloutState, 'FAILED');
    assert.equal(onGreen(world), 100);
    assert.equal(servingIn(world, 'green'), 4);
    assert.ok(world.messages.some((text) => text.includes('was healthy for 24 h')));
  });

  it('is given up when the tasks of the source do not start: who serves gets all, and the next deployment starts from there', () => {
    const world = shifted({ ...CANARY, ...BREAKER }, 5);
    crash(world, 'app:1', 4);
    undo(world);
    for (let round = 0; world.record?.deployments[0]?.rolloutState !== 'FAILED'; round += 1) {
      assert.ok(round < 20);
      crash(world, 'app:1', 4);
      world.now += 60 * MINUTE;
      world.settle();
    }
    assert.equal(onGreen(world), 100);
    assert.equal(percentOn(world, 'green', 'l1/test'), 100);
    world.update({ taskDefinition: 'app:3', stopRequestedOf: undefined });
    for (let round = 0; round < 20; round += 1) {
      world.step();
      assert.ok(servingIn(world, 'green') >= 4);
      tick(world);
      world.now += MINUTE;
    }
    end(world);
    assert.equal(onGreen(world), 100);
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:3'));
    assert.equal(servingIn(world, 'green'), 4);
  });

  it('is given up by a circuit breaker that is switched on only then, also when a newer deployment had waited for it', () => {
    const world = shifted(BLUE_GREEN);
    crash(world, 'app:1', 4);
    undo(world);
    world.update({ taskDefinition: 'app:3', stopRequestedOf: undefined });
    world.settle();
    undo(world);
    const fails = (): void => {
      crash(world, 'app:1', 4);
      world.now += 60 * MINUTE;
      world.settle();
    };
    for (let round = 0; round < 5; round += 1) fails();
    assert.equal(world.record?.deployments[0]?.rolloutState, 'IN_PROGRESS');
    world.update({ deploymentConfiguration: { ...BLUE_GREEN, ...BREAKER } });
    fails();
    assert.equal(world.record?.deployments[0]?.rolloutState, 'FAILED');
    assert.equal(onGreen(world), 100);
    world.update({ taskDefinition: 'app:3', stopRequestedOf: undefined });
    for (let round = 0; round < 10; round += 1) {
      world.step();
      assert.ok(servingIn(world, 'green') >= 4);
      tick(world);
      world.now += MINUTE;
    }
    end(world);
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:3'));
    assert.equal(servingIn(world, 'green'), 4);
  });

  it('before a newer deployment waits for the source as well', () => {
    const world = shifted(BLUE_GREEN);
    crash(world, 'app:1', 4);
    world.update({ taskDefinition: 'app:3' });
    world.settle();
    assert.equal(stage(world), 'RECONCILE_SERVICE');
    assert.equal(onGreen(world), 100);
    const [newest] = world.record?.deployments ?? [];
    assert.equal(
      newest?.waitsFor,
      'healthy tasks: 0 of 4 (4 starting), of the deployment that it goes back to',
    );
    comeUp(world, 'app:1');
    assert.equal(onGreen(world), 0);
  });

  it('what an undone deployment had found in its group serves on until the traffic is back', () => {
    const world = shifted(BLUE_GREEN);
    crash(world, 'app:1', 4);
    world.update({ taskDefinition: 'app:3' });
    world.settle();
    undo(world);
    assert.equal(onGreen(world), 100);
    assert.equal(servingIn(world, 'green'), 4);
    comeUp(world, 'app:1');
    assert.equal(onGreen(world), 0);
    end(world);
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:1'));
  });
});
