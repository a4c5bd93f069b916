// Faults 6 and 7: what people plan. No request may fail.
import assert from 'node:assert/strict';

import { collections } from '@berth/store/keys.ts';

import { type Fault, assertNoneLost } from '../fault.ts';
import type { Ground } from '../ground.ts';
import { SERVICE } from '../watcher.ts';
import { untilOnlyWanted } from './hosts.ts';
import { replaceProxy } from './replace-proxy.ts';

const PATIENCE_MS = 90_000;
const { hosts: HOSTS, services: SERVICES } = collections;

export const planned: readonly Fault[] = [
  {
    name: 'drain',
    title: 'a host drains with its replacements first, and no request is lost',
    reduced: true,
    run: (ground) => drain(ground),
  },
  {
    name: 'remove',
    title: 'a drained host is removed, and comes back',
    reduced: false,
    run: (ground) => remove(ground),
  },
  {
    name: 'update',
    title: 'no request is lost during a rolling update',
    reduced: false,
    run: (ground) => update(ground),
  },
  {
    name: 'rolling-restart',
    title: 'no request is lost while the control plane restarts during a rolling update',
    reduced: true,
    run: (ground) => restartControl(ground),
  },
  {
    name: 'upgrade',
    title: 'no request is lost while every role is upgraded during a rolling update',
    reduced: false,
    run: (ground) => upgradeAll(ground),
  },
];

async function drained(ground: Ground, host: string): Promise<void> {
  const { lab, api, watcher } = ground;
  const { cluster } = lab.plan;
  const id = [...watcher.cache.list(HOSTS)].find(({ value }) => value.name === host)?.value.id;
  let least = Infinity;
  const healthy = (): number =>
    watcher.tasks().filter(({ status, task }) => {
      return status?.lastStatus === 'RUNNING' && task.desiredStatus === 'RUNNING';
    }).length;
  await api.ecs.UpdateHostsState({ cluster, hosts: [host], status: 'DRAINING' });
  await watcher.until(`${host} is empty`, PATIENCE_MS, () => {
    least = Math.min(least, healthy());
    const left = watcher
      .tasks()
      .filter(({ task, status }) => task.hostId === id && status?.lastStatus !== 'STOPPED');
    return left.length > 0 ? `${left.length} tasks are there` : undefined;
  });
  await ground.steady();
  const wanted = watcher.cache.get(SERVICES, cluster, SERVICE)?.value.desiredCount ?? 0;
  assert.ok(least >= wanted, `only ${least} of ${wanted} tasks were left: replacements come first`);
}

async function drain(ground: Ground): Promise<void> {
  const { lab, api } = ground;
  const { cluster } = lab.plan;
  const row = await ground.measure('berth host drain, then activate', async (m) => {
    await m.inject(() => drained(ground, 'h2'));
    m.recovered();
    m.note('well again: the host is empty, and as many tasks as before serve elsewhere');
    await api.ecs.UpdateHostsState({ cluster, hosts: ['h2'], status: 'ACTIVE' });
    await ground.deploy();
    await ground.steady();
    await untilOnlyWanted(ground);
  });
  assertNoneLost(row);
}

async function remove(ground: Ground): Promise<void> {
  const { lab, api, watcher } = ground;
  const { cluster } = lab.plan;
  const row = await ground.measure('berth host remove of a drained host', async (m) => {
    await drained(ground, 'h2');
    await m.inject(async () => {
      await lab.kill('h2', 'agent');
      await api.ecs.DeregisterHost({ cluster, host: 'h2' });
    });
    await watcher.until('it is gone', PATIENCE_MS, () =>
      [...watcher.cache.list(HOSTS)].some(({ value }) => value.name === 'h2')
        ? 'it is registered'
        : undefined,
    );
    m.detected();
    await lab.restart('h2', 'agent');
    await ground.steady();
    m.recovered();
    m.note('well again: its agent was started, and it is a host again');
  });
  assertNoneLost(row);
}

/** With nothing broken, for comparison. */
async function update(ground: Ground): Promise<void> {
  const row = await ground.measure('A rolling update', async (m) => {
    await m.inject(() => ground.deploy());
    await ground.steady();
    m.recovered();
    await untilOnlyWanted(ground);
  });
  assertNoneLost(row);
}

async function restartControl(ground: Ground): Promise<void> {
  const { lab } = ground;
  const row = await ground.measure(
    'The whole control plane restarted in turn, during a rolling update',
    async (m) => {
      await m.inject(() => ground.deploy());
      for (const { name } of lab.select('servers')) await lab.restart(name);
      await ground.steady();
      m.recovered();
      await untilOnlyWanted(ground);
    },
  );
  assertNoneLost(row);
}

/** Each process of each role ends and another takes its place, one at a time. */
async function upgradeAll(ground: Ground): Promise<void> {
  const { lab } = ground;
  const row = await ground.measure(
    'Every role upgraded one process at a time, during a rolling update',
    async (m) => {
      await m.inject(() => ground.deploy());
      for (const { name } of lab.select('etcd,servers')) await lab.restart(name);
      for (const { name } of lab.select('hosts')) await lab.restart(name, 'agent');
      for (const node of lab.select('proxies')) await replaceProxy(lab, node);
      await ground.steady();
      m.recovered();
    },
  );
  assertNoneLost(row);
}
