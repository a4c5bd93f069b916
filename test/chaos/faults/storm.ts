// Fault 8: random faults from a seed, with deployments among them. Afterwards everything is healed, and the cluster converges by
// itself with every invariant held throughout.
import assert from 'node:assert/strict';

import type { Extent, Fault } from '../fault.ts';
import type { Ground } from '../ground.ts';
import { type Draws, drawsFrom } from '../random.ts';
import { untilOnlyWanted } from './hosts.ts';

const FULL = { ms: 30 * 60_000, deployEveryMs: 60_000 };
const SHORT = { ms: 30_000, deployEveryMs: 15_000 };
const CONVERGED_MS = 180_000;
const SEED = 20_261_121;

export const storm: readonly Fault[] = [
  {
    name: 'storm',
    title: 'every invariant holds through random faults, and the cluster converges',
    reduced: true,
    run: blow,
  },
];

/** Breaks something, and mends it when it has been broken for long enough. */
interface Trouble {
  readonly name: string;
  readonly act: () => Promise<unknown>;
  readonly mend: () => Promise<unknown>;
}

async function blow(ground: Ground, { full }: Extent): Promise<void> {
  const { lab, watcher } = ground;
  const seed = Number(process.env['BERTH_TEST_STORM_SEED'] ?? SEED);
  const { ms, deployEveryMs } = full ? FULL : SHORT;
  const over = new AbortController();
  const limit = setTimeout(() => over.abort(), ms);
  const done: string[] = [];
  const title = `Storm of random faults for ${full ? '30 min' : `${ms / 1000} s`}`;
  try {
    await ground.measure(title, async (m) => {
      await m.inject(async () => {
        const deploys = repeat(over.signal, deployEveryMs, async () => {
          // Refused where there is nobody to take it: the next one comes.
          await ground.deploy().then(
            () => done.push('deployment'),
            () => done.push('deployment refused'),
          );
        });
        // Two at a time, one among the control plane and one among the rest: each is one that must be survived.
        await Promise.all([
          deploys,
          trouble(over.signal, drawsFrom(seed), (draws) => controlTrouble(ground, draws), done),
          trouble(over.signal, drawsFrom(seed + 1), (draws) => dataTrouble(ground, draws), done),
        ]);
      });
      await lab.heal();
      await m.inject(() => Promise.resolve());
      await ground.steady([], CONVERGED_MS);
      m.recovered();
      await untilOnlyWanted(ground);
      m.note(
        `seed ${seed}: ${done.length} faults and deployments; well again: since the last fault ended; ` +
          `${watcher.invariants.checked} changes checked, ${watcher.invariants.violations.length} violations`,
      );
    });
  } catch (error) {
    throw new Error(`seed ${seed}, after ${done.join(', ')}`, { cause: error });
  } finally {
    clearTimeout(limit);
  }
  assert.deepEqual(watcher.invariants.violations, []);
}

async function trouble(
  signal: AbortSignal,
  draws: Draws,
  choose: (draws: Draws) => Trouble,
  done: string[],
): Promise<void> {
  while (!signal.aborted) {
    const { name, act, mend } = choose(draws);
    done.push(name);
    try {
      await act();
      await pause(draws.between(1_000, 8_000), signal);
    } finally {
      await mend();
    }
    await pause(draws.between(500, 5_000), signal);
  }
}

function controlTrouble({ lab }: Ground, draws: Draws): Trouble {
  const server = draws.pick(namesOf(lab, 'servers'));
  const member = draws.pick(namesOf(lab, 'etcd'));
  const node = draws.pick([server, member]);
  const others = lab
    .select('servers,etcd')
    .map(({ name }) => name)
    .filter((name) => name !== node)
    .join();
  return draws.pick<Trouble>([
    killed(lab, server),
    killed(lab, member),
    paused(lab, server),
    paused(lab, member),
    cut(lab, node, others),
    slow(lab, node),
  ]);
}

function dataTrouble({ lab }: Ground, draws: Draws): Trouble {
  const host = draws.pick(namesOf(lab, 'hosts'));
  const proxy = draws.pick(namesOf(lab, 'proxies'));
  return draws.pick<Trouble>([
    killed(lab, host),
    {
      name: `kill the agent of ${host}`,
      act: () => lab.kill(host, 'agent'),
      mend: () => lab.restart(host, 'agent'),
    },
    {
      name: `kill the engine of ${host}`,
      act: () => lab.kill(host, 'engine'),
      mend: () => lab.restart(host),
    },
    {
      name: `kill the containers of ${host}`,
      act: () => lab.kill(host, 'containers'),
      mend: () => Promise.resolve(),
    },
    {
      name: `stop the engine of ${host}`,
      act: () => lab.pause(host, 'engine'),
      mend: () => lab.resume(host, 'engine'),
    },
    cut(lab, host, 'servers'),
    cut(lab, host, 'proxies'),
    cut(lab, proxy, 'servers'),
    slow(lab, draws.pick([host, proxy])),
    killed(lab, proxy),
  ]);
}

type Lab = Ground['lab'];

function namesOf(lab: Lab, nodes: string): string[] {
  return lab.select(nodes).map(({ name }) => name);
}

function killed(lab: Lab, node: string): Trouble {
  return { name: `kill ${node}`, act: () => lab.kill(node), mend: () => lab.restart(node) };
}

function paused(lab: Lab, node: string): Trouble {
  return { name: `stop ${node}`, act: () => lab.pause(node), mend: () => lab.resume(node) };
}

function cut(lab: Lab, node: string, from: string): Trouble {
  let undo = (): Promise<void> => Promise.resolve();
  return {
    name: `cut ${node} from ${from}`,
    act: async () => (undo = await lab.partition(node, from)),
    mend: () => undo(),
  };
}

function slow(lab: Lab, node: string): Trouble {
  let undo = (): Promise<void> => Promise.resolve();
  return {
    name: `slow ${node}`,
    act: async () => (undo = await lab.slow(node, { delayMs: 80, lossPercent: 2 })),
    mend: () => undo(),
  };
}

async function repeat(
  signal: AbortSignal,
  everyMs: number,
  action: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await action();
    await pause(everyMs, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
