// Explanations and plans, compared with files, so that a change of them is seen as one.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import { explainPlacement } from './explain.ts';
import type { Explanation } from './explain.ts';
import { attributeMap } from './host.ts';
import type { HostView } from './host.ts';
import type { Ledger } from './ledger.ts';
import { planPlacement } from './plan.ts';
import type { PlacementSpec } from './spec.ts';
import {
  distinct,
  inZone,
  memberOf,
  testContainer,
  testDefinition,
  testHost,
  testLedger,
  testSpec,
} from './testing.ts';

const GOLDEN = new URL('../../../../test/golden/', import.meta.url);

function print({ hosts, unplaced }: Explanation): string {
  const lines = hosts.map(({ hostName, fits, reason, detail }) =>
    fits ? `${hostName}: fits` : `${hostName}: ${reason ?? ''}: ${detail ?? ''}`,
  );
  if (unplaced) {
    lines.push('', ...unplaced.refusals.map(({ reason, hosts: count }) => `${count} x ${reason}`));
    const { closestHostId, closestReason } = unplaced;
    lines.push(
      closestHostId === undefined
        ? 'no host is close'
        : `the closest matching (container-instance ${closestHostId}) ${closestReason ?? ''}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Compares with `test/golden/placement-NAME.txt`; UPDATE_GOLDEN=1 writes it. */
function matchesGolden(name: string, text: string): void {
  const file = new URL(`placement-${name}.txt`, GOLDEN);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(GOLDEN, { recursive: true });
    writeFileSync(file, text);
  }
  assert.equal(text, readFileSync(file, 'utf8'));
}

function golden(name: string, explanation: Explanation): void {
  matchesGolden(name, print(explanation));
}

function filled(host: HostView, cpu: number, memory: number, ledger: Ledger): void {
  const nothing = { ports: [], portsUdp: [] };
  ledger.charge(`on-${host.id}`, {
    hostId: host.id,
    group: 'service:web',
    running: true,
    cpu,
    memory,
    ...nothing,
  });
}

describe('explanations of placement', () => {
  it('name for each host the first rule that refuses it, with what was compared', () => {
    const x86 = {
      ...inZone('a', { stack: 'prod', 'ecs.cpu-architecture': 'x86_64' }),
      gpuIds: ['g1'],
    };
    const hosts = [
      testHost('0', { ...x86, name: 'draining', status: 'DRAINING' }),
      testHost('1', { ...x86, name: 'gone', connected: false }),
      testHost('2', { ...x86, name: 'small', cpu: 512, memory: 256 }),
      testHost('3', { ...x86, name: 'tight', memory: 1024 }),
      testHost('4', { ...x86, name: 'taken', ports: [8080], portsUdp: [53] }),
      testHost('5', {
        name: 'arm',
        attributes: attributeMap([{ name: 'ecs.cpu-architecture', value: 'arm64' }]),
        gpuIds: ['g1'],
      }),
      testHost('6', { ...x86, name: 'twin' }),
      testHost('7', {
        ...x86,
        ...inZone('b', { 'ecs.cpu-architecture': 'x86_64' }),
        name: 'other',
      }),
      testHost('8', { ...x86, name: 'busy' }),
    ];
    const ledger = testLedger(hosts);
    filled(hosts[2] as HostView, 256, 0, ledger);
    filled(hosts[3] as HostView, 0, 600, ledger);
    filled(hosts[6] as HostView, 0, 0, ledger);
    const idle = { running: true, cpu: 0, memory: 0, ports: [], portsUdp: [] };
    ledger.charge('other', { ...idle, hostId: '8', group: 'family:train', gpuIds: ['g1'] });
    const spec = testSpec({
      definition: testDefinition({
        runtimePlatform: { cpuArchitecture: 'X86_64' },
        placementConstraints: [memberOf('attribute:stack == prod')],
        containerDefinitions: [
          testContainer({
            cpu: 512,
            memory: 512,
            resourceRequirements: [{ type: 'GPU', value: '1' }],
            portMappings: [
              { containerPort: 80, hostPort: 8080, protocol: 'tcp' },
              { containerPort: 53, hostPort: 53, protocol: 'udp' },
            ],
          }),
        ],
      }),
      constraints: [distinct],
    });
    golden('every-rule', explainPlacement(ledger, spec));
  });

  it('say that a host fits, and then leave out why others did not', () => {
    const ledger = testLedger([testHost('1'), testHost('2', { memory: 100 })]);
    golden('one-fits', explainPlacement(ledger, testSpec()));
  });

  it('take the host that passed most rules, then the one that lacks least, as the closest', () => {
    const ledger = testLedger([
      testHost('1', { cpu: 100 }),
      testHost('2', { memory: 100 }),
      testHost('3', { memory: 400 }),
      testHost('4', { memory: 300 }),
    ]);
    golden('closest', explainPlacement(ledger, testSpec()));
  });

  it('find no host close when all are draining', () => {
    const ledger = testLedger([
      testHost('1', { status: 'DRAINING' }),
      testHost('2', { status: 'DRAINING', memory: 1 }),
    ]);
    golden('all-draining', explainPlacement(ledger, testSpec()));
  });

  it('say what about each part of an expression does not hold', () => {
    const ledger = testLedger([
      testHost('1', inZone('a', { stack: 'test' })),
      testHost('2', inZone('b')),
    ]);
    const constraints = [
      memberOf('(attribute:stack=~prod.* || attribute:ssd exists) && runningTasksCount<3'),
      memberOf("attribute:ecs.availability-zone not_in [a,'b c']"),
    ];
    golden('member-of', explainPlacement(ledger, testSpec({ constraints })));
  });

  it('charge nothing', () => {
    const ledger = testLedger([testHost('1')]);
    const before = ledger.dump();
    explainPlacement(ledger, testSpec());
    assert.deepEqual(ledger.dump(), before);
  });
});

describe('plans', () => {
  const zone = { type: 'spread', field: 'attribute:ecs.availability-zone' } as const;
  const rack = { type: 'spread', field: 'attribute:rack' } as const;
  const memory = { type: 'binpack', field: 'memory' } as const;
  const cases: Readonly<Record<string, PlacementSpec>> = {
    'default of services': testSpec(),
    'default of other tasks': testSpec({ ofService: false }),
    'spread over zones, then packed by memory': testSpec({ strategy: [zone, memory] }),
    'spread over racks, then over zones, then packed by memory': testSpec({
      strategy: [rack, zone, memory],
    }),
    'packed by CPU': testSpec({ strategy: [{ type: 'binpack', field: 'cpu' }] }),
    'packed by memory, then at random': testSpec({ strategy: [memory, { type: 'random' }] }),
    'each on a host of its own': testSpec({ constraints: [distinct] }),
    'members of an expression about attributes and tasks': testSpec({
      constraints: [memberOf('attribute:rack exists and runningTasksCount < 2')],
    }),
    'with a fixed port': testSpec({ ask: { ports: [8080] } }),
    'with a GPU': testSpec({ ask: { gpus: 1 } }),
    'with two GPUs, spread over hosts': testSpec({
      ask: { gpus: 2 },
      strategy: [{ type: 'spread', field: 'host' }],
    }),
    'on named hosts': testSpec({ hostIds: ['a1', 'b2', 'c1'] }),
  };
  const hosts = [
    testHost('a1', { ...inZone('a', { rack: '1' }), memory: 2048, gpuIds: ['a', 'b', 'c'] }),
    testHost('a2', { ...inZone('a', { rack: '2' }), cpu: 1024 }),
    testHost('b1', { ...inZone('b', { rack: '1' }), memory: 1024 }),
    testHost('b2', { ...inZone('b'), gpuIds: ['a', 'b'] }),
    testHost('c1', { ...inZone('c', { rack: '2' }), connected: false }),
    testHost('c2', { ...inZone('c', { rack: '3' }), cpu: 2048, ports: [8080] }),
  ];

  it('are what they were', () => {
    const names = Array.from({ length: 8 }, (_, index) => `task-${index}`);
    const texts = Object.entries(cases).map(([title, spec]) => {
      const ledger = testLedger(hosts);
      ledger.charge('before', {
        ...{ hostId: 'b2', group: 'service:web', running: true, cpu: 256, memory: 512 },
        ...{ ports: [], portsUdp: [], gpuIds: ['a'] },
      });
      const { assignments, unplaced } = planPlacement(ledger, spec, names, 1);
      const given = assignments.map(({ hostId, gpuIds }) => [hostId, ...gpuIds].join('/'));
      const refusals = (unplaced?.refusals ?? []).map((each) => `${each.hosts} x ${each.reason}`);
      const rest = unplaced ? `; ${unplaced.count} unplaced: ${refusals.join(', ')}` : '';
      return `${title}\n  ${given.join(' ')}${rest}\n`;
    });
    matchesGolden('plans', texts.join(''));
  });
});
