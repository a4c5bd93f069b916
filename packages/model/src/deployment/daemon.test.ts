import assert from 'node:assert/strict';

import { World } from './testing.ts';

function daemon(hosts = 3): World {
  const world = new World({ schedulingStrategy: 'DAEMON', desiredCount: 0 }, hosts);
  world.eligibleHosts = [...world.hosts.keys()];
  world.converge();
  return world;
}

const places = (world: World): string[] =>
  world
    .active()
    .map(({ task }) => task.hostId)
    .sort();

describe('deployment: daemons', () => {
  it('runs one task on each eligible host, and counts the hosts as desired', () => {
    const world = daemon();
    assert.deepEqual(places(world), ['h1', 'h2', 'h3']);
    assert.equal(world.record?.deployments[0]?.desiredCount, 3);
    assert.notEqual(world.record?.steadySince, undefined);
  });

  it('follows hosts that come', () => {
    const world = daemon();
    world.addHost('h4');
    world.eligibleHosts = [...world.hosts.keys()];
    world.converge();
    assert.deepEqual(places(world), ['h1', 'h2', 'h3', 'h4']);
  });

  it('tells of the count each time the hosts are others, and of nothing else', () => {
    const world = daemon();
    world.update({ taskDefinition: 'app:2' });
    world.converge();
    world.eligibleHosts = ['h1', 'h2'];
    world.converge();
    assert.deepEqual(
      world.messages.filter((message) => message.includes('desired count')),
      [
        '(daemon service s) updated desired count to 3.',
        '(daemon service s) updated desired count to 2.',
      ],
    );
  });

  it('leaves a draining host last', () => {
    const world = daemon();
    world.drainHost('h1');
    world.changeHost('h1', { replicaTasks: 2 });
    world.eligibleHosts = ['h2', 'h3'];
    world.settle();
    assert.deepEqual(places(world), ['h1', 'h2', 'h3']);
    world.changeHost('h1', { replicaTasks: 0 });
    world.converge();
    assert.deepEqual(places(world), ['h2', 'h3']);
    assert.notEqual(world.record?.steadySince, undefined);
  });

  it('leaves a host that no longer meets the constraints', () => {
    const world = daemon();
    world.eligibleHosts = ['h1', 'h2'];
    world.converge();
    assert.deepEqual(places(world), ['h1', 'h2']);
  });

  it('starts the new task of a host only when the old one is gone', () => {
    const world = daemon(2);
    world.update({ taskDefinition: 'app:2' });
    assert.deepEqual(world.settle(), ['0+0']);
    world.stopEnding();
    assert.deepEqual(world.settle(), ['0+2']);
  });

  it('keeps to the minimum healthy percent', () => {
    const world = new World(
      {
        schedulingStrategy: 'DAEMON',
        deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 100 },
      },
      4,
    );
    world.eligibleHosts = [...world.hosts.keys()];
    world.converge();
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    assert.equal(world.counts(), '2+0');
    world.converge();
    assert.equal(world.counts(), '0+4');
  });
});
