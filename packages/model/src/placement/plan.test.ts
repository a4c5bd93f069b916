import assert from 'node:assert/strict';

import fc from 'fast-check';

import { overdrafts } from './fit.ts';
import type { HostView } from './host.ts';
import type { Charge, Ledger } from './ledger.ts';
import { planPlacement } from './plan.ts';
import type { PlacementSpec } from './spec.ts';
import { distinct, inZone, memberOf, testHost, testLedger, testSpec } from './testing.ts';

function ids(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `task-${String(index).padStart(4, '0')}`);
}

function place(ledger: Ledger, spec: PlacementSpec, count: number, seed = 1): string[] {
  return planPlacement(ledger, spec, ids(count), seed).assignments.map(({ hostId }) => hostId);
}

function charge(hostId: string, more: Partial<Charge> = {}): Charge {
  const nothing = { cpu: 0, memory: 0, ports: [], portsUdp: [] };
  return { hostId, group: 'service:web', running: true, ...nothing, ...more };
}

function counts(hosts: readonly string[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const host of hosts) found[host] = (found[host] ?? 0) + 1;
  return found;
}

describe('placement', () => {
  const six = ['a1', 'a2', 'b1', 'b2', 'c1', 'c2'].map((id) => testHost(id, inZone(id.charAt(0))));
  const zone = { type: 'spread', field: 'attribute:ecs.availability-zone' } as const;

  it('spreads over zones and packs by memory inside them (ECS scenario 6)', () => {
    const strategy = [zone, { type: 'binpack', field: 'memory' }] as const;
    const placed = counts(place(testLedger(six), testSpec({ strategy }), 6));
    assert.equal(Object.keys(placed).length, 3, 'one host a zone');
    assert.deepEqual(Object.values(placed), [2, 2, 2]);
  });

  it('spreads a service without a strategy over zones, then over hosts', () => {
    const placed = counts(place(testLedger(six), testSpec(), 6));
    assert.deepEqual(placed, { a1: 1, a2: 1, b1: 1, b2: 1, c1: 1, c2: 1 });
  });

  it('counts the tasks of the same group only', () => {
    const ledger = testLedger([testHost('a'), testHost('b')]);
    for (const id of ['1', '2', '3']) ledger.charge(id, charge('a', { group: 'service:other' }));
    ledger.charge('4', charge('b'));
    assert.deepEqual(place(ledger, testSpec(), 1), ['a']);
  });

  it('does not count tasks that shall stop', () => {
    const ledger = testLedger([testHost('a'), testHost('b')]);
    ledger.charge('1', charge('a', { running: false }));
    ledger.charge('2', charge('b'));
    assert.deepEqual(place(ledger, testSpec(), 1), ['a']);
  });

  it('counts tasks on hosts of a zone that are no candidates themselves', () => {
    const draining = { ...inZone('a'), status: 'DRAINING' as const };
    const ledger = testLedger([
      testHost('a1', draining),
      testHost('a2', inZone('a')),
      testHost('b1', inZone('b')),
    ]);
    ledger.charge('1', charge('a1'));
    assert.deepEqual(place(ledger, testSpec(), 1), ['b1']);
  });

  it('takes hosts without the attribute as a place of their own', () => {
    const hosts = [
      testHost('a', inZone('a')),
      testHost('b', inZone('b')),
      testHost('x'),
      testHost('y'),
    ];
    const placed = place(testLedger(hosts), testSpec({ strategy: [zone] }), 3);
    assert.deepEqual(placed.map((id) => (id === 'x' || id === 'y' ? 'none' : id)).sort(), [
      'a',
      'b',
      'none',
    ]);
  });

  it('packs by CPU onto the fullest host that still fits', () => {
    const ledger = testLedger([
      testHost('a', { cpu: 1000 }),
      testHost('b', { cpu: 600 }),
      testHost('c', { cpu: 200 }),
    ]);
    const strategy = [{ type: 'binpack', field: 'cpu' }] as const;
    assert.deepEqual(place(ledger, testSpec({ strategy }), 6), ['b', 'b', 'a', 'a', 'a']);
  });

  it('puts a task with fixed ports on a host once, and on none that reserves the port', () => {
    const hosts = [testHost('a'), testHost('b'), testHost('c', { ports: [8080] })];
    const plan = planPlacement(testLedger(hosts), testSpec({ ask: { ports: [8080] } }), ids(3), 1);
    assert.deepEqual(plan.assignments.map(({ hostId }) => hostId).sort(), ['a', 'b']);
    assert.deepEqual(plan.unplaced, {
      count: 1,
      refusals: [{ reason: 'RESOURCE:PORTS', hosts: 3 }],
      closestHostId: 'a',
      closestReason: 'is already using a port required by your task',
    });
  });

  it('gives each task GPUs of its own, those that are registered first, and tells how many are left', () => {
    const ledger = testLedger([testHost('a', { gpuIds: ['g2', 'g1', 'g3'] }), testHost('b')]);
    ledger.charge('before', charge('a', { gpuIds: ['g1', 'gone'] }));
    const plan = planPlacement(ledger, testSpec({ ask: { gpus: 1 } }), ids(3), 1);
    assert.deepEqual(
      plan.assignments.map(({ gpuIds }) => gpuIds),
      [['g2'], ['g3']],
    );
    assert.deepEqual(plan.unplaced, {
      count: 1,
      refusals: [{ reason: 'RESOURCE:GPU', hosts: 2 }],
      closestHostId: 'a',
      closestReason: 'has insufficient GPU resource available',
    });
    ledger.release('before');
    const again = planPlacement(ledger, testSpec({ ask: { gpus: 1 } }), ['again'], 1);
    assert.deepEqual(again.assignments, [{ taskId: 'again', hostId: 'a', gpuIds: ['g1'] }]);
  });

  it('tells TCP ports from UDP ports', () => {
    const ledger = testLedger([testHost('a', { ports: [53] })]);
    assert.deepEqual(place(ledger, testSpec({ ask: { portsUdp: [53] } }), 2), ['a']);
  });

  it('holds distinctInstance, also against tasks from before', () => {
    const ledger = testLedger(six);
    ledger.charge('old', charge('a1'));
    const placed = place(ledger, testSpec({ constraints: [distinct] }), 9);
    assert.deepEqual([...placed].sort(), ['a2', 'b1', 'b2', 'c1', 'c2']);
  });

  it('holds memberOf of the definition and of the call together', () => {
    const hosts = [
      testHost('a', inZone('a', { stack: 'prod' })),
      testHost('b', inZone('b', { stack: 'prod' })),
      testHost('c', inZone('a', { stack: 'test' })),
    ];
    const constraints = [
      memberOf('attribute:stack == prod'),
      memberOf('attribute:ecs.availability-zone != b'),
    ];
    assert.deepEqual(place(testLedger(hosts), testSpec({ constraints }), 2), ['a', 'a']);
  });

  it('looks at memberOf again after each task', () => {
    const constraints = [
      memberOf('runningTasksCount < 2'),
      memberOf('not(task:group == service:db)'),
    ];
    const ledger = testLedger([testHost('a'), testHost('b'), testHost('c')]);
    ledger.charge('1', charge('a'));
    ledger.charge('2', charge('c', { group: 'service:db' }));
    assert.deepEqual(place(ledger, testSpec({ constraints }), 9).sort(), ['a', 'b', 'b']);
  });

  it('gives a DAEMON service one task on each named host and nowhere else', () => {
    const hosts = [
      testHost('a'),
      testHost('b', { connected: false }),
      testHost('c'),
      testHost('d'),
    ];
    const plan = planPlacement(
      testLedger(hosts),
      testSpec({ hostIds: ['a', 'b', 'c', 'gone'] }),
      ids(4),
      1,
    );
    assert.deepEqual(plan.assignments.map(({ hostId }) => hostId).sort(), ['a', 'c']);
    assert.deepEqual(plan.unplaced, {
      count: 2,
      refusals: [{ reason: 'AGENT', hosts: 1 }],
      closestHostId: 'b',
      closestReason: "doesn't have the agent connected",
    });
  });

  it('places nothing where there are no hosts, and names none as the closest', () => {
    const plan = planPlacement(testLedger([]), testSpec(), ids(2), 1);
    assert.deepEqual(plan, { assignments: [], unplaced: { count: 2, refusals: [] } });
  });

  it('places what asks for nothing on a host that is overdrawn', () => {
    const ledger = testLedger([testHost('a', { cpu: 100, memory: 100 })]);
    ledger.charge('1', charge('a', { cpu: 200, memory: 200 }));
    assert.deepEqual(place(ledger, testSpec({ ask: { cpu: 0, memory: 0 } }), 1), ['a']);
  });

  it('draws hosts evenly at random for tasks of their own', () => {
    const hosts = Array.from({ length: 4 }, (_, index) =>
      testHost(`h${index}`, { cpu: 1e6, memory: 1e6 }),
    );
    const placed = counts(place(testLedger(hosts), testSpec({ ofService: false }), 400));
    for (const host of hosts) assert.ok((placed[host.id] ?? 0) > 60, JSON.stringify(placed));
  });
});

describe('placement, as laws', () => {
  const hostList: fc.Arbitrary<HostView[]> = fc
    .array(
      fc.record({
        cpu: fc.integer({ min: 0, max: 1024 }),
        memory: fc.integer({ min: 0, max: 2048 }),
        zone: fc.constantFrom('a', 'b', 'c', undefined),
        status: fc.constantFrom('ACTIVE' as const, 'ACTIVE' as const, 'DRAINING' as const),
        connected: fc.constantFrom(true, true, true, false),
        ports: fc.subarray([80, 8080]),
        gpuIds: fc.subarray(['g1', 'g2', 'g3']),
      }),
      { minLength: 1, maxLength: 8 },
    )
    .map((hosts) =>
      hosts.map(({ zone, ...host }, index) =>
        testHost(`h${index}`, { ...host, ...(zone === undefined ? {} : inZone(zone)) }),
      ),
    );
  const specs = fc
    .record({
      cpu: fc.constantFrom(0, 100, 300),
      memory: fc.constantFrom(0, 128, 600),
      ports: fc.subarray([8080, 9090]),
      gpus: fc.constantFrom(0, 0, 1, 2),
      constraints: fc.subarray([distinct, memberOf('not attribute:ecs.availability-zone == c')]),
      strategy: fc.subarray([
        { type: 'spread', field: 'attribute:ecs.availability-zone' },
        { type: 'spread', field: 'instanceId' },
        { type: 'binpack', field: 'memory' },
        { type: 'random' },
      ] as const),
      ofService: fc.boolean(),
    })
    .map(({ cpu, memory, ports, gpus, ...rest }) =>
      testSpec({ ask: { cpu, memory, ports, gpus }, ...rest }),
    );
  const count = fc.integer({ min: 1, max: 20 });
  const seed = fc.nat(0xffffffff);

  it('never gives more than a host has, nor a port or a GPU twice, nor work to a host that is not ready', () => {
    fc.assert(
      fc.property(
        hostList,
        fc.array(specs, { maxLength: 4 }),
        count,
        seed,
        (hosts, requests, tasks, draw) => {
          const ledger = testLedger(hosts);
          for (const [index, spec] of requests.entries()) {
            const names = ids(tasks).map((id) => `${index}-${id}`);
            const { assignments } = planPlacement(ledger, spec, names, draw);
            for (const { hostId, gpuIds } of assignments) {
              const view = ledger.host(hostId)?.view;
              assert.equal(gpuIds.length, spec.requirements.gpus);
              assert.ok(gpuIds.every((id) => view?.gpuIds.includes(id)));
              assert.equal(view?.status, 'ACTIVE');
              assert.ok(view.connected);
            }
            for (const host of ledger.hosts()) assert.deepEqual(overdrafts(host), []);
          }
        },
      ),
    );
  });

  it('gives the same plan for the same seed, in whatever order the hosts came', () => {
    fc.assert(
      fc.property(hostList, specs, count, seed, fc.nat(), (hosts, spec, tasks, draw, turn) => {
        const turned = hosts
          .map((_, index) => hosts[(index + turn) % hosts.length] as HostView)
          .reverse();
        assert.deepEqual(
          planPlacement(testLedger(turned), spec, ids(tasks), draw),
          planPlacement(testLedger(hosts), spec, ids(tasks), draw),
        );
      }),
    );
  });

  it('leaves nobody out while a host fits, and says why for each host otherwise', () => {
    fc.assert(
      fc.property(hostList, specs, count, seed, (hosts, spec, tasks, draw) => {
        const { assignments, unplaced } = planPlacement(testLedger(hosts), spec, ids(tasks), draw);
        assert.equal(assignments.length + (unplaced?.count ?? 0), tasks);
        if (!unplaced) return;
        const refused = unplaced.refusals.reduce((sum, { hosts: refusing }) => sum + refusing, 0);
        assert.equal(refused, hosts.length);
      }),
    );
  });

  it('holds distinctInstance', () => {
    fc.assert(
      fc.property(hostList, count, seed, (hosts, tasks, draw) => {
        const placed = place(testLedger(hosts), testSpec({ constraints: [distinct] }), tasks, draw);
        assert.equal(new Set(placed).size, placed.length);
      }),
    );
  });

  it('keeps hosts and zones within one task of each other where there is room', () => {
    const field = fc.constantFrom('instanceId', 'attribute:ecs.availability-zone');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), field, count, seed, (size, by, tasks, draw) => {
        const hosts = Array.from({ length: size }, (_, index) =>
          testHost(`h${index}`, { cpu: 1e6, memory: 1e6, ...inZone(`z${index % 3}`) }),
        );
        const placed = place(
          testLedger(hosts),
          testSpec({ strategy: [{ type: 'spread', field: by }] }),
          tasks,
          draw,
        );
        const places = new Map(
          hosts.map(({ id }, index) => [id, by === 'instanceId' ? id : `z${index % 3}`]),
        );
        const found = counts(placed.map((id) => places.get(id) ?? ''));
        const all = [...new Set(places.values())].map((at) => found[at] ?? 0);
        assert.ok(Math.max(...all) - Math.min(...all) <= 1, JSON.stringify(found));
      }),
    );
  });

  it('leaves the ledger as it was when what was placed is released', () => {
    fc.assert(
      fc.property(hostList, specs, count, seed, (hosts, spec, tasks, draw) => {
        const ledger = testLedger(hosts);
        ledger.charge('before', charge('h0', { cpu: 10, ports: [7] }));
        const before = ledger.dump();
        for (const { taskId } of planPlacement(ledger, spec, ids(tasks), draw).assignments)
          ledger.release(taskId);
        assert.deepEqual(ledger.dump(), before);
      }),
    );
  });
});
