import assert from 'node:assert/strict';

import type { ServiceRecord } from '../generated/messages.ts';
import { breakerThreshold, rollbackId } from './circuit-breaker.ts';
import { World } from './testing.ts';
import { THROTTLE_MAX_MS, throttleDelay, throttled } from './throttle.ts';

const BREAKER: Partial<ServiceRecord> = {
  deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
};

/** Tasks of a revision fail to start, again and again, until nothing more is launched or `rounds` are over. */
function failToStart(world: World, definition: string, rounds: number): number {
  let failed = 0;
  for (let round = 0; round < rounds; round += 1) {
    world.settle();
    const pending = world.active().filter(({ task }) => task.taskDefinition === definition);
    if (pending.length === 0) break;
    for (const { task } of pending) {
      world.crash(task.id, {
        stopCode: 'TaskFailedToStart',
        stoppedReason: 'CannotPullContainerError: no such image',
      });
      failed += 1;
    }
    world.settle();
    world.now += THROTTLE_MAX_MS;
  }
  world.settle();
  return failed;
}

describe('deployment: the circuit breaker', () => {
  for (const [desired, threshold] of [
    [0, 3],
    [1, 3],
    [6, 3],
    [7, 4],
    [25, 13],
    [400, 200],
    [800, 200],
  ] as const) {
    it(`${desired} desired tasks allow ${threshold - 1} failures`, () => {
      assert.equal(breakerThreshold(desired), threshold);
    });
  }

  for (const [type, value, desired, threshold] of [
    ['BOUNDED_PERCENT', 10, 10, 3],
    ['BOUNDED_PERCENT', 100, 10, 10],
    ['UNBOUNDED_PERCENT', 10, 10, 1],
    ['UNBOUNDED_PERCENT', 50, 1000, 500],
    ['UNBOUNDED_PERCENT', 50, 0, 1],
    ['COUNT', 7, 1000, 7],
  ] as const) {
    it(`of ${type} ${value} allows ${threshold - 1} failures of ${desired} tasks`, () => {
      const thresholdConfiguration = { type, value };
      const deploymentCircuitBreaker = { enable: true, rollback: false, thresholdConfiguration };
      const options = { deploymentConfiguration: { deploymentCircuitBreaker } };
      assert.equal(breakerThreshold(desired, options), threshold);
    });
  }

  it('counts on over healthy tasks where it is told to', () => {
    for (const resetOnHealthyTask of [true, false]) {
      const world = new World({
        desiredCount: 2,
        deploymentConfiguration: {
          deploymentCircuitBreaker: { enable: true, rollback: false, resetOnHealthyTask },
        },
      });
      world.settle();
      const [first] = world.active();
      assert.ok(first);
      world.crash(first.task.id, { stopCode: 'TaskFailedToStart' });
      world.settle();
      world.now += THROTTLE_MAX_MS;
      world.settle();
      world.run();
      world.now += 60_000;
      world.settle();
      assert.equal(world.record?.deployments[0]?.failedTasks, resetOnHealthyTask ? 0 : 1);
    }
  });

  it('goes back to the last completed deployment, in ECS order of events', () => {
    const world = new World({ desiredCount: 1, ...BREAKER });
    world.converge();
    world.messages.length = 0;
    world.update({ taskDefinition: 'app:2' });
    assert.equal(failToStart(world, 'app:2', 10), 3);
    const [primary] = world.record?.deployments ?? [];
    assert.equal(primary?.id, rollbackId('ecs-svc/d2'));
    assert.match(primary.id, /^ecs-svc\/\d{19}$/);
    assert.equal(primary.rollbackOf, 'ecs-svc/d2');
    assert.equal(primary.taskDefinition, 'app:1');
    world.converge();
    assert.deepEqual(
      world.messages.filter((message) => /failed:|rolling|completed|steady/.test(message)),
      [
        '(service s) (deployment ecs-svc/d2) deployment failed: tasks failed to start.',
        '(service s) rolling back to deployment ecs-svc/d1.',
        `(service s) (deployment ${primary.id}) deployment completed.`,
        '(service s) has reached a steady state.',
      ],
    );
    assert.equal(world.record?.deployments.length, 1);
  });

  it('does not restart the tasks that it goes back to', () => {
    const world = new World({ desiredCount: 3, ...BREAKER });
    world.converge();
    const before = world.active().map(({ task }) => task.id);
    world.update({ taskDefinition: 'app:2' });
    failToStart(world, 'app:2', 10);
    world.converge();
    const [primary] = world.record?.deployments ?? [];
    assert.deepEqual(
      world.active().map(({ task }) => task.id),
      before,
    );
    assert.ok(world.active().every(({ task }) => task.owner === primary?.id));
  });

  it('stays as it is and launches nothing where it may not roll back', () => {
    const world = new World({
      desiredCount: 1,
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } },
    });
    world.converge();
    world.update({ taskDefinition: 'app:2' });
    assert.equal(failToStart(world, 'app:2', 10), 3);
    assert.deepEqual(
      world.record?.deployments.map(({ status, rolloutState, rolloutStateReason }) => [
        status,
        rolloutState,
        rolloutStateReason,
      ]),
      [
        ['PRIMARY', 'FAILED', 'ECS deployment circuit breaker: tasks failed to start.'],
        ['ACTIVE', 'COMPLETED', 'ECS deployment ecs-svc/d1 completed.'],
      ],
    );
    assert.deepEqual(world.settle(), []);
    assert.equal(world.counts(), '1+0');
  });

  it('still replaces lost tasks of the old deployment when the new one has failed', () => {
    const world = new World({
      desiredCount: 2,
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } },
    });
    world.converge();
    world.update({ taskDefinition: 'app:2' });
    failToStart(world, 'app:2', 10);
    world.crash('t001');
    world.settle();
    assert.equal(world.counts(), '2+0');
  });

  it('stalls when a first deployment fails', () => {
    const world = new World({ desiredCount: 1, ...BREAKER });
    assert.equal(failToStart(world, 'app:1', 10), 3);
    assert.equal(world.record?.deployments[0]?.rolloutState, 'FAILED');
    world.now += THROTTLE_MAX_MS;
    assert.deepEqual(world.settle(), []);
  });

  it('stalls when an update fails while a rollback is under way', () => {
    const world = new World({ desiredCount: 1, ...BREAKER });
    world.converge();
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    world.crash('t001');
    failToStart(world, 'app:2', 10);
    const [undoing] = world.record?.deployments ?? [];
    assert.deepEqual([undoing?.rollbackOf, undoing?.rolloutState], ['ecs-svc/d2', 'IN_PROGRESS']);
    world.update({ taskDefinition: 'app:3' });
    failToStart(world, 'app:3', 10);
    assert.equal(world.record?.deployments[0]?.rolloutState, 'FAILED');
    assert.equal(world.record?.deployments[0]?.taskDefinition, 'app:3');
  });

  it('counts tasks that fail their checks, and a healthy one clears the count', () => {
    const world = new World({ desiredCount: 1, ...BREAKER });
    world.converge();
    world.define('app:2', { healthCheck: { command: ['CMD', 'check'] } });
    world.update({ taskDefinition: 'app:2' });
    const failedTasks = (): number | undefined => world.record?.deployments[0]?.failedTasks;
    const newest = (): string => [...world.tasks.keys()].at(-1) ?? '';
    for (const expected of [1, 2]) {
      world.settle();
      world.run();
      world.containerHealth(newest(), 'UNHEALTHY', 'exit 1');
      world.step();
      assert.equal(failedTasks(), expected);
    }
    world.settle();
    world.run();
    world.now += 1000;
    world.containerHealth(newest(), 'HEALTHY');
    world.step();
    assert.equal(failedTasks(), 0);
    assert.equal(world.record?.deployments[0]?.rolloutState, 'IN_PROGRESS');
  });

  it('counts each failed task once, however often it is looked at', () => {
    const world = new World({ desiredCount: 2, ...BREAKER });
    world.settle();
    world.crash('t001', { stopCode: 'TaskFailedToStart' });
    for (let look = 0; look < 5; look += 1) world.step();
    assert.equal(world.record?.deployments[0]?.failedTasks, 1);
  });

  it('does nothing unless it is enabled', () => {
    const world = new World({ desiredCount: 1 });
    assert.equal(failToStart(world, 'app:1', 8), 8);
    assert.equal(world.record?.deployments[0]?.rolloutState, 'IN_PROGRESS');
  });
});

describe('deployment: the launch throttle', () => {
  it('doubles from two seconds to 27 minutes', () => {
    const delays = Array.from({ length: 13 }, (_, rounds) => throttleDelay(rounds) / 1000);
    assert.deepEqual(delays, [0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1620, 1620]);
  });

  it('takes failures during a wait for the same round', () => {
    const first = throttled({ launchFailures: 0 }, 1000);
    assert.deepEqual(first, { launchFailures: 1, nextLaunchAt: 3000 });
    assert.deepEqual(throttled(first, 2999), first);
    assert.deepEqual(throttled(first, 3000), { launchFailures: 2, nextLaunchAt: 7000 });
  });

  it('waits longer after each vain round, says why, and starts anew with a new deployment', () => {
    const world = new World({ desiredCount: 1 });
    const waits: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      world.settle();
      const [task] = world.active();
      world.crash(task?.task.id ?? '', {
        stopCode: 'TaskFailedToStart',
        stoppedReason: 'CannotPullContainerError: no such image',
      });
      world.settle();
      assert.equal(world.active().length, 0);
      const next = world.record?.deployments[0]?.nextLaunchAt ?? 0;
      waits.push(next - world.now);
      world.now = next;
    }
    assert.deepEqual(waits, [2000, 4000, 8000, 16_000]);
    const impaired = world.messages.filter((message) => message.includes('unable to consistently'));
    assert.equal(impaired.length, 1);
    assert.match(impaired[0] ?? '', /\(task t003\) CannotPullContainerError: no such image/);
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    assert.equal(world.active().length, 1);
  });

  it('slows down tasks that exit as soon as they run', () => {
    const world = new World({ desiredCount: 1 });
    world.settle();
    world.run();
    world.now += 1000;
    world.crash('t001', { stopCode: 'EssentialContainerExited' });
    world.settle();
    assert.equal(world.active().length, 0);
  });

  it('lets a task that ran well for a while be replaced at once', () => {
    const world = new World({ desiredCount: 1 });
    world.converge();
    world.crash('t001', { stopCode: 'EssentialContainerExited' });
    assert.deepEqual(world.settle(), ['0+1']);
  });
});
