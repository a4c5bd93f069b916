import assert from 'node:assert/strict';

import { planDeployment } from './plan.ts';
import { World } from './testing.ts';

/** Protects the tasks for an hour. */
function protect(world: World, ids: readonly string[], minutes = 60): void {
  for (const id of ids) {
    const found = world.task(id);
    found.task = { ...found.task, protectedUntil: world.now + minutes * 60_000 };
  }
}

const idsOf = (world: World): string[] => world.active().map(({ task }) => task.id);

describe('deployment: protected tasks', () => {
  it('stay when the service scales in, which says so and ends when they are free', () => {
    const world = new World({ desiredCount: 4 });
    world.converge();
    const [first = '', second = ''] = idsOf(world);
    protect(world, [first, second]);
    world.update({ desiredCount: 1 });
    world.converge(3);
    assert.deepEqual(idsOf(world), [first, second]);
    assert.ok(
      world.messages.includes(
        '(service s) was unable to reach steady state because (taskSet ecs-svc/d1) was unable to scale in ' +
          'due to (reason 2 tasks under protection)',
      ),
    );
    world.now += 3_600_000;
    world.converge();
    assert.equal(idsOf(world).length, 1);
  });

  it('stay while a deployment replaces the others, within its maximum', () => {
    const world = new World({ desiredCount: 3 });
    world.converge();
    const [first = ''] = idsOf(world);
    protect(world, [first]);
    world.update({ taskDefinition: 'app:2' });
    world.converge(5);
    assert.ok(idsOf(world).includes(first));
    assert.equal(world.counts(), '1+3');
    assert.equal(world.record?.deployments[0]?.rolloutState, 'IN_PROGRESS');
    world.now += 3_600_000;
    world.converge();
    assert.equal(world.counts(), '0+3');
    assert.equal(world.record.deployments[0]?.rolloutState, 'COMPLETED');
  });

  it('are replaced when they are sick', () => {
    const world = new World({ desiredCount: 2 });
    world.define('app:1', { healthCheck: { command: ['CMD', 'true'] } });
    world.settle();
    world.run();
    for (const id of idsOf(world)) world.containerHealth(id, 'HEALTHY');
    world.settle();
    const [first = ''] = idsOf(world);
    protect(world, [first]);
    world.containerHealth(first, 'UNHEALTHY');
    world.settle();
    world.run();
    for (const id of idsOf(world)) if (id !== first) world.containerHealth(id, 'HEALTHY');
    world.settle();
    assert.ok(!idsOf(world).includes(first));
  });

  it('stay on a draining host until they are free', () => {
    const world = new World({ desiredCount: 1 }, 2);
    world.converge();
    const [only] = world.active();
    assert.ok(only);
    protect(world, [only.task.id]);
    world.drainHost(only.task.hostId);
    world.converge(3);
    assert.ok(idsOf(world).includes(only.task.id));
    world.now += 3_600_000;
    world.converge(3);
    assert.ok(!idsOf(world).includes(only.task.id));
  });

  it('of a deleted service stop', () => {
    const world = new World({ desiredCount: 2 });
    world.converge();
    protect(world, idsOf(world));
    world.update({ status: 'DRAINING', desiredCount: 0 });
    world.settle();
    assert.deepEqual(idsOf(world), []);
  });

  it('wake the controller when they are free', () => {
    const world = new World({ desiredCount: 2 });
    world.converge();
    const [first = ''] = idsOf(world);
    protect(world, [first], 1);
    world.update({ desiredCount: 0 });
    world.settle();
    assert.deepEqual(idsOf(world), [first]);
    const { wakeAt } = planDeployment(world.view(), world.now);
    assert.equal(wakeAt, world.now + 60_000);
  });
});
