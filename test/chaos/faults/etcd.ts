// Fault 2: etcd loses a member, its disk, all of itself, its history and its space.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';

import { startProcess } from '@berth/cli/lab/processes.ts';

import { etcdctl, memberId, memberNodes, raftLeader, statuses, withWords } from '../etcd.ts';
import { type Extent, type Fault, assertNoneLost } from '../fault.ts';
import type { Ground } from '../ground.ts';
import type { Measuring } from '../measure.ts';
import { metric } from '../metrics.ts';
import { SERVICE } from '../watcher.ts';

const PATIENCE_MS = 60_000;
const QUOTA_BYTES = 16 * 1024 * 1024;
const FILLER_BYTES = 100_000;
/** Among Berth's keys, so that its views follow; none of a kind that it knows. */
const FILLER = '/berth/v1/chaos/filler';

export const etcd: readonly Fault[] = [
  {
    name: 'etcd-member',
    title: 'no request is lost with the member that leads etcd',
    reduced: true,
    run: (ground) => loseMember(ground),
  },
  {
    name: 'etcd-isolated',
    title: 'a member that is cut off from the others holds nobody up',
    reduced: false,
    run: (ground) => isolate(ground),
  },
  {
    name: 'etcd-disk',
    title: 'a member is replaced by a new one',
    reduced: false,
    run: (ground) => replaceDisk(ground),
  },
  {
    name: 'etcd-all',
    title: 'tasks and routing go on without etcd, and all catches up',
    reduced: false,
    run: (ground, extent) => loseAll(ground, extent),
  },
  {
    name: 'etcd-compaction',
    title: 'a replica that has missed dropped history lists again',
    reduced: false,
    run: (ground) => fallBehind(ground),
  },
  {
    name: 'etcd-nospace',
    title: 'a full etcd is a clear error with a way out',
    reduced: false,
    run: (ground) => fill(ground),
  },
];

let writes = 0;

/** A change through the api is acknowledged. */
async function write({ api, lab }: Ground): Promise<void> {
  writes += 1;
  const attributes = [{ name: 'chaos', value: String(writes) }];
  await api.ecs.PutAttributes({ cluster: lab.plan.cluster, host: 'h1', attributes });
}

/** The first change that is accepted after the fault. */
async function untilWritable(ground: Ground, measuring?: Measuring): Promise<void> {
  const begin = performance.now();
  for (;;) {
    try {
      await write(ground);
      measuring?.detected();
      return;
    } catch (error) {
      if (performance.now() - begin > PATIENCE_MS) throw error;
    }
  }
}

/** The member that leads, since its loss is the worst. */
async function loseMember(ground: Ground): Promise<void> {
  const { lab } = ground;
  const before = ground.untouched();
  const member = await raftLeader(lab);
  const row = await ground.measure('SIGKILL of the member that leads etcd', async (m) => {
    await m.inject(() => lab.kill(member.name));
    await untilWritable(ground, m);
    await ground.steady();
    m.recovered();
    m.note('noticed: the first change that is accepted again');
    await lab.restart(member.name);
    await ground.steady();
  });
  assertNoneLost(row);
  assert.equal(ground.untouched(), before, 'tasks were touched');
}

/** As docs/running.md says it. */
async function replaceDisk(ground: Ground): Promise<void> {
  const { lab } = ground;
  const before = ground.untouched();
  const [lost, ...others] = memberNodes(lab);
  const [asked] = others;
  assert.ok(lost && asked);
  const data = withWords(lost, 'etcd', (command) => command).directories[0] ?? '';
  const row = await ground.measure('Loss of the disk of a member of etcd', async (m) => {
    await m.inject(async () => {
      await lab.kill(lost.name);
      rmSync(data, { recursive: true, force: true });
    });
    await untilWritable(ground, m);
    await etcdctl(lab, others, 'member', 'remove', await memberId(lab, asked, lost.name));
    await etcdctl(
      ...([lab, others, 'member', 'add', lost.name] as const),
      `--peer-urls=https://${lost.address}:7403`,
    );
    const existing = withWords(lost, 'etcd', (command) =>
      command.map((word) => (word === 'new' ? 'existing' : word)),
    );
    await startProcess(lab.plan, lost, existing);
    await lab.untilReady(lost.name);
    const members = await statuses(lab, memberNodes(lab));
    assert.equal(new Set(members.map(({ Status }) => Status.leader)).size, 1);
    await ground.steady();
    m.recovered();
    m.note('well again: a new member in its place, with the documented commands');
  });
  assertNoneLost(row);
  assert.equal(ground.untouched(), before, 'tasks were touched');
}

async function loseAll(ground: Ground, { full }: Extent): Promise<void> {
  const { lab } = ground;
  const before = ground.untouched();
  const downMs = full ? 60_000 : 10_000;
  const row = await ground.measure(`All of etcd down for ${downMs / 1000} s`, async (m) => {
    await lab.kill('etcd');
    await new Promise((resolve) => setTimeout(resolve, downMs));
    assert.equal(ground.untouched(), before, 'tasks were touched');
    await m.inject(() => lab.restart('etcd'));
    await untilWritable(ground, m);
    await ground.steady();
    m.recovered();
    assert.equal(ground.untouched(), before, 'tasks were touched afterwards');
    m.note('times since etcd is back');
    await ground.deploy();
    await ground.steady();
  });
  assertNoneLost(row);
}

/** A replica sleeps while history that it has not seen is dropped: it lists again. */
async function fallBehind(ground: Ground): Promise<void> {
  const { lab, watcher } = ground;
  const leads = [watcher.leader('scheduler')?.node, watcher.leader('controller')?.node];
  const sleeper = lab.select('servers').find(({ name }) => !leads.includes(name));
  assert.ok(sleeper);
  const lists = await metric(lab, sleeper.name, 'berth_state_lists_total');
  const failures = await metric(lab, sleeper.name, 'berth_state_watch_failures_total');
  const row = await ground.measure(
    'Compaction that a cut off replica has not followed',
    async (m) => {
      await m.inject(() => lab.partition(sleeper.name, 'etcd'));
      await untilRises(ground, sleeper.name, 'berth_state_watch_failures_total', failures);
      m.detected();
      for (let change = 0; change < 20; change += 1) await untilWritable(ground);
      const [status] = await statuses(lab, memberNodes(lab).slice(0, 1));
      await etcdctl(lab, memberNodes(lab), 'compact', String(status?.Status.header.revision ?? 0));
      await lab.heal();
      await untilRises(ground, sleeper.name, 'berth_state_lists_total', lists);
      await ground.steady();
      m.recovered();
      m.note('its view is listed again, from the newest revision');
    },
  );
  assertNoneLost(row);
}

async function untilRises(
  { lab }: Ground,
  node: string,
  name: string,
  before: number,
): Promise<void> {
  const begin = performance.now();
  while ((await metric(lab, node, name).catch(() => before)) <= before) {
    assert.ok(performance.now() - begin < PATIENCE_MS, `${name} of ${node} stays at ${before}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A member is cut off from the others and from nobody else: whoever talks to it has to leave it. */
async function isolate(ground: Ground): Promise<void> {
  const { lab } = ground;
  const before = ground.untouched();
  const member = await raftLeader(lab);
  const others = memberNodes(lab).filter(({ name }) => name !== member.name);
  const names = others.map(({ name }) => name).join();
  const row = await ground.measure(
    'The member that leads etcd cut off from the others',
    async (m) => {
      await m.inject(() => lab.partition(member.name, names));
      await untilWritable(ground, m);
      assert.equal(ground.untouched(), before, 'tasks were touched');
      await ground.deploy();
      await ground.steady();
      m.recovered();
      m.note(
        'noticed: the first change that is accepted again; well again: a deployment is through',
      );
      await lab.heal();
      await ground.steady();
    },
  );
  assertNoneLost(row);
}

/** Until the alarm; what people are told is what mends it. */
async function fill(ground: Ground): Promise<void> {
  const { lab } = ground;
  const restart = async (quota: boolean): Promise<void> => {
    for (const node of memberNodes(lab)) {
      await lab.kill(node.name);
      const plan = withWords(node, 'etcd', (command) =>
        quota ? [...command, '--quota-backend-bytes', String(QUOTA_BYTES)] : command,
      );
      await startProcess(lab.plan, node, plan);
      await lab.untilReady(node.name);
    }
  };
  await restart(true);
  await ground.steady();
  try {
    await ground
      .measure('etcd runs out of space (NOSPACE)', (m) => fillUp(ground, m))
      .then(assertNoneLost);
  } finally {
    await mendSpace(ground);
    await restart(false);
    await ground.steady();
  }
  const { services } = await ground.api.ecs.DescribeServices({
    cluster: lab.plan.cluster,
    services: [SERVICE],
  });
  assert.equal(services[0]?.runningCount, services[0]?.desiredCount);
}

async function fillUp(ground: Ground, m: Measuring): Promise<void> {
  const { lab } = ground;
  const nodes = memberNodes(lab);
  const before = ground.untouched();
  const filler = 'x'.repeat(FILLER_BYTES);
  await m.inject(async () => {
    for (let puts = 0; puts < (2 * QUOTA_BYTES) / FILLER_BYTES; puts += 1) {
      try {
        await etcdctl(lab, nodes, 'put', FILLER, filler);
      } catch (error) {
        assert.match(String(error), /database space exceeded/);
        return;
      }
    }
    assert.fail('etcd took more than its quota');
  });
  await assert.rejects(write(ground), (error: Error) => {
    assert.match(
      error.message,
      /quota.*etcdctl compact --physical.*etcdctl defrag.*etcdctl alarm disarm/s,
    );
    return true;
  });
  m.detected();
  assert.equal(ground.untouched(), before, 'tasks were touched');
  await mendSpace(ground);
  await write(ground);
  await ground.steady();
  m.recovered();
  m.note('people are told what to do, and doing it mends it; times since it began to fill up');
}

/** What the error says. A member may still be dropping history that the others have dropped: its turn comes again. */
async function mendSpace({ lab }: Ground): Promise<void> {
  const nodes = memberNodes(lab);
  const [first] = await statuses(lab, nodes.slice(0, 1));
  const revision = String(first?.Status.header.revision ?? 0);
  await etcdctl(lab, nodes.slice(0, 1), 'compact', '--physical', revision).catch(
    (error: unknown) => {
      assert.match(String(error), /has been compacted/);
    },
  );
  const begin = performance.now();
  for (const node of nodes) {
    for (;;) {
      await etcdctl(lab, [node], 'defrag');
      const [after] = await statuses(lab, [node]);
      if ((after?.Status.dbSize ?? 0) < QUOTA_BYTES / 2) break;
      assert.ok(performance.now() - begin < PATIENCE_MS, `${node.name} gives no space back`);
    }
  }
  await etcdctl(lab, nodes, 'alarm', 'disarm');
}
