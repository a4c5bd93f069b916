// How many tasks a second the placement engine gives hosts to, in memory: no store, no network. The bound
// is one bare look at every host for each task; the ratio says what filters, ranking and the ledger cost on top.
import { testHost, testLedger, testSpec } from '@berth/model/placement/testing.ts';
import { planPlacement } from '@berth/model/placement/plan.ts';
import type { HostView } from '@berth/model/placement/host.ts';
import type { PlacementSpec } from '@berth/model/placement/spec.ts';

const TASKS = 1000;
const MEASURE_MS = 1000;

const shapes: Readonly<Record<string, PlacementSpec>> = {
  'service default': testSpec(),
  'spread zone, binpack memory': testSpec({
    strategy: [
      { type: 'spread', field: 'attribute:ecs.availability-zone' },
      { type: 'binpack', field: 'memory' },
    ],
  }),
  'memberOf with a pattern': testSpec({
    constraints: [{ type: 'memberOf', expression: 'attribute:ecs.instance-type =~ "t[23].*"' }],
  }),
};

function cluster(size: number): HostView[] {
  return Array.from({ length: size }, (_, index) =>
    testHost(String(index).padStart(32, '0'), {
      cpu: 1_000_000,
      memory: 4_000_000,
      attributes: new Map([
        ['ecs.availability-zone', `zone-${index % 3}`],
        ['ecs.instance-type', `t${2 + (index % 3)}.large`],
      ]),
    }),
  );
}

/** Runs of `work` a second, warmed up. */
function rate(work: () => void): number {
  work();
  const start = performance.now();
  let runs = 0;
  while (performance.now() - start < MEASURE_MS) {
    work();
    runs += 1;
  }
  return (runs * 1000) / (performance.now() - start);
}

/** The bound: for each task, the host with the least of one number, and nothing else. */
function bareScan(hosts: readonly { free: number }[]): void {
  for (let task = 0; task < TASKS; task += 1) {
    let best = hosts[0];
    for (const host of hosts) if (best === undefined || host.free > best.free) best = host;
    if (best) best.free -= 1;
  }
}

const ids = Array.from({ length: TASKS }, (_, index) => `task-${index}`);
const columns = [7, 30, 16, 16, 9];
const line = (...cells: string[]): void => {
  console.log(cells.map((cell, index) => cell.padEnd(columns[index] ?? 0)).join(''));
};

line('hosts', 'request', 'in one call', 'one a call', 'of bound');
for (const size of [100, 1000]) {
  const hosts = cluster(size);
  const bare = hosts.map(() => ({ free: 1_000_000 }));
  const bound = rate(() => bareScan(bare)) * TASKS;
  for (const [name, spec] of Object.entries(shapes)) {
    const ledger = testLedger(hosts);
    const place = (names: readonly string[]): void => {
      planPlacement(ledger, spec, names, 1);
      for (const id of names) ledger.release(id);
    };
    const together = rate(() => place(ids)) * TASKS;
    const single = rate(() => place(ids.slice(0, 1)));
    line(
      String(size),
      name,
      `${Math.round(together).toLocaleString('en')}/s`,
      `${Math.round(single).toLocaleString('en')}/s`,
      `${((together / bound) * 100).toFixed(1)} %`,
    );
  }
}
