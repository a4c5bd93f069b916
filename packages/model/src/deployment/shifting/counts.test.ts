import assert from 'node:assert/strict';

import { percentOn, shiftingWorld, tick } from './testing.ts';

const MINUTE = 60_000;

describe('deployment: who stays during a shift', () => {
  it('tasks that are given up serve on until traffic is back at a source that has to grow first', () => {
    const world = shiftingWorld({ strategy: 'BLUE_GREEN', bakeTimeInMinutes: 60 });
    world.converge();
    world.update({ taskDefinition: 'app:2' });
    for (let round = 0; round < 100 && percentOn(world, 'green', 'l1/prod') < 100; round += 1) {
      world.now += MINUTE;
      tick(world);
    }
    assert.equal(percentOn(world, 'green', 'l1/prod'), 100);
    const served = (): number =>
      world.active().filter(({ task }) => task.taskDefinition === 'app:2').length;
    const before = served();
    const old = world.active().find(({ task }) => task.taskDefinition === 'app:1');
    world.crash(old?.task.id ?? '');

    world.update({ taskDefinition: 'app:3', desiredCount: before + 2 });
    for (let step = 0; step < 20; step += 1) {
      world.step();
      assert.equal(percentOn(world, 'green', 'l1/prod'), 100, 'the source is not whole');
      assert.equal(served(), before, 'they have all of the traffic');
    }
    for (let round = 0; round < 100; round += 1) {
      world.now += MINUTE;
      tick(world);
      if (percentOn(world, 'green', 'l1/prod') > 0) assert.ok(world.active().length >= before);
    }
    assert.equal(served(), 0);
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:3'));
  });

  for (const undone of [false, true]) {
    it(`tasks of a rolling update that a shift takes the place of give way to the source within the limits${undone ? ', also when that is undone' : ''}`, () => {
      const world = shiftingWorld({ strategy: 'ROLLING', maximumPercent: 150 });
      world.converge();
      const desired = world.active().length;
      world.update({ taskDefinition: 'app:2' });
      const of = (definition: string): number =>
        world.active().filter(({ task }) => task.taskDefinition === definition).length;
      for (let round = 0; round < 100 && of('app:1') > 1; round += 1) {
        world.step();
        world.run();
        world.report('p1', 'healthy', ({ state }) => state === 'REGISTERED');
        world.report('p1', 'drained', ({ state }) => state === 'DRAINING');
      }
      assert.ok(of('app:2') > 1, 'the rolling update is under way');

      const deploymentConfiguration = { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 1 } as const;
      world.update({ taskDefinition: 'app:3', deploymentConfiguration });
      if (undone) {
        world.step();
        world.update({ stopRequestedOf: world.service?.deploymentId });
      }
      for (let round = 0; round < 100; round += 1) {
        for (let look = 0; look < 4; look += 1) {
          world.step();
          const running = world.active().filter(({ status }) => status?.lastStatus === 'RUNNING');
          const serving = running.filter(({ task }) => task.taskDefinition !== 'app:3').length;
          if (percentOn(world, 'blue', 'l1/prod') > 0) {
            assert.ok(serving >= desired, `${serving} of ${desired} serve`);
          }
        }
        world.now += MINUTE;
        tick(world);
      }
      assert.equal(of(undone ? 'app:1' : 'app:3'), desired);
      assert.equal(world.active().length, desired);
    });
  }
});
