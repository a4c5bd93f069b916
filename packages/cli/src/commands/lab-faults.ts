// Commands that break a lab, and mend it. With --for they wait and undo what they did, also at Ctrl-C.
import { type Context, type Handlers, argument } from '../context.ts';
import type { Undo } from '../lab/faults.ts';
import type { Lab } from '../lab/lab.ts';
import type { ProcessName } from '../lab/plan.ts';
import type { Part } from '../lab/processes.ts';
import { say } from '../output/terminal.ts';
import { duration } from '../output/text.ts';
import { endOnSignals } from '../signals.ts';
import { labOf } from './lab.ts';
import { slownessText } from '../lab/slow.ts';

const PROCESSES = ['agent', 'engine', 'server', 'proxy', 'etcd'] as const;
const PARTS = [...PROCESSES, 'containers', 'all'] as const;
const MIB = 1024 ** 2;

export const handlers: Handlers = {
  'lab kill': async (context) => {
    const [lab, nodes] = [labOf(context), argument(context, 0)];
    const killed = await lab.kill(nodes, partOf(context));
    say(context.terminal, `killed ${processes(killed)} of ${names(lab, nodes)}`);
    return undefined;
  },

  'lab pause': async (context) => {
    const [lab, nodes, part] = [labOf(context), argument(context, 0), partOf(context)];
    const paused = await lab.pause(nodes, part);
    say(context.terminal, `paused ${processes(paused)} of ${names(lab, nodes)}`);
    await hold(context, async () => {
      await lab.resume(nodes, part);
    });
    return undefined;
  },

  'lab resume': async (context) => {
    const [lab, nodes] = [labOf(context), argument(context, 0)];
    const resumed = await lab.resume(nodes, partOf(context));
    say(context.terminal, `let ${processes(resumed)} of ${names(lab, nodes)} go on`);
    return undefined;
  },

  'lab restart': async (context) => {
    const [lab, nodes] = [labOf(context), argument(context, 0)];
    const name: ProcessName | undefined = context.flags.word('process', PROCESSES);
    const begin = context.clock.monotonic();
    await lab.restart(nodes, name);
    const took = duration(context.clock.monotonic() - begin);
    say(context.terminal, `restarted ${name ?? 'all'} of ${names(lab, nodes)} (${took})`);
    return undefined;
  },

  'lab partition': async (context) => {
    const lab = labOf(context);
    const [a, b] = [argument(context, 0), argument(context, 1)];
    const oneWay = context.flags.on('one-way');
    const undo = await lab.partition(a, b, { oneWay });
    const what = oneWay ? 'from the first to the second' : 'between them';
    say(context.terminal, `${names(lab, a)} | ${names(lab, b)}: nothing passes ${what}`);
    await hold(context, undo);
    return undefined;
  },

  'lab slow': async (context) => {
    const { flags } = context;
    const [lab, nodes] = [labOf(context), argument(context, 0)];
    const slowness = {
      delayMs: flags.duration('delay') ?? 0,
      jitterMs: flags.duration('jitter') ?? 0,
      lossPercent: percent(context),
    };
    if (slowness.delayMs === 0 && slowness.lossPercent === 0) {
      throw flags.wrong('say how slow: --delay DURATION, --loss PERCENT, or both');
    }
    const undo = await lab.slow(nodes, slowness);
    say(context.terminal, `${names(lab, nodes)}: ${slownessText(slowness)} on what they send`);
    await hold(context, undo);
    return undefined;
  },

  'lab heal': async (context) => {
    await labOf(context).heal();
    say(context.terminal, 'no partition and no slow link is left');
    return undefined;
  },

  'lab fill-disk': async (context) => {
    const [lab, hosts] = [labOf(context), argument(context, 0)];
    const taken = await lab.fillDisk(hosts);
    say(context.terminal, `took the last ${Math.round(taken / MIB)} MiB of ${names(lab, hosts)}`);
    await hold(context, () => lab.freeDisk(hosts));
    return undefined;
  },

  'lab free-disk': async (context) => {
    const [lab, hosts] = [labOf(context), argument(context, 0)];
    await lab.freeDisk(hosts);
    say(context.terminal, `gave back what was taken of ${names(lab, hosts)}`);
    return undefined;
  },
};

function partOf({ flags }: Context): Part {
  return flags.word('process', PARTS) ?? 'all';
}

function names(lab: Lab, nodes: string): string {
  return lab
    .select(nodes)
    .map(({ name }) => name)
    .join(' ');
}

function processes(number: number): string {
  return `${number} ${number === 1 ? 'process' : 'processes'}`;
}

/** @throws UsageError */
function percent({ flags }: Context): number {
  const text = flags.text('loss')?.replace(/%$/, '') ?? '0';
  const number = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && number <= 100) return number;
  throw flags.wrong(`--loss must be a percentage from 0 to 100, found "${text}"`);
}

/** With --for: wait that long, or until Ctrl-C, then undo. */
async function hold({ flags, clock, terminal }: Context, undo: Undo): Promise<void> {
  const forMs = flags.duration('for');
  if (forMs === undefined) return;
  const ending = endOnSignals();
  try {
    await clock.sleep(forMs, ending.signal).catch(() => undefined);
    await undo();
    say(terminal, 'undone');
  } finally {
    ending.release();
  }
}
