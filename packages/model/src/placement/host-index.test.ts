import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { PlacementStrategy } from '../generated/messages.ts';
import { Ledger } from './ledger.ts';
import type { Charge } from './ledger.ts';
import type { HostView } from './host.ts';
import { planPlacement } from './plan.ts';
import { planNaively } from './reference.ts';
import type { PlacementSpec } from './spec.ts';
import { attributeMap } from './host.ts';
import { distinct, inZone, memberOf, testHost, testLedger, testSpec } from './testing.ts';

const HOSTS = Array.from({ length: 9 }, (_, index) => `h${index}`);
const GROUPS = ['service:web', 'service:db', 'family:job'];

const views: fc.Arbitrary<HostView> = fc
  .record({
    id: fc.constantFrom(...HOSTS),
    cpu: fc.constantFrom(0, 500, 1000, 1000),
    memory: fc.constantFrom(0, 600, 2000, 2000),
    zone: fc.constantFrom('a', 'b', 'c', undefined),
    rack: fc.constantFrom('', '1', undefined),
    status: fc.constantFrom('ACTIVE' as const, 'ACTIVE' as const, 'ACTIVE' as const, 'DRAINING'),
    connected: fc.constantFrom(true, true, true, false),
    ports: fc.subarray([80, 8080]),
    gpuIds: fc.constantFrom([], ['g1'], ['g1', 'g2'], ['g2', 'g1', 'g3']),
    agentVersion: fc.constantFrom('1.0.0', '1.2.0'),
  })
  .map(({ id, zone, rack, ...rest }) => {
    const attributes = [
      ...(zone === undefined ? [] : [{ name: 'ecs.availability-zone', value: zone }]),
      ...(rack === undefined ? [] : [{ name: 'rack', value: rack }]),
    ];
    return testHost(id, {
      ...rest,
      attributes: attributeMap(attributes),
    });
  });

const ZONE = { type: 'spread', field: 'attribute:ecs.availability-zone' } as const;
const RACK = { type: 'spread', field: 'attribute:rack' } as const;
const STRATEGIES = [
  ZONE,
  RACK,
  { type: 'spread', field: 'instanceId' },
  { type: 'spread', field: 'host' },
  { type: 'binpack', field: 'memory' },
  { type: 'binpack', field: 'cpu' },
  { type: 'random' },
] as const;

const EXPRESSIONS = [
  'attribute:ecs.availability-zone != c',
  'attribute:rack exists and agentVersion >= 1.1.0',
  'not(task:group == service:db)',
  'task:group =~ service:.* or runningTasksCount < 1',
  'runningTasksCount < 3',
];

/** The strategies that people use, and any others. */
const strategies = fc.oneof(
  fc.constantFrom(
    [],
    [ZONE, { type: 'binpack', field: 'memory' }] as const,
    [ZONE, RACK, { type: 'spread', field: 'host' }] as const,
    [{ type: 'binpack', field: 'cpu' }, RACK] as const,
  ),
  fc.array(fc.constantFrom(...STRATEGIES), { maxLength: 3 }),
);

interface Request {
  readonly cpu: number;
  readonly memory: number;
  readonly ports: readonly number[];
  readonly portsUdp: readonly number[];
  readonly gpus: number;
  readonly distinctInstance: boolean;
  readonly expressions: readonly string[];
  readonly strategy: readonly PlacementStrategy[];
  readonly ofService: boolean;
  readonly hostIds: readonly string[];
}

const requests: fc.Arbitrary<Request> = fc.record({
  cpu: fc.constantFrom(0, 100, 300),
  memory: fc.constantFrom(0, 128, 600),
  ports: fc.constantFrom([], [], [8080], [8080, 9090]),
  portsUdp: fc.constantFrom([], [], [53]),
  gpus: fc.constantFrom(0, 0, 0, 1, 2),
  distinctInstance: fc.constantFrom(false, false, true),
  expressions: fc.subarray(EXPRESSIONS, { maxLength: 2 }),
  strategy: strategies,
  ofService: fc.boolean(),
  hostIds: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, fc.subarray(HOSTS)),
});

/** The request that it resembles, but for one thing. */
const VARIANTS: readonly ((request: Request) => Request)[] = [
  (request) => request,
  (request) => ({ ...request, memory: request.memory + 128 }),
  (request) => ({ ...request, ports: [80] }),
  (request) => ({ ...request, gpus: 1 }),
  (request) => ({ ...request, distinctInstance: !request.distinctInstance }),
  (request) => ({ ...request, expressions: ['runningTasksCount < 2'] }),
  (request) => ({ ...request, strategy: request.strategy.slice(1) }),
];

function specOf(group: string, request: Request): PlacementSpec {
  const { cpu, memory, ports, portsUdp, gpus, distinctInstance, expressions, ...rest } = request;
  return testSpec({
    group,
    ask: { cpu, memory, ports, portsUdp, gpus },
    constraints: [...expressions.map(memberOf), ...(distinctInstance ? [distinct] : [])],
    ...rest,
  });
}

const charges: fc.Arbitrary<Charge> = fc.record({
  hostId: fc.constantFrom(...HOSTS),
  group: fc.constantFrom(...GROUPS),
  running: fc.boolean(),
  cpu: fc.constantFrom(0, 50, 400),
  memory: fc.constantFrom(0, 64, 512),
  ports: fc.subarray([8080, 9090]),
  portsUdp: fc.constantFrom([], [53]),
  gpuIds: fc.subarray(['g1', 'g2']),
});

const task = fc.nat(11).map((number) => `old-${number}`);
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        plan: fc.nat(1),
        group: fc.constantFrom(...GROUPS),
        variant: fc.oneof(fc.constant(0), fc.nat(VARIANTS.length - 1)),
        count: fc.integer({ min: 1, max: 8 }),
        seed: fc.nat(0xffffffff),
      }),
    },
    { weight: 3, arbitrary: fc.record({ charge: task, as: charges }) },
    { weight: 2, arbitrary: fc.record({ release: fc.oneof(task, fc.nat(60)) }) },
    { weight: 3, arbitrary: fc.record({ put: views }) },
    { weight: 2, arbitrary: fc.record({ remove: fc.constantFrom(...HOSTS) }) },
  ),
  { minLength: 10, maxLength: 40, size: 'max' },
);

describe('the index of hosts', () => {
  it('chooses what looking at every host chooses, through any history, lots included', () => {
    fc.assert(
      fc.property(
        fc.array(views, { maxLength: 9, size: 'max' }),
        fc.tuple(requests, requests),
        steps,
        (hosts, asked, history) => {
          const indexed = testLedger(hosts);
          const naive = testLedger(hosts);
          const both = [indexed, naive];
          const placed: string[] = [];
          for (const step of history) {
            if ('plan' in step) {
              const vary = VARIANTS[step.variant] as (request: Request) => Request;
              const spec = specOf(step.group, vary(asked[step.plan] as Request));
              const ids = Array.from(
                { length: step.count },
                (_, index) => `task-${placed.length + index}`,
              );
              placed.push(...ids);
              assert.deepEqual(
                planPlacement(indexed, spec, ids, step.seed),
                planNaively(naive, spec, ids, step.seed),
              );
            } else if ('charge' in step) {
              for (const ledger of both) ledger.charge(step.charge, step.as);
            } else if ('release' in step) {
              const { release } = step;
              const id = typeof release === 'string' ? release : (placed[release] ?? '');
              for (const ledger of both) ledger.release(id);
            } else if ('put' in step) {
              for (const ledger of both) ledger.putHost(step.put);
            } else {
              for (const ledger of both) ledger.removeHost(step.remove);
            }
          }
          assert.deepEqual(indexed.dump(), naive.dump());
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('does so for many hosts that are much alike', () => {
    const alike = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 30, maxLength: 70 });
    fc.assert(
      fc.property(alike, requests, fc.nat(0xffffffff), (zones, request, seed) => {
        const spec = specOf('service:web', request);
        const hosts = zones.map((zone, index) =>
          testHost(`h${index}`, {
            attributes: new Map([
              ['ecs.availability-zone', zone],
              ['rack', String(index % 7)],
            ]),
          }),
        );
        const ids = zones.map((_, index) => `task-${index}`);
        assert.deepEqual(
          planPlacement(testLedger(hosts), spec, ids, seed),
          planNaively(testLedger(hosts), spec, ids, seed),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('turns to other hosts at once when one leaves, drains or is cut off', () => {
    const ledger = testLedger(HOSTS.map((id) => testHost(id)));
    const spec = testSpec({ strategy: [{ type: 'binpack', field: 'memory' }] });
    const next = (): string => {
      const [chosen] = planPlacement(ledger, spec, ['1'], 1).assignments;
      ledger.release('1');
      planPlacement(ledger, spec, [], 1); // the index has seen the release before what follows
      return chosen?.hostId ?? '';
    };
    const gone: string[] = [];
    for (const leave of [
      (id: string) => {
        ledger.removeHost(id);
      },
      (id: string) => {
        ledger.putHost(testHost(id, { status: 'DRAINING' }));
      },
      (id: string) => {
        ledger.putHost(testHost(id, { connected: false }));
      },
    ]) {
      const chosen = next();
      assert.ok(HOSTS.includes(chosen) && !gone.includes(chosen));
      leave(chosen);
      gone.push(chosen);
    }
    assert.ok(HOSTS.includes(next()) && !gone.includes(next()));
    for (const id of HOSTS) if (!gone.includes(id)) ledger.removeHost(id);
    assert.equal(next(), '');
    ledger.putHost(testHost(gone[2] as string));
    assert.equal(next(), gone[2]);
  });

  it('counts the tasks of a host once, however often it registers', () => {
    const hosts = ['a', 'b'].map((zone) => testHost(zone, inZone(zone)));
    const ledger = testLedger(hosts);
    const spec = testSpec({ strategy: [ZONE] });
    const charge = { group: 'service:web', running: true, cpu: 1, memory: 1, ports: [] };
    ledger.charge('1', { ...charge, hostId: 'a', portsUdp: [] });
    for (const id of ['2', '3']) ledger.charge(id, { ...charge, hostId: 'b', portsUdp: [] });
    for (let round = 0; round < 3; round += 1) {
      planPlacement(ledger, spec, [], 1);
      ledger.putHost(testHost('a', inZone('a')));
    }
    assert.equal(planPlacement(ledger, spec, ['4'], 1).assignments[0]?.hostId, 'a');
  });

  it('is up to date after more changes than the journal keeps', () => {
    const ledger = testLedger(HOSTS.map((id) => testHost(id)));
    const strategy = [{ type: 'binpack', field: 'memory' }] as const;
    const spec = testSpec({ strategy });
    const [first] = planPlacement(ledger, spec, ['1'], 1).assignments;
    ledger.release('1');
    const other = HOSTS.find((id) => id !== first?.hostId) ?? '';
    const load = { group: 'g', running: true, cpu: 1, memory: 1, ports: [], portsUdp: [] };
    ledger.charge('load', { ...load, hostId: other });
    for (let round = 0; round < 20_000; round += 1) {
      ledger.charge('more', { ...load, hostId: first?.hostId ?? '' });
      ledger.release('more');
    }
    assert.ok(ledger.journal.start > 0);
    assert.equal(planPlacement(ledger, spec, ['1'], 1).assignments[0]?.hostId, other);
  });

  it('forgets places and hosts that are gone', () => {
    const ledger = new Ledger();
    const spec = testSpec();
    for (let round = 0; round < 50; round += 1) {
      const attributes = new Map([['ecs.availability-zone', `zone-${round}`]]);
      ledger.putHost(testHost('stays', { attributes }));
      ledger.putHost(testHost(`host-${round}`, { attributes }));
      const { assignments } = planPlacement(ledger, spec, ['1', '2'], round);
      assert.deepEqual(assignments.map(({ hostId }) => hostId).sort(), [`host-${round}`, 'stays']);
      for (const { taskId } of assignments) ledger.release(taskId);
      ledger.removeHost(`host-${round}`);
    }
    const { places, hosts } = ledger.indexes.serve(spec).size;
    assert.deepEqual({ places, hosts }, { places: 1, hosts: 1 });
  });

  it('is shared by groups, and kept for the shapes used last', () => {
    const ledger = testLedger([testHost('a')]);
    const first = ledger.indexes.serve(testSpec());
    assert.equal(ledger.indexes.serve(testSpec({ group: 'service:other' })), first);
    for (let cpu = 1000; cpu < 2000; cpu += 1) {
      ledger.indexes.serve(testSpec({ ask: { cpu } }));
      if (cpu % 100 === 0) assert.equal(ledger.indexes.serve(testSpec()), first);
    }
    assert.equal(ledger.indexes.size, 256);
    assert.equal(ledger.indexes.serve(testSpec()), first, 'used last, kept');
  });
});
