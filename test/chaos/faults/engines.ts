// Fault 5: what happens on one host to its agent, its engine, its disk and its clock.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { endPart, startProcess } from '@berth/cli/lab/processes.ts';
import { realClock } from '@berth/process/real-clock.ts';

import { withWords } from '../etcd.ts';
import { type Fault, assertNoneLost } from '../fault.ts';
import type { Ground } from '../ground.ts';
import { SERVICE } from '../watcher.ts';
import { untilOnlyWanted } from './hosts.ts';

const HOST = 'h1';
const PATIENCE_MS = 120_000;
const GRACE_MS = 30_000;
const HUNG_MS = 20_000;
const STEPS_S = [3_600, -3_600, 86_400];

export const engines: readonly Fault[] = [
  {
    name: 'agent-killed',
    title: 'containers and requests do not notice that an agent dies',
    reduced: false,
    run: (ground) => killAgent(ground),
  },
  {
    name: 'agent-upgrade',
    title: 'nor that it is upgraded',
    reduced: false,
    run: (ground) => upgradeAgent(ground),
  },
  {
    name: 'engine-restart',
    title: 'containers and requests do not notice a restart of their engine with live-restore',
    reduced: false,
    run: (ground) => restartEngine(ground),
  },
  {
    name: 'engine-restart-all',
    title: 'what an engine stops without live-restore runs again',
    reduced: false,
    run: (ground) => restartWithContainers(ground),
  },
  {
    name: 'engine-hung',
    title: 'containers and requests do not notice that an engine hangs',
    reduced: false,
    run: (ground) => hangEngine(ground),
  },
  {
    name: 'disk-full',
    title: 'a deployment gets through though a host has no room',
    reduced: false,
    run: (ground) => fillDisk(ground),
  },
  {
    name: 'clock',
    title: 'tasks and sessions do not notice that a clock is stepped',
    reduced: false,
    run: (ground) => stepClock(ground),
  },
];

async function killAgent(ground: Ground): Promise<void> {
  const { lab, watcher } = ground;
  const before = ground.untouched();
  const row = await ground.measure('SIGKILL of an agent, then a new start', async (m) => {
    await m.inject(() => lab.kill(HOST, 'agent'));
    await watcher.until('it is noticed', PATIENCE_MS, () =>
      watcher.sessions().has(HOST) ? 'its session stands' : undefined,
    );
    m.detected();
    await lab.restart(HOST, 'agent');
    await ground.steady();
    m.recovered();
  });
  assertNoneLost(row);
  assert.equal(ground.untouched(), before, 'tasks were touched');
}

/** Another process takes its place, as when the program is updated. */
async function upgradeAgent(ground: Ground): Promise<void> {
  const { lab } = ground;
  const before = ground.untouched();
  const row = await ground.measure('An agent is upgraded', async (m) => {
    await m.inject(() => lab.restart(HOST, 'agent'));
    await ground.steady();
    m.recovered();
  });
  assertNoneLost(row);
  assert.equal(ground.untouched(), before, 'tasks were touched');
}

async function restartEngine(ground: Ground): Promise<void> {
  const { lab } = ground;
  const before = ground.untouched();
  const row = await ground.measure('dockerd restarted, with live-restore', async (m) => {
    await m.inject(() => lab.restart(HOST, 'engine'));
    await ground.steady();
    m.recovered();
    await ground.deploy();
    await ground.steady();
  });
  assertNoneLost(row);
  assert.notEqual(ground.untouched(), before, 'the engine takes no orders any more');
}

/** Stopping the engine stops its containers with SIGTERM, without a word to the control plane. */
async function restartWithContainers(ground: Ground): Promise<void> {
  const { lab, api } = ground;
  const { cluster } = lab.plan;
  const node = lab.node(HOST);
  const setLiveRestore = async (on: boolean): Promise<void> => {
    const set = (status: 'ACTIVE' | 'DRAINING') =>
      api.ecs.UpdateHostsState({ cluster, hosts: [HOST], status });
    await set('DRAINING');
    await untilOnlyWantedElsewhere(ground);
    await endPart(lab.plan, node, 'agent', GRACE_MS, realClock);
    await endPart(lab.plan, node, 'engine', GRACE_MS, realClock);
    const plan = withWords(node, 'engine', (command) =>
      command.map((word) => (word.startsWith('--live-restore=') ? `--live-restore=${on}` : word)),
    );
    await startProcess(lab.plan, node, plan);
    await lab.untilReady(HOST, 'engine');
    await lab.start(HOST, 'agent');
    await lab.untilReady(HOST, 'agent');
    await set('ACTIVE');
    await ground.spread();
  };
  await setLiveRestore(false);
  try {
    await ground.measure('dockerd restarted, without live-restore', async (m) => {
      await m.inject(() => endPart(lab.plan, node, 'engine', GRACE_MS, realClock));
      const plan = withWords(node, 'engine', (command) =>
        command.map((word) => (word.startsWith('--live-restore=') ? '--live-restore=false' : word)),
      );
      await startProcess(lab.plan, node, plan);
      await lab.untilReady(HOST, 'engine');
      await ground.steady();
      m.recovered();
      await untilOnlyWanted(ground);
      m.note(
        'the engine stops its containers and tells nobody; requests under way on them are lost',
      );
    });
  } finally {
    await setLiveRestore(true);
  }
}

/** The host that drains is empty. */
async function untilOnlyWantedElsewhere(ground: Ground): Promise<void> {
  const { watcher } = ground;
  await watcher.until(`${HOST} is empty`, PATIENCE_MS, () => {
    const left = watcher
      .tasks()
      .filter(
        ({ task, status }) =>
          status?.lastStatus !== 'STOPPED' &&
          [...watcher.cache.hostsById(task.hostId)][0]?.value.name === HOST,
      );
    return left.length > 0 ? `${left.length} tasks are there` : undefined;
  });
  await ground.steady();
}

async function hangEngine(ground: Ground): Promise<void> {
  const { lab } = ground;
  const before = ground.untouched();
  const row = await ground.measure(`SIGSTOP of dockerd for ${HUNG_MS / 1000} s`, async (m) => {
    await m.inject(() => lab.pause(HOST, 'engine'));
    await new Promise((resolve) => setTimeout(resolve, HUNG_MS));
    assert.equal(ground.untouched(), before, 'tasks were touched');
    await m.inject(() => lab.resume(HOST, 'engine'));
    await ground.steady();
    m.recovered();
    await ground.deploy();
    await ground.steady();
    await untilOnlyWanted(ground);
    m.note('time since it goes on');
  });
  assertNoneLost(row);
}

async function fillDisk(ground: Ground): Promise<void> {
  const { lab } = ground;
  const row = await ground.measure(
    'The disk of a host is full, during a rolling update',
    async (m) => {
      await m.inject(() => lab.fillDisk(HOST));
      try {
        await ground.deploy();
        await new Promise((resolve) => setTimeout(resolve, HUNG_MS));
      } finally {
        await lab.freeDisk(HOST);
      }
      await m.inject(() => Promise.resolve());
      await ground.steady([], PATIENCE_MS);
      m.recovered();
      await untilOnlyWanted(ground);
      m.note('time since there is room again');
    },
  );
  assertNoneLost(row);
}

/** libfaketime of Debian's package, of this machine's architecture. */
function fakeTime(): string | undefined {
  const folder = '/usr/lib';
  return readdirSync(folder)
    .map((entry) => join(folder, entry, 'faketime/libfaketime.so.1'))
    .find((file) => existsSync(file));
}

/** The wall clock of the agent is stepped; monotonic time goes on, as when an operator or NTP steps a clock. */
async function stepClock(ground: Ground): Promise<void> {
  const { lab } = ground;
  const library = fakeTime();
  assert.ok(
    library !== undefined,
    'the faketime package is not installed: apt-get install faketime',
  );
  const node = lab.node(HOST);
  const folder = mkdtempSync(join(tmpdir(), 'berth-clock-'));
  const file = join(folder, 'offset');
  writeFileSync(file, '+0\n');
  const settings = [
    ...[`LD_PRELOAD=${library}`, `FAKETIME_TIMESTAMP_FILE=${file}`],
    ...['FAKETIME_DONT_FAKE_MONOTONIC=1', 'FAKETIME_NO_CACHE=1'],
  ];
  await endPart(lab.plan, node, 'agent', GRACE_MS, realClock);
  const plan = withWords(node, 'agent', (command) => ['env', ...settings, ...command]);
  await startProcess(lab.plan, node, plan);
  await lab.untilReady(HOST, 'agent');
  await ground.steady();
  const before = ground.untouched();
  try {
    const row = await ground.measure('The clock of a host is stepped', async (m) => {
      for (const step of STEPS_S) {
        await m.inject(() => {
          writeFileSync(file, `${step < 0 ? '' : '+'}${step}\n`);
          return Promise.resolve();
        });
        await new Promise((resolve) => setTimeout(resolve, 5_000));
        assert.equal(ground.untouched(), before, 'tasks were touched');
        assert.ok(ground.watcher.sessions().has(HOST), 'its session has ended');
      }
      await ground.deploy();
      await ground.steady();
      m.note(`by ${STEPS_S.join(', ')} s; service ${SERVICE} deploys on`);
    });
    assertNoneLost(row);
  } finally {
    await lab.restart(HOST, 'agent');
    rmSync(folder, { recursive: true, force: true });
  }
}
