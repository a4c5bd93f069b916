import assert from 'node:assert/strict';

import type { ServiceRecord } from '../generated/messages.ts';
import { limitsOf } from './limits.ts';
import { serviceRecord, World } from './testing.ts';

interface Case {
  readonly desired: number;
  readonly percents: readonly [minimum: number, maximum: number];
  readonly limits: readonly [minHealthy: number, maxTotal: number];
  /** Tasks of old and new after each change. */
  readonly sequence: readonly string[];
  readonly stuck?: true;
}

/** The worked examples of the ECS reference, section 6.4. */
const CASES: readonly Case[] = [
  { desired: 4, percents: [100, 200], limits: [4, 8], sequence: ['4+4', '0+4'] },
  { desired: 4, percents: [100, 150], limits: [4, 6], sequence: ['4+2', '2+2', '2+4', '0+4'] },
  { desired: 4, percents: [50, 100], limits: [2, 4], sequence: ['2+0', '2+2', '0+2', '0+4'] },
  { desired: 4, percents: [50, 200], limits: [2, 8], sequence: ['2+4', '0+4'] },
  { desired: 4, percents: [0, 100], limits: [0, 4], sequence: ['0+0', '0+4'] },
  { desired: 4, percents: [100, 100], limits: [4, 4], sequence: [], stuck: true },
  { desired: 1, percents: [100, 150], limits: [1, 1], sequence: [], stuck: true },
  { desired: 2, percents: [75, 100], limits: [2, 2], sequence: [], stuck: true },
  { desired: 3, percents: [100, 125], limits: [3, 3], sequence: [], stuck: true },
  { desired: 1, percents: [100, 200], limits: [1, 2], sequence: ['1+1', '0+1'] },
];

function percents([
  minimumHealthyPercent,
  maximumPercent,
]: Case['percents']): Partial<ServiceRecord> {
  return { deploymentConfiguration: { minimumHealthyPercent, maximumPercent } };
}

function steady(change: Partial<ServiceRecord> = {}): World {
  const world = new World(change);
  world.converge();
  assert.notEqual(world.record?.steadySince, undefined, 'the service should be steady');
  world.messages.length = 0;
  return world;
}

describe('deployment: the rolling update', () => {
  for (const { desired, percents: asked, limits, sequence, stuck } of CASES) {
    const name = `${desired} tasks at ${asked.join('/')} %`;

    it(`${name} keep between ${limits[0]} and ${limits[1]}`, () => {
      const found = limitsOf(serviceRecord(percents(asked)), desired);
      assert.deepEqual([found.minHealthy, found.maxTotal], limits);
    });

    it(`${name} go ${sequence.join(', ') || 'nowhere, and say so'}`, () => {
      const world = steady({ desiredCount: desired, ...percents(asked) });
      world.update({ taskDefinition: 'app:2' });
      const counts = world.converge(8);
      // Taking the update in makes all tasks old ones; that is no step of the sequence.
      assert.deepEqual(
        counts.filter((each) => each !== `${desired}+0`),
        sequence,
      );
      const said = world.messages.filter((message) =>
        message.includes('was unable to stop or start'),
      );
      assert.equal(said.length, stuck ? 1 : 0);
      assert.equal(world.record?.deployments.length, stuck ? 2 : 1);
      assert.equal(world.record?.deployments[0]?.rolloutState, stuck ? 'IN_PROGRESS' : 'COMPLETED');
    });
  }

  for (const minimum of [0, 1, 34, 50, 75, 100]) {
    it(`at a minimum of ${minimum} % gets there, or says that it never will, with any maximum and count`, () => {
      for (const maximum of [100, 101, 125, 150, 200]) {
        for (let desired = 0; desired <= 6; desired += 1) {
          const asked = percents([minimum, maximum]);
          const { minHealthy, maxTotal } = limitsOf(serviceRecord(asked), desired);
          const world = steady({ desiredCount: desired, ...asked });
          world.update({ taskDefinition: 'app:2' });
          const stuck = desired > 0 && minHealthy === desired && maxTotal === desired;
          for (const counts of [...world.converge(30), world.counts()]) {
            const [old = 0, fresh = 0] = counts.split('+').map(Number);
            assert.ok(old + fresh <= maxTotal, `${desired} at ${minimum}/${maximum}: ${counts}`);
            assert.ok(old + fresh >= minHealthy, `${desired} at ${minimum}/${maximum}: ${counts}`);
          }
          assert.equal(world.counts(), stuck ? `${desired}+0` : `0+${desired}`);
          const said = world.messages.some((message) => message.includes('was unable to stop'));
          assert.equal(said, stuck, `${desired} at ${minimum}/${maximum}`);
        }
      }
    });
  }

  it('of many that follow one another before any is done only the newest is left', () => {
    const world = steady();
    for (const taskDefinition of ['app:2', 'app:3', 'app:2', 'app:1', 'app:3']) {
      world.update({ taskDefinition });
      world.settle();
      world.run(({ id }) => Number(id.slice(1)) % 2 === 0);
      world.settle();
      assert.ok(world.active().length <= 8);
    }
    world.converge();
    assert.equal(world.counts(), '0+4');
    assert.equal(world.record?.deployments.length, 1);
    assert.ok(world.active().every(({ task }) => task.taskDefinition === 'app:3'));
    assert.ok(world.active().every(({ task }) => task.owner === 'ecs-svc/d6'));
  });

  it('follows a desired count that falls meanwhile', () => {
    const world = steady({ desiredCount: 6, ...percents([50, 150]) });
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    world.update({ desiredCount: 2 });
    world.settle();
    assert.ok(world.active().length <= 3, world.counts());
    world.converge();
    assert.equal(world.counts(), '0+2');
  });

  it('starts what is missing when the desired count grows, without a new deployment', () => {
    const world = steady();
    world.update({ desiredCount: 7 });
    assert.deepEqual(world.converge(), ['0+7']);
    assert.equal(world.record?.deployments[0]?.id, 'ecs-svc/d1');
    assert.equal(world.record?.deployments[0]?.desiredCount, 7);
  });

  it('stops what is too much when the desired count falls, the pending first', () => {
    const world = steady();
    world.update({ desiredCount: 6 });
    world.settle();
    world.update({ desiredCount: 5 });
    assert.deepEqual(world.settle(), ['0+5']);
    assert.ok(world.messages.includes('(service s) stopped 1 pending tasks.'));
    world.update({ desiredCount: 2 });
    world.settle();
    assert.equal(world.counts(), '0+2');
    assert.equal(world.active().filter(({ status }) => status === undefined).length, 0);
  });

  it('goes to nothing and back', () => {
    const world = steady();
    world.update({ desiredCount: 0 });
    assert.deepEqual(world.converge(), ['0+0']);
    world.update({ desiredCount: 3 });
    assert.deepEqual(world.converge(), ['0+3']);
  });

  it('stops the pending tasks of an abandoned update at once', () => {
    const world = steady();
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    world.update({ taskDefinition: 'app:3' });
    assert.deepEqual(world.settle().at(-1), '4+4');
    assert.ok(world.messages.includes('(service s) stopped 4 pending tasks.'));
    world.converge();
    assert.deepEqual(
      world.active().map(({ task }) => task.taskDefinition),
      ['app:3', 'app:3', 'app:3', 'app:3'],
    );
  });

  it('stops sick old tasks before healthy ones', () => {
    const world = steady();
    world.define('app:1', { healthCheck: { command: ['CMD', 'true'] } });
    for (const id of ['t001', 't002', 't003']) world.containerHealth(id, 'HEALTHY');
    world.containerHealth('t004', 'UNHEALTHY');
    world.update({ taskDefinition: 'app:2' });
    world.step();
    assert.equal(world.task('t004').task.desiredStatus, 'STOPPED');
    assert.equal(world.task('t001').task.desiredStatus, 'RUNNING');
  });

  it('keeps up the minimum with the old revision when an old task is lost during an update', () => {
    const world = steady();
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    world.now += 60_000;
    world.crash('t001');
    world.settle();
    const old = world.active().filter(({ task }) => task.taskDefinition === 'app:1');
    assert.equal(old.length, 4, 'the lost task is replaced by one of its own revision');
    assert.equal(world.active().length, 8);
    world.converge();
    assert.equal(world.counts(), '0+4');
  });

  it('never grows an old deployment when the desired count grows during an update', () => {
    const world = steady();
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    world.update({ desiredCount: 8 });
    world.settle();
    assert.equal(world.counts(), '4+8');
    world.converge();
    assert.equal(world.counts(), '0+8');
  });
});

describe('deployment: replacement of sick tasks', () => {
  function checked(change: Partial<ServiceRecord> = {}): World {
    const world = new World({ desiredCount: 2, ...change });
    world.define('app:1', { healthCheck: { command: ['CMD-SHELL', 'check'] } });
    world.settle();
    world.run();
    for (const { task } of world.active()) world.containerHealth(task.id, 'HEALTHY');
    world.settle();
    assert.notEqual(world.record?.steadySince, undefined);
    return world;
  }

  it('starts the replacement first and stops the sick one when it is healthy', () => {
    const world = checked();
    world.containerHealth('t001', 'UNHEALTHY', 'connection refused');
    assert.deepEqual(world.settle(), ['0+3']);
    assert.equal(world.task('t001').task.desiredStatus, 'RUNNING');
    assert.ok(
      world.messages.includes(
        '(service s) (task t001) failed container health checks. The check of (container web) failed: connection refused',
      ),
    );
    world.run();
    world.containerHealth('t003', 'HEALTHY');
    world.settle();
    assert.equal(world.task('t001').task.stoppedReason, 'Task failed container health checks');
    assert.equal(world.counts(), '0+2');
  });

  it('returns to the desired count when the replacement is sick too', () => {
    const world = checked();
    world.containerHealth('t001', 'UNHEALTHY');
    world.settle();
    world.run();
    world.containerHealth('t003', 'UNHEALTHY');
    world.step();
    const sick = ['t001', 't003'].filter((id) => world.task(id).task.desiredStatus === 'STOPPED');
    assert.equal(sick.length, 1);
  });

  it('stops one at a time where the maximum leaves no room', () => {
    const world = checked({
      deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 100 },
    });
    world.containerHealth('t001', 'UNHEALTHY');
    world.containerHealth('t002', 'UNHEALTHY');
    assert.deepEqual(world.settle(), ['0+1', '0+2']);
    const stopped = ['t001', 't002'].filter(
      (id) => world.task(id).task.desiredStatus === 'STOPPED',
    );
    assert.equal(stopped.length, 1);
    world.run();
    world.containerHealth('t003', 'HEALTHY');
    assert.deepEqual(world.settle(), ['0+1', '0+2']);
  });

  it('lets a sick task be during the grace period, without calling it healthy', () => {
    const world = new World({ desiredCount: 1, healthCheckGracePeriodSeconds: 100 });
    world.define('app:1', { healthCheck: { command: ['CMD-SHELL', 'check'] } });
    world.settle();
    world.run();
    world.containerHealth('t001', 'UNHEALTHY');
    assert.deepEqual(world.settle(), []);
    assert.equal(world.record?.steadySince, undefined);
    world.now += 100_000;
    assert.deepEqual(world.settle(), ['0+2']);
  });
});

describe('deployment: draining hosts', () => {
  it('starts elsewhere first where there is room', () => {
    const world = new World({ desiredCount: 2 }, 2);
    world.converge();
    const [first] = world.active();
    world.drainHost(first?.task.hostId ?? '');
    assert.deepEqual(world.settle(), ['0+3']);
    world.turn();
    assert.deepEqual(world.settle(), ['0+2']);
    assert.equal(first?.task.desiredStatus, 'STOPPED');
  });

  it('stops down to the minimum first where there is none', () => {
    const world = new World(
      {
        desiredCount: 4,
        deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 100 },
      },
      2,
    );
    world.converge();
    world.addHost('h3');
    world.drainHost('h1');
    assert.deepEqual(world.settle(), ['0+2', '0+4']);
    world.converge();
    assert.ok(world.active().every(({ task }) => task.hostId !== 'h1'));
  });

  it('stops pending tasks there at once', () => {
    const world = new World({ desiredCount: 2 }, 2);
    world.settle();
    world.drainHost('h1');
    world.settle();
    assert.ok(world.active().every(({ task }) => task.hostId === 'h2'));
  });

  it('moves nothing at 100/100 and says so', () => {
    const world = new World(
      {
        desiredCount: 2,
        deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 100 },
      },
      2,
    );
    world.converge();
    world.drainHost('h1');
    assert.deepEqual(world.settle(), []);
    assert.ok(world.messages.some((message) => message.includes('was unable to stop or start')));
  });
});

describe('deployment: lost hosts', () => {
  it('replaces the tasks of a host only when it has been gone for long enough', () => {
    const world = new World({ desiredCount: 2 }, 2);
    world.converge();
    world.changeHost('h1', { connected: false, goneSince: world.now });
    world.now += 19_999;
    assert.deepEqual(world.settle(), []);
    world.now += 1;
    world.settle();
    const lost = [...world.tasks.values()].find(({ task }) => task.hostId === 'h1');
    assert.equal(lost?.task.stopCode, 'TerminationNotice');
    assert.equal(lost.task.stoppedReason, 'Host EC2 (instance h1) terminated.');
    assert.equal(world.counts(), '0+2');
    assert.ok(world.active().every(({ task }) => task.hostId === 'h2'));
    world.converge();
    assert.equal(world.record?.deployments.length, 1);
  });
});
