// Fault 1: leaders and api replicas that die, and that stop for longer than their lease.
import assert from 'node:assert/strict';

import { connectApi } from '@berth/cli/connection.ts';

import { type Extent, type Fault, assertNoneLost, assertWithin } from '../fault.ts';
import type { Ground } from '../ground.ts';
import type { Measuring } from '../measure.ts';
import { metric } from '../metrics.ts';
import { type LeaderRole, SERVICE } from '../watcher.ts';

const NEW_LEADER_MS = 5_000;
const NEW_SESSION_MS = 3_000;
const PATIENCE_MS = 30_000;
const TRIES = 3;

export const leaders: readonly Fault[] = [
  ...(['scheduler', 'controller'] as const).flatMap((role) => [
    fault(
      `kill-${role}`,
      `another ${role} leads soon, and nobody notices`,
      role === 'scheduler',
      (ground, extent) => lose(ground, extent, role, 'SIGKILL'),
    ),
    fault(`stop-${role}`, `also where it only stops`, false, (ground, extent) =>
      lose(ground, extent, role, 'SIGSTOP'),
    ),
  ]),
  fault(
    'kill-api',
    'agents and proxies of a dead api are soon with another',
    true,
    (ground, extent) => lose(ground, extent, 'api', 'SIGKILL'),
  ),
  fault('stop-api', 'also where it only stops', false, (ground, extent) =>
    lose(ground, extent, 'api', 'SIGSTOP'),
  ),
  fault('refused-write', 'a resumed old leader can not write', true, (ground) =>
    refusedWrite(ground),
  ),
];

function fault(name: string, title: string, reduced: boolean, run: Fault['run']): Fault {
  return { name, title, reduced, run };
}

/** Rounds of losing the server that has the role; of an api one that holds sessions. */
async function lose(
  ground: Ground,
  { rounds, leniency }: Extent,
  role: LeaderRole | 'api',
  how: 'SIGKILL' | 'SIGSTOP',
): Promise<void> {
  const { lab } = ground;
  const moves: number[] = [];
  const before = ground.untouched();
  const what = role === 'api' ? 'an api replica' : `the ${role} that leads`;
  const row = await ground.measure(`${how} of ${what}`, async (measuring) => {
    for (let round = 0; round < rounds; round += 1) {
      const node = role === 'api' ? busiest(ground) : ground.watcher.leader(role)?.node;
      assert.ok(node, `nobody is ${role}`);
      moves.push(await loseOnce(ground, measuring, node, role, how));
      await (how === 'SIGKILL' ? lab.restart(node) : lab.resume(node));
      await ground.steady();
    }
    measuring.note(
      `sessions are with another replica after ${seconds(Math.min(...moves))} to ${seconds(Math.max(...moves))}`,
    );
  });
  assert.equal(ground.untouched(), before, 'tasks were touched');
  assertNoneLost(row);
  if (role !== 'api') {
    assertWithin(`a new ${role}`, row.detectedMs, NEW_LEADER_MS * leniency);
  }
  if (how === 'SIGKILL') {
    assertWithin('sessions with another replica', moves, NEW_SESSION_MS * leniency);
  }
}

/** @returns ms until all sessions of the node are with another */
async function loseOnce(
  { lab, watcher }: Ground,
  measuring: Measuring,
  node: string,
  role: LeaderRole | 'api',
  how: 'SIGKILL' | 'SIGSTOP',
): Promise<number> {
  const address = `${lab.node(node).address}:7400`;
  const before = {
    scheduler: watcher.leader('scheduler'),
    controller: watcher.leader('controller'),
  };
  const own = [...watcher.sessions()].flatMap(([name, at]) => (at === address ? name : []));
  await measuring.inject(() =>
    how === 'SIGKILL' ? lab.kill(node) : Promise.resolve(lab.pause(node)),
  );
  const follow = async (one: LeaderRole): Promise<void> => {
    if (before[one]?.node !== node) return;
    await watcher.until(`another ${one}`, PATIENCE_MS, () => {
      const now = watcher.leader(one);
      return now && now.epoch !== before[one]?.epoch ? undefined : 'nobody leads';
    });
    if (one === role) measuring.detected();
  };
  const move = async (): Promise<number> => {
    await watcher.until(`sessions of ${node} elsewhere`, PATIENCE_MS, () => {
      const now = watcher.sessions();
      return own.find((name) => (now.get(name) ?? address) === address);
    });
    if (role === 'api') measuring.detected();
    return measuring.since();
  };
  const [moved] = await Promise.all([move(), follow('scheduler'), follow('controller')]);
  measuring.recovered();
  return moved;
}

/** The replica with the most sessions. */
function busiest({ lab, watcher }: Ground): string | undefined {
  const held = [...watcher.sessions().values()];
  const many = (address: string): number => held.filter((at) => at === `${address}:7400`).length;
  return [...lab.select('servers')].sort((a, b) => many(b.address) - many(a.address))[0]?.name;
}

/**
 * A scheduler that has a transaction on its way stops for longer than its lease. When it goes on it finds out that the
 * transaction never arrived and sends it again, and etcd refuses it: its term is over.
 */
async function refusedWrite(ground: Ground): Promise<void> {
  const { lab, watcher } = ground;
  let refused = 0;
  const row = await ground.measure('SIGSTOP of a scheduler in the middle of a write', async (m) => {
    for (let attempt = 1; attempt <= TRIES && refused === 0; attempt += 1) {
      const old = watcher.leader('scheduler');
      assert.ok(old);
      const others = lab.plan.api.filter((at) => !at.startsWith(`${lab.node(old.node).address}:`));
      const api = await connectApi({
        addresses: others,
        tlsDirectory: lab.plan.tls,
        file: undefined,
      });
      try {
        const mend = await lab.partition(old.node, 'etcd', { oneWay: true });
        const wanted = watcher.cache.revision;
        await api.ecs.UpdateService({
          cluster: lab.plan.cluster,
          service: SERVICE,
          desiredCount: 7,
        });
        await watcher.until('the wish is seen there', PATIENCE_MS, () =>
          watcher.cache.revision > wanted ? undefined : 'nothing changed',
        );
        await new Promise((resolve) => setTimeout(resolve, 400)); // its decision takes a moment
        await m.inject(() => lab.pause(old.node));
        await watcher.until('another scheduler', PATIENCE_MS, () =>
          watcher.leader('scheduler')?.node === old.node
            ? 'it leads'
            : watcher.leader('scheduler')
              ? undefined
              : 'nobody leads',
        );
        m.detected();
        await mend();
        await lab.resume(old.node);
        await ground.steady();
        m.recovered();
        refused += await metric(lab, old.node, 'berth_state_deposed_writes_total');
        await api.ecs.UpdateService({
          cluster: lab.plan.cluster,
          service: SERVICE,
          desiredCount: 6,
        });
        await ground.steady();
      } finally {
        api.close();
      }
    }
    m.note(`etcd refused ${refused} transactions of the resumed leader`);
  });
  assert.ok(refused > 0, 'the resumed leader wrote nothing that could have been refused');
  assertNoneLost(row);
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
