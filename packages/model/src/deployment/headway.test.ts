import assert from 'node:assert/strict';

import type { DeploymentConfiguration } from '../generated/messages.ts';
import { World } from './testing.ts';

const SECONDS = 1000;

describe('deployment: the deadline on headway of a rolling update', () => {
  /** A service whose second deployment has begun. */
  function updated(configuration: DeploymentConfiguration = {}): World {
    const world = new World({
      deploymentConfiguration: { progressDeadlineInSeconds: 120, ...configuration },
    });
    world.converge();
    world.messages.length = 0;
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    return world;
  }
  const state = (world: World) => world.record?.deployments[0]?.rolloutState;

  it('ends it after as long without any, and says what it waited for', () => {
    const world = updated();
    world.now += 120 * SECONDS - 1;
    world.settle();
    assert.equal(state(world), 'IN_PROGRESS');
    world.now += 1;
    world.settle();
    const [failed] = world.record?.deployments ?? [];
    assert.equal(failed?.rolloutState, 'FAILED');
    const why =
      'no headway for 120 s (progressDeadlineInSeconds): it waits for healthy tasks: 0 of 4 (4 starting)';
    assert.equal(failed.rolloutStateReason, `ECS deployment failed: ${why}.`);
    assert.ok(
      world.messages.includes(`(service s) (deployment ecs-svc/d2) deployment failed: ${why}.`),
    );
  });

  it('undoes it where the circuit breaker would', () => {
    const world = updated({ deploymentCircuitBreaker: { enable: true, rollback: true } });
    world.now += 120 * SECONDS;
    world.converge();
    assert.equal(state(world), 'COMPLETED');
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:1'));
  });

  it('tells of one that can never move', () => {
    const world = updated({ minimumHealthyPercent: 100, maximumPercent: 100 });
    world.now += 120 * SECONDS;
    world.settle();
    assert.equal(state(world), 'FAILED');
  });

  it('begins anew with each task that becomes healthy, and with another desired count', () => {
    const world = updated();
    const fresh = world.active().filter(({ task }) => task.taskDefinition === 'app:2');
    for (const { task } of fresh.slice(0, 3)) {
      world.now += 70 * SECONDS;
      world.run(({ id }) => id === task.id);
      world.settle();
      world.now += 40 * SECONDS;
      world.settle();
      assert.equal(state(world), 'IN_PROGRESS');
    }
    world.update({ desiredCount: 6 });
    world.settle();
    world.now += 119 * SECONDS;
    world.settle();
    assert.equal(state(world), 'IN_PROGRESS');
    world.now += 1 * SECONDS;
    world.settle();
    assert.equal(state(world), 'FAILED');
  });

  it('is none where none is asked for', () => {
    const world = updated({ progressDeadlineInSeconds: undefined });
    world.now += 365 * 86_400 * SECONDS;
    world.settle();
    assert.equal(state(world), 'IN_PROGRESS');
    assert.equal(world.record?.deployments[0]?.headway, undefined);
  });
});
