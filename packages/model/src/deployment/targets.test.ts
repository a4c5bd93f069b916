import assert from 'node:assert/strict';

import type { ServiceRecord } from '../generated/messages.ts';
import { groupRecord, World } from './testing.ts';

const BALANCED: Partial<ServiceRecord> = {
  desiredCount: 1,
  loadBalancers: [{ targetGroupArn: 'web', containerName: 'web', containerPort: 80 }],
};

function balanced(delaySeconds = 300, change: Partial<ServiceRecord> = {}): World {
  const world = new World({ ...BALANCED, ...change });
  world.groups.set('web', groupRecord('web', delaySeconds));
  world.proxies = ['p1', 'p2'];
  world.settle();
  world.run();
  world.settle();
  return world;
}

/** One task, serving, whose stop a person has ordered. */
function stopping(delaySeconds = 300): World {
  const world = balanced(delaySeconds);
  for (const proxy of world.proxies) world.report(proxy, 'healthy');
  world.settle();
  const each = world.task('t001');
  each.task = {
    ...each.task,
    desiredStatus: 'STOPPED',
    stopCode: 'UserInitiated',
    stoppingAt: world.now,
  };
  world.settle();
  return world;
}

const gates = (world: World): readonly boolean[] => {
  const { task } = world.task('t001');
  return [task.drainBeforeStop, task.holdPorts];
};

describe('deployment: targets', () => {
  it('registers a task when it runs, at its host port', () => {
    const world = balanced();
    const [target] = world.task('t001').targets.values();
    assert.deepEqual(
      [target?.record.id, target?.record.address, target?.record.port, target?.record.state],
      ['t001-20001', '10.0.0.1', 20001, 'REGISTERED'],
    );
    assert.ok(world.messages.includes('(service s) registered 1 targets in (target-group web)'));
  });

  it('counts a task as healthy only when every live proxy says so', () => {
    const world = balanced();
    world.report('p1', 'healthy');
    world.settle();
    assert.equal(world.record?.steadySince, undefined);
    world.report('p2', 'healthy');
    world.settle();
    assert.equal(world.record?.steadySince, world.now);
  });

  it('counts none as healthy while no proxy lives', () => {
    const world = balanced();
    world.proxies = [];
    world.report('p1', 'healthy');
    world.settle();
    assert.equal(world.record?.steadySince, undefined);
  });

  it('stays steady, and touches nothing, while proxies reconnect', () => {
    const world = balanced();
    for (const proxy of ['p1', 'p2']) world.report(proxy, 'healthy');
    world.settle();
    const since = world.record?.steadySince;
    world.proxies = [];
    assert.deepEqual(world.settle(), []);
    assert.equal(world.record?.steadySince, since);
  });

  it('does not stop old tasks during an update while proxies reconnect', () => {
    const world = balanced();
    for (const proxy of ['p1', 'p2']) world.report(proxy, 'healthy');
    world.settle();
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    world.proxies = [];
    world.settle();
    assert.equal(world.counts(), '1+1');
  });

  it('replaces a task that every proxy that reports it calls unhealthy, and says why', () => {
    const world = balanced();
    world.report('p1', 'unhealthy', undefined, 'Health checks failed with these codes: [503]');
    world.settle();
    assert.equal(world.counts(), '0+2');
    assert.ok(
      world.messages.includes(
        '(service s) (task t001) (port 20001) is unhealthy in (target-group web) due to (reason Health checks failed with these codes: [503])',
      ),
    );
  });

  it('does not replace a task that one proxy calls healthy', () => {
    const world = balanced();
    world.report('p1', 'unhealthy');
    world.report('p2', 'healthy');
    assert.deepEqual(world.settle(), []);
  });

  it('drains before the task may stop, until every live proxy has', () => {
    const world = stopping();
    const [target] = world.task('t001').targets.values();
    assert.equal(target?.record.state, 'DRAINING');
    assert.ok(world.messages.includes('(service s) has begun draining connections on 1 tasks.'));
    assert.deepEqual(gates(world), [true, true]);
    world.report('p1', 'drained');
    world.report('p2', 'draining');
    world.settle();
    assert.deepEqual(gates(world), [true, true]);
    world.report('p2', 'drained', ({ taskId }) => taskId === 't001');
    world.settle();
    assert.deepEqual(gates(world), [false, false]);
    assert.equal(world.task('t001').targets.size, 0);
  });

  it('stops the task when the delay is over, and frees its ports a minute later', () => {
    const world = stopping(30);
    world.now += 29_999;
    world.settle();
    assert.deepEqual(gates(world), [true, true]);
    world.now += 1;
    world.settle();
    assert.deepEqual(gates(world), [false, true]);
    assert.equal(world.task('t001').targets.size, 1);
    world.now += 60_000;
    world.settle();
    assert.deepEqual(gates(world), [false, false]);
    assert.equal(world.task('t001').targets.size, 0);
  });

  it('waits for a proxy that vanished lately', () => {
    const world = stopping();
    world.vanished = [{ id: 'p2', until: world.now + 15_000 }];
    world.proxies = ['p1'];
    world.report('p1', 'drained', ({ taskId }) => taskId === 't001');
    world.settle();
    assert.deepEqual(gates(world), [true, true]);
    world.now += 15_000;
    world.settle();
    assert.deepEqual(gates(world), [false, false]);
  });

  it('believes in no full set of proxies right after the controller has started', () => {
    const world = stopping();
    world.settledAt = world.now + 15_000;
    for (const proxy of world.proxies) world.report(proxy, 'drained');
    world.settle();
    assert.deepEqual(gates(world), [true, true]);
    world.now += 15_000;
    world.settle();
    assert.deepEqual(gates(world), [false, false]);
  });

  it('waits for the delay while no proxy lives', () => {
    const world = stopping(10);
    world.proxies = [];
    world.now += 9_999;
    world.settle();
    assert.deepEqual(gates(world), [true, true]);
    world.now += 1;
    world.settle();
    assert.deepEqual(gates(world), [false, true]);
  });

  it('opens the gates of a task that never had a target at once', () => {
    const world = new World(BALANCED);
    world.groups.set('web', groupRecord('web'));
    world.settle();
    world.update({ desiredCount: 0 });
    world.settle();
    assert.deepEqual(gates(world), [false, false]);
  });

  it('drains a task that ended by itself, and copies why', () => {
    const world = balanced();
    world.crash('t001', {
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
    });
    world.settle();
    const { task, targets } = world.task('t001');
    assert.equal(task.desiredStatus, 'STOPPED');
    assert.equal(task.stopCode, 'EssentialContainerExited');
    assert.equal([...targets.values()][0]?.record.state, 'DRAINING');
    assert.deepEqual(gates(world), [true, true]);
  });

  it('says so when a container has no such port, or the group is gone', () => {
    const world = balanced(300, {
      loadBalancers: [{ targetGroupArn: 'web', containerName: 'web', containerPort: 81 }],
    });
    assert.ok(world.messages.some((message) => message.includes('no host port for its port 81')));
    const other = new World(BALANCED);
    other.settle();
    other.run();
    other.settle();
    assert.ok(other.messages.some((message) => message.includes('TARGET GROUP IS NOT FOUND')));
  });
});

describe('deployment: the end of a service', () => {
  it('stops and drains everything, then becomes INACTIVE', () => {
    const world = balanced(300, { desiredCount: 2 });
    for (const proxy of ['p1', 'p2']) world.report(proxy, 'healthy');
    world.settle();
    if (world.service) world.service = { ...world.service, status: 'DRAINING', desiredCount: 0 };
    world.settle();
    assert.equal(world.active().length, 0);
    assert.equal(world.service?.status, 'DRAINING');
    for (const proxy of ['p1', 'p2']) world.report(proxy, 'drained');
    world.settle();
    assert.equal(world.service?.status, 'DRAINING', 'its containers still run');
    world.stopEnding();
    world.settle();
    assert.equal(world.service?.status, 'INACTIVE');
    assert.equal(world.record, undefined);
  });

  it('cleans up after a service whose record is gone', () => {
    const world = balanced();
    world.service = undefined;
    world.settle();
    assert.equal(world.active().length, 0);
    for (const proxy of ['p1', 'p2']) world.report(proxy, 'drained');
    world.settle();
    world.stopEnding();
    world.settle();
    assert.equal(world.record, undefined);
    assert.equal(world.task('t001').targets.size, 0);
  });
});
