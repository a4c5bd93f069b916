import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { ServiceRecord } from '../generated/messages.ts';
import { limitsOf } from './limits.ts';
import { planDeployment } from './plan.ts';
import { MOVE_LIMIT_MS, RETRY_AFTER_MS } from './rebalance.ts';
import { planRebalancing, ZONE } from './rebalancing.ts';
import { World } from './testing.ts';

const zone = (value: string) => ({ attributes: [{ name: ZONE, value }] });

/** A service whose hosts h1 to hN are in the zones given, and which may move tasks. */
function worldOf(zones: readonly string[], service: Partial<ServiceRecord> = {}): World {
  const world = new World({ availabilityZoneRebalancing: 'ENABLED', ...service }, 0);
  for (const [index, name] of zones.entries()) world.addHost(`h${index + 1}`, zone(name));
  return world;
}

function counts(world: World): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { task } of world.active()) {
    const [attribute] = world.hosts.get(task.hostId)?.record?.attributes ?? [];
    const name = attribute?.value ?? '';
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

/** All tasks in zone a, then a host of zone b joins. */
function lopsided(service: Partial<ServiceRecord> = {}): World {
  const world = worldOf(['a'], service);
  world.converge();
  world.addHost('h2', zone('b'));
  world.moves = true;
  world.messages.length = 0;
  return world;
}

/** Turns of the world until nothing happens any more. */
function rest(world: World): void {
  for (let turn = 0; turn < 60; turn += 1) {
    world.turn();
    if (world.settle().length === 0 && world.record?.rebalancing === undefined) return;
  }
  assert.fail(`still moving: ${JSON.stringify(counts(world))}`);
}

describe('rebalancing zones', () => {
  it('starts one where fewest are, and stops one where most are once it is healthy', () => {
    const world = lopsided();
    assert.deepEqual(world.settle(), ['0+5']);
    assert.deepEqual(counts(world), { a: 4, b: 1 });
    world.run();
    assert.deepEqual(world.settle(), []); // it runs, nobody knows yet that it is healthy
    world.now += 41_000;
    assert.deepEqual(world.settle(), ['0+4', '0+5']);
    assert.deepEqual(counts(world), { a: 3, b: 2 });
    rest(world);
    assert.deepEqual(counts(world), { a: 2, b: 2 });
    assert.equal(world.record?.deployments.length, 1);
    assert.notEqual(world.record.steadySince, undefined);
    const said = world.messages.map((message) =>
      message.replace('(service s) ', '').replaceAll(/t\d+/g, 'T'),
    );
    assert.deepEqual(
      said.filter((message) => message.includes('AZ ')),
      [
        'is not AZ balanced with 4 tasks in a, 0 tasks in b. AZ Rebalancing in progress.',
        'has stopped 1 running tasks in a due to AZ rebalancing: (task T).',
        'has stopped 1 running tasks in a due to AZ rebalancing: (task T).',
        'is AZ balanced with 2 tasks in a, 2 tasks in b.',
      ],
    );
    assert.equal(said.at(-1), 'has reached a steady state.');
  });

  const still: Record<string, Partial<ServiceRecord>> = {
    'that does not ask for it': { availabilityZoneRebalancing: 'DISABLED' },
    'that never said': { availabilityZoneRebalancing: undefined },
    'without room above its count': {
      deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 100 },
    },
    'whose maximum rounds down to its count': {
      desiredCount: 2,
      deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 140 },
    },
    'that is packed': { placementStrategy: [{ type: 'binpack', field: 'memory' }] },
    'that is spread over hosts first': {
      placementStrategy: [{ type: 'spread', field: 'instanceId' }],
    },
    'that is bound to zones': {
      placementConstraints: [{ type: 'memberOf', expression: `attribute:${ZONE} != b` }],
    },
  };
  for (const [name, service] of Object.entries(still)) {
    it(`leaves a service alone ${name}`, () => {
      const world = lopsided(service);
      assert.deepEqual(world.settle(), []);
      assert.equal(world.record?.rebalancing, undefined);
    });
  }

  it('leaves a service alone where a host does not say its zone', () => {
    const world = lopsided();
    world.addHost('h3');
    assert.deepEqual(world.settle(), []);
  });

  it('leaves a service alone that is balanced, whatever the order of zones', () => {
    const world = worldOf(['c', 'b', 'a'], { desiredCount: 7 });
    world.moves = true;
    world.converge();
    assert.deepEqual(planRebalancing(world.view(), world.now).moves, []);
  });

  it('is over when a deployment begins, whose limits then hold', () => {
    const world = lopsided();
    world.settle();
    world.update({ taskDefinition: 'app:2' });
    world.settle();
    assert.equal(world.record?.rebalancing, undefined);
    assert.ok(world.messages.some((message) => message.endsWith('stopped AZ Rebalancing.')));
    world.converge();
    rest(world);
    assert.deepEqual(counts(world), { a: 2, b: 2 });
  });

  it('is over when the count changes', () => {
    const world = lopsided();
    world.settle();
    world.update({ desiredCount: 1 });
    world.settle();
    assert.equal(world.active().length, 1);
    assert.equal(world.record?.rebalancing, undefined);
  });

  it('tries again later what failed', () => {
    const world = lopsided();
    world.settle();
    const [fresh] = world.active().filter(({ task }) => task.hostId === 'h2');
    world.crash(fresh!.task.id);
    world.settle();
    assert.equal(world.active().length, 4);
    assert.equal(world.record?.rebalancing?.blockedUntil, world.now + RETRY_AFTER_MS);
    assert.notEqual(world.record.steadySince, undefined);
    world.now += RETRY_AFTER_MS;
    assert.deepEqual(world.settle(), ['0+5']);
  });

  it('gives up a task that does not come up', () => {
    const world = lopsided();
    world.settle();
    world.now += MOVE_LIMIT_MS;
    world.settle();
    world.stopEnding();
    world.settle();
    assert.deepEqual(counts(world), { a: 4 });
    assert.notEqual(world.record?.rebalancing?.blockedUntil, undefined);
  });

  it('moves no task that is protected', () => {
    const world = lopsided();
    for (const each of world.active()) {
      each.task = { ...each.task, protectedUntil: world.now + 3_600_000 };
    }
    assert.deepEqual(world.settle(), []);
    const [free] = world.active();
    free!.task = { ...free!.task, protectedUntil: undefined };
    assert.deepEqual(world.settle(), ['0+5']);
  });

  it('moves a tenth at a time', () => {
    const world = lopsided({ desiredCount: 40 });
    assert.deepEqual(world.settle(), ['0+44']);
    assert.deepEqual(counts(world), { a: 40, b: 4 });
    rest(world);
    assert.deepEqual(counts(world), { a: 20, b: 20 });
  });
});

describe('rebalancing onto a host that joined', () => {
  const joined = (ontoHosts: boolean): World => {
    const world = worldOf(['a'], { availabilityZoneRebalancing: 'DISABLED' });
    world.converge();
    world.addHost('h2', zone('a'));
    world.moves = true;
    world.rebalanceOntoHosts = ontoHosts;
    return world;
  };
  const onHost = (world: World, id: string): number =>
    world.active().filter(({ task }) => task.hostId === id).length;

  it('is off unless somebody asked for it', () => {
    assert.deepEqual(joined(false).settle(), []);
  });

  it('gives it its share', () => {
    const world = joined(true);
    rest(world);
    assert.deepEqual([onHost(world, 'h1'), onHost(world, 'h2')], [2, 2]);
    assert.ok(world.messages.every((message) => !message.includes('AZ ')));
  });

  it('leaves it to its zone', () => {
    const world = joined(true);
    world.addHost('h3', zone('b'));
    const { moves } = planRebalancing(world.view(), world.now);
    assert.deepEqual(
      moves.map(({ from, to }) => `${from} ${to}`),
      ['h1 h2', 'h1 h2'],
    );
  });
});

describe('rebalancing: laws', () => {
  const story = fc.record({
    zones: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 }),
    later: fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 }),
    desired: fc.integer({ min: 0, max: 12 }),
    minimum: fc.constantFrom(0, 50, 100),
    maximum: fc.constantFrom(101, 125, 150, 200),
    ontoHosts: fc.boolean(),
    troubles: fc.array(fc.constantFrom('crash', 'update', 'scale', 'sick'), { maxLength: 4 }),
  });

  function trouble(world: World, kind: string, desired: number): void {
    const [victim] = world.active().filter(({ status }) => status?.lastStatus === 'RUNNING');
    if (kind === 'update') world.update({ taskDefinition: 'app:2' });
    else if (kind === 'scale') world.update({ desiredCount: desired + 1 });
    else if (!victim) return;
    else if (kind === 'crash') world.crash(victim.task.id);
    else world.containerHealth(victim.task.id, 'UNHEALTHY');
  }

  it('never below the minimum, never above the maximum, and even in the end', () => {
    fc.assert(
      fc.property(story, (told) => {
        const { desired, minimum, maximum, ontoHosts } = told;
        const deploymentConfiguration = {
          minimumHealthyPercent: minimum,
          maximumPercent: maximum,
        };
        const world = worldOf(told.zones, { desiredCount: desired, deploymentConfiguration });
        world.converge();
        for (const name of told.later) world.addHost(`h${world.hosts.size + 1}`, zone(name));
        world.moves = true;
        world.rebalanceOntoHosts = ontoHosts;
        for (let turn = 0; turn < 70; turn += 1) {
          const kind = turn % 3 === 2 ? told.troubles[(turn - 2) / 3] : undefined;
          if (kind !== undefined) trouble(world, kind, desired);
          for (let round = 0; round < 30; round += 1) {
            const { maxTotal } = limitsOf(world.service!, world.service!.desiredCount);
            const before = world.active().length;
            const changed = world.step(); // checks the minimum by an invariant
            assert.ok(world.active().length <= Math.max(before, maxTotal));
            if (!changed) break;
          }
          const again = planDeployment(world.view(), world.now);
          assert.deepEqual(again.actions, []);
          world.turn();
          if (kind === undefined && turn % 5 === 4) world.now += 12 * 3_600_000;
        }
        world.settle();
        const { moves } = planRebalancing(world.view(), world.now);
        const wanted = world.service!.desiredCount;
        const room = limitsOf(world.service!, wanted).maxTotal > wanted;
        if (room && world.record?.deployments[0]?.rolloutState === 'COMPLETED') {
          assert.deepEqual(moves, []);
          assert.equal(world.record.rebalancing, undefined);
          assert.equal(world.active().length, wanted);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('its moves are all it takes, and none is for nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat({ max: 7 }), { maxLength: 20 }),
        (zones, places) => {
          const world = worldOf(zones, { desiredCount: places.length });
          world.converge();
          for (const [index, each] of world.active().entries()) {
            const host = `h${((places[index] ?? 0) % zones.length) + 1}`;
            each.task = { ...each.task, hostId: host };
          }
          world.moves = true;
          const after = new Map<string, number>(zones.map((name) => [name, 0]));
          for (const [name, count] of Object.entries(counts(world))) after.set(name, count);
          const { moves } = planRebalancing(world.view(), world.now);
          const floor = Math.floor(places.length / after.size);
          const least = [...after.values()].reduce((sum, n) => sum + Math.max(0, floor - n), 0);
          for (const { from, to } of moves) {
            after.set(from, (after.get(from) ?? 0) - 1);
            after.set(to, (after.get(to) ?? 0) + 1);
          }
          const values = [...after.values()];
          assert.ok(Math.max(...values) - Math.min(...values) <= 1);
          assert.ok(moves.length >= least);
        },
      ),
    );
  });
});
