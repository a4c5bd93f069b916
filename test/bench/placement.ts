// How many tasks a second the placement engine gives hosts to, in memory: no store, no network; and what
// filtering and sorting all hosts for each task would give in the same run. Every figure includes releasing the tasks
// again, so that the cluster stays as full as it was. The hosts' load differs, so that packing has something to choose from.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { testHost, testSpec } from '@berth/model/placement/testing.ts';
import { Ledger } from '@berth/model/placement/ledger.ts';
import { planPlacement } from '@berth/model/placement/plan.ts';
import { planNaively } from '@berth/model/placement/reference.ts';
import type { PlacementSpec } from '@berth/model/placement/spec.ts';

const SIZES = [100, 1000, 10_000];
/** Below the hosts that a fixed port leaves at 100 hosts, so that every size does the same. */
const TASKS_A_CALL = 50;
const GROUPS = 20;
const MEASURE_MS = 1500;
const SINGLE_CALLS = 20_000;

const zone = { type: 'spread', field: 'attribute:ecs.availability-zone' } as const;
const everything = {
  strategy: [zone, { type: 'binpack', field: 'memory' }] as const,
  constraints: [
    { type: 'memberOf', expression: 'attribute:ecs.instance-type =~ "t[23].*"' },
    { type: 'memberOf', expression: 'runningTasksCount < 500' },
  ] as const,
};

/** The requests of many services, which take turns. */
const shapes: Readonly<Record<string, (service: number) => PlacementSpec>> = {
  'zones, memory, memberOf, port': (service) =>
    testSpec({ ...everything, group: `service:${service}`, ask: { ports: [8080] } }),
  'the same, 20 sizes and ports': (service) =>
    testSpec({
      ...everything,
      group: `service:${service}`,
      ask: { cpu: 100 + service, ports: [8080 + service] },
    }),
  'service default': (service) => testSpec({ group: `service:${service}` }),
  random: (service) => testSpec({ ofService: false, group: `family:${service}` }),
  'distinctInstance, pack cpu': (service) =>
    testSpec({
      group: `service:${service}`,
      strategy: [{ type: 'binpack', field: 'cpu' }],
      constraints: [{ type: 'distinctInstance' }],
    }),
};

function cluster(size: number): Ledger {
  const ledger = new Ledger();
  for (let index = 0; index < size; index += 1) {
    const id = String(index).padStart(32, '0');
    const attributes = new Map([
      ['ecs.availability-zone', `zone-${index % 3}`],
      ['ecs.instance-type', `t${2 + (Math.floor(index / 3) % 3)}.large`],
    ]);
    ledger.putHost(testHost(id, { cpu: 1_000_000, memory: 4_000_000, attributes }));
    for (let task = 0; task < 5; task += 1) {
      ledger.charge(`load-${index}-${task}`, {
        hostId: id,
        group: `service:load-${task}`,
        running: true,
        cpu: 256 * ((index * 7 + task) % 11),
        memory: 128 * ((index * 5 + task) % 17),
        ports: [],
        portsUdp: [],
      });
    }
  }
  return ledger;
}

let named = 0;
/** Never the same name twice, as in life; a Map that sees one name come and go all the time gets slow. */
const names = (count: number): string[] =>
  Array.from({ length: count }, () => `task-${String((named += 1))}`);
type Planner = typeof planPlacement;

/** Tasks placed a second, all services in turn. */
function rate(
  plan: Planner,
  ledger: Ledger,
  specs: readonly PlacementSpec[],
  count: number,
): number {
  const call = (turn: number): void => {
    const ids = names(count);
    plan(ledger, specs[turn % specs.length] as PlacementSpec, ids, turn);
    for (const id of ids) ledger.release(id);
  };
  // The naive planner takes seconds for a round at 10,000 hosts; one call warms it up enough.
  for (let turn = 0; turn < (plan === planPlacement ? 200 : 1); turn += 1) call(turn);
  const start = performance.now();
  let calls = 0;
  while (performance.now() - start < MEASURE_MS) call(calls++);
  return (calls * count * 1000) / (performance.now() - start);
}

/** Of calls for one task each, in microseconds. */
function percentile99(ledger: Ledger, specs: readonly PlacementSpec[]): number {
  const took: number[] = [];
  for (let turn = 0; turn < SINGLE_CALLS; turn += 1) {
    const ids = names(1);
    const start = performance.now();
    planPlacement(ledger, specs[turn % specs.length] as PlacementSpec, ids, turn);
    took.push((performance.now() - start) * 1000);
    for (const id of ids) ledger.release(id);
  }
  took.sort((a, b) => a - b);
  return took[Math.floor(took.length * 0.99)] ?? NaN;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
function heapMiB(): number {
  collect();
  collect(); // what the first leaves to be swept in the background
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1024 / 1024;
}

const columns = [7, 32, 14, 14, 10, 10, 11, 12, 11];
const line = (...cells: string[]): void => {
  console.log(cells.map((cell, index) => cell.padEnd(columns[index] ?? 0)).join(''));
};
const perSecond = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`;

line(
  'hosts',
  'requests',
  `${TASKS_A_CALL} a call`,
  'one a call',
  'p99',
  'indexes',
  'naive',
  'of naive',
  'of 100',
);
const atSmallest = new Map<string, number>();

function measure(size: number, name: string, specs: readonly PlacementSpec[]): void {
  const ledger = cluster(size);
  const before = heapMiB();
  for (const spec of specs) ledger.indexes.serve(spec);
  const memory = heapMiB() - before;
  const together = rate(planPlacement, ledger, specs, TASKS_A_CALL);
  const single = rate(planPlacement, ledger, specs, 1);
  const slowest = percentile99(ledger, specs);
  const naive = rate(planNaively, ledger, specs, 1);
  const smallest = atSmallest.get(name) ?? together;
  atSmallest.set(name, smallest);
  line(
    String(size),
    name,
    perSecond(together),
    perSecond(single),
    `${slowest.toFixed(1)} us`,
    `${memory.toFixed(1)} MiB`,
    perSecond(naive),
    `x ${(together / naive).toFixed(0)}`,
    `${((together / smallest) * 100).toFixed(0)} %`,
  );
}

for (const size of SIZES) {
  for (const [name, make] of Object.entries(shapes)) {
    measure(
      size,
      name,
      Array.from({ length: GROUPS }, (_, service) => make(service)),
    );
  }
}
