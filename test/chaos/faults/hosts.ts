// Faults 3 and 4: hosts that die or are cut off, and partitions.
import assert from 'node:assert/strict';

import { collections } from '@berth/store/keys.ts';

import { type Extent, type Fault, assertNoneLost, assertWithin } from '../fault.ts';
import type { Ground } from '../ground.ts';
import type { Measuring, Row } from '../measure.ts';
import { metric } from '../metrics.ts';
import { hostLostAfterMs } from '../sizes.ts';

const HOST = 'h3';
/** Beyond the time after which a host counts as lost. */
const REPLACED_MS = 5_000;
/** Proxies find out about a dead host with the first request: what is sent after that must not fail. */
const PASSIVE_MS = 3_000;
const PATIENCE_MS = 60_000;
const TASK_LABEL = 'berth.task';

export const hosts: readonly Fault[] = [
  {
    name: 'host-killed',
    title: 'a dead host is passed over at once and its tasks are replaced',
    reduced: true,
    run: (ground, extent) => lose(ground, extent, 'killed'),
  },
  {
    name: 'host-cut',
    title: 'so is one that is cut off, and its stale containers are stopped when it is back',
    reduced: false,
    run: (ground, extent) => lose(ground, extent, 'cut'),
  },
  {
    name: 'host-control',
    title: 'no request is lost while a host is cut off from the control plane',
    reduced: false,
    run: (ground, extent) => cutFromControl(ground, extent),
  },
  {
    name: 'proxy-control',
    title: 'a proxy that is cut off serves on from its last table and says so',
    reduced: true,
    run: (ground) => cutProxy(ground),
  },
  {
    name: 'control-halves',
    title: 'the larger half of the control plane leads, and no task is touched',
    reduced: false,
    run: (ground, extent) => halves(ground, extent),
  },
];

async function lose(ground: Ground, extent: Extent, how: 'killed' | 'cut'): Promise<void> {
  const { lab } = ground;
  await ground.spread();
  const what = how === 'killed' ? 'SIGKILL of all of a host' : 'The network of a host is cut';
  const row = await ground.measure(what, async (m) => {
    await m.inject(() =>
      how === 'killed' ? lab.kill(HOST) : lab.partition(HOST, others(lab, HOST)),
    );
    await untilReplaced(ground, m);
    if (how === 'killed') await lab.restart(HOST);
    else await lab.heal();
    await returned(ground, m);
  });
  assertReplaced(ground, extent, row);
  const { lastFailedMs = 0 } = row;
  assert.ok(
    lastFailedMs <= PASSIVE_MS * extent.leniency,
    `requests failed for too long: ${row.how}`,
  );
}

/** Its session is gone; then others run and serve what it ran. */
async function untilReplaced({ watcher }: Ground, m: Measuring): Promise<void> {
  await watcher.until('it is noticed', PATIENCE_MS, () =>
    watcher.sessions().has(HOST) ? 'its session stands' : undefined,
  );
  m.detected();
  await watcher.until('its tasks run elsewhere', PATIENCE_MS, () => watcher.unreplaced([HOST]));
  m.recovered();
}

/** Its old containers are stopped, and it takes part again. */
async function returned(ground: Ground, m: Measuring): Promise<void> {
  const from = performance.now();
  await ground.steady();
  await untilOnlyWanted(ground);
  m.note(
    `${((performance.now() - from) / 1000).toFixed(1)} s after its return nothing runs there that should not`,
  );
}

/** What runs on hosts is what should run there, once each. */
export async function untilOnlyWanted({ lab, watcher }: Ground): Promise<void> {
  for (const { name } of lab.select('hosts')) {
    const begin = performance.now();
    for (;;) {
      const command = ['docker', 'ps', '--format', `{{.Label "${TASK_LABEL}"}}`] as const;
      const { stdout } = await lab.exec(name, command);
      const there = stdout.split('\n').filter(Boolean).sort();
      const wanted = [...watcher.cache.list(collections.hosts)]
        .filter(({ value }) => value.name === name)
        .flatMap(({ value }) => [...watcher.cache.tasksByHost(value.id)])
        .flatMap(({ value }) => (value.desiredStatus === 'RUNNING' ? value.id : []))
        .sort();
      if (there.join() === wanted.join()) break;
      if (performance.now() - begin > PATIENCE_MS) {
        assert.deepEqual(there, wanted, `containers of tasks on ${name}`);
      }
    }
  }
}

/** Proxies still reach its tasks: they are replaced as those of a lost host, and no request is lost. */
async function cutFromControl(ground: Ground, extent: Extent): Promise<void> {
  const { lab } = ground;
  await ground.spread();
  const row = await ground.measure('A host is cut off from the control plane only', async (m) => {
    await m.inject(() => lab.partition(HOST, 'servers,etcd'));
    await untilReplaced(ground, m);
    await lab.heal();
    await returned(ground, m);
  });
  assertNoneLost(row);
  assertReplaced(ground, extent, row);
}

/** It serves on from its last table and says so. */
async function cutProxy(ground: Ground): Promise<void> {
  const { lab, watcher } = ground;
  const before = ground.untouched();
  const stale = (): Promise<number> => metric(lab, 'p1', 'berth_proxy_table_stale');
  const row = await ground.measure('A proxy is cut off from the control plane', async (m) => {
    assert.equal(await stale(), 0);
    await m.inject(() => lab.partition('p1', 'servers,etcd'));
    const begin = performance.now();
    while ((await stale()) !== 1) {
      assert.ok(performance.now() - begin < PATIENCE_MS, 'p1 does not say that its table is old');
    }
    m.detected();
    m.note('berth_proxy_table_stale says so');
    await watcher.until('its session is gone', PATIENCE_MS, () =>
      watcher.sessions().has('p1') ? 'it stands' : undefined,
    );
    await m.inject(() => lab.heal());
    await ground.steady();
    const healed = performance.now();
    while ((await stale()) !== 0) {
      assert.ok(performance.now() - healed < PATIENCE_MS, 'p1 says that its table is still old');
    }
    m.recovered();
    m.note('well again: since the network was mended');
  });
  assertNoneLost(row);
  assert.equal(ground.untouched(), before, 'tasks were touched');
}

/** One server and one member of etcd against the rest; whoever led on the small side has to give up. */
async function halves(ground: Ground, { rounds }: Extent): Promise<void> {
  const { lab, watcher } = ground;
  const before = ground.untouched();
  const row = await ground.measure('The control plane is cut in halves', async (m) => {
    for (let round = 0; round < Math.min(rounds, 3); round += 1) {
      const led = watcher.leader('scheduler')?.node ?? 's1';
      const small = [led, `e${round + 1}`];
      const large = lab
        .select('servers,etcd')
        .map(({ name }) => name)
        .filter((name) => !small.includes(name));
      await m.inject(() => lab.partition(small.join(), large.join()));
      await watcher.until('the large half leads', PATIENCE_MS, () => {
        const roles = [watcher.leader('scheduler'), watcher.leader('controller')];
        return roles.every((one) => one && large.includes(one.node)) ? undefined : 'not yet';
      });
      m.detected();
      await ground.steady();
      m.recovered();
      await lab.heal();
      await ground.steady();
    }
  });
  assertNoneLost(row);
  assert.equal(ground.untouched(), before, 'tasks were touched');
}

function assertReplaced({ lab }: Ground, { leniency }: Extent, { recoveredMs }: Row): void {
  const limit = hostLostAfterMs(lab.plan.options) + REPLACED_MS;
  assertWithin('replacements run', recoveredMs, limit * leniency);
}

function others({ plan }: Ground['lab'], node: string): string {
  const names = plan.nodes.map(({ name }) => name);
  return names.filter((name) => name !== node).join();
}
