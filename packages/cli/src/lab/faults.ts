// What can be done to a lab's network and disks, and undone. Cuts are rules in the receiving node's own namespace; the kernel
// is where they are remembered.
import { closeSync, existsSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { needProgram, output } from '../dev/host-commands.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { feedIn, outputIn } from './namespace.ts';
import { CUTS } from './network.ts';
import type { LabPlan, NodePlan } from './plan.ts';

/** Takes one fault back; a second time changes nothing. */
export type Undo = () => Promise<void>;

export interface PartitionOptions {
  /** Only what A sends to B is lost; B is still heard by A. */
  readonly oneWay?: boolean;
}

/** Lose every packet between two sets of nodes, without a word to either side. Nodes of both sets keep what they have with themselves. */
export async function cut(
  a: readonly NodePlan[],
  b: readonly NodePlan[],
  { oneWay = false }: PartitionOptions = {},
): Promise<Undo> {
  const pairs = [...crossing(a, b), ...(oneWay ? [] : crossing(b, a))];
  const apply = async (action: '-A' | '-D'): Promise<void> => {
    const byReceiver = Map.groupBy(pairs, ({ to }) => to);
    await Promise.all(
      [...byReceiver].map(async ([to, from]) => {
        const rules = from.map(
          ({ from: { address } }) => `${action} ${CUTS} -s ${address} -j DROP`,
        );
        await restore(to, rules);
      }),
    );
  };
  await apply('-A');
  return once(() => apply('-D'));
}

function crossing(
  from: readonly NodePlan[],
  to: readonly NodePlan[],
): { readonly from: NodePlan; readonly to: NodePlan }[] {
  return from.flatMap((sender) =>
    to.flatMap((receiver) => (receiver === sender ? [] : { from: sender, to: receiver })),
  );
}

async function restore(node: NodePlan, rules: readonly string[]): Promise<void> {
  const program = needProgram('iptables-restore', 'iptables');
  const input = ['*raw', ...rules, 'COMMIT', ''].join('\n');
  await feedIn(node.namespace, [program, '-w', '--noflush'], input);
}

/** Take back all cuts of a node. */
export async function mend(node: NodePlan): Promise<void> {
  await restore(node, [`-F ${CUTS}`]);
}

/** The nodes from which this one hears nothing. */
export async function cutsOf(plan: LabPlan, node: NodePlan): Promise<readonly NodePlan[]> {
  const rules = await outputIn(
    node.namespace,
    ...[needProgram('iptables', 'iptables'), '-w', '-t', 'raw', '-S', CUTS],
  );
  const addresses = new Set(
    [...rules.matchAll(/ -s ([\d.]+)\/32 /g)].map(([, address]) => address),
  );
  return plan.nodes.filter(({ address }) => addresses.has(address));
}

function once(action: () => Promise<void>): Undo {
  let done: Promise<void> | undefined;
  return () => (done ??= action());
}

const FILLER = 'berth-lab-filler';
const CHUNK = 64 * 1024;

/** Take all that is left of a host's file system. @returns bytes taken */
export async function fillDisk(node: NodePlan): Promise<number> {
  const { mount } = diskOf(node);
  const file = join(mount, FILLER);
  const { bavail, bsize } = statfsSync(mount);
  const free = bavail * bsize;
  if (free > 0) {
    // Blocks that are set aside and never written: the sparse file below stays sparse.
    await output(
      needProgram('fallocate', 'util-linux'),
      ...['--offset', '0', '--length', String(free), file],
    ).catch(() => undefined); // its own bookkeeping takes blocks as well: the rest is written below
  }
  const handle = openSync(file, 'a');
  try {
    for (const chunk of [Buffer.alloc(CHUNK), Buffer.alloc(bsize)]) fillWith(handle, chunk);
  } finally {
    closeSync(handle);
  }
  return free;
}

function fillWith(handle: number, chunk: Buffer): void {
  for (;;) {
    try {
      if (writeSync(handle, chunk) < chunk.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}

export function freeDisk(node: NodePlan): void {
  rmSync(join(diskOf(node).mount, FILLER), { force: true });
}

export function isFull(node: NodePlan): boolean {
  return node.disk !== undefined && existsSync(join(node.disk.mount, FILLER));
}

function diskOf(node: NodePlan): NonNullable<NodePlan['disk']> {
  if (node.disk) return node.disk;
  throw new CommandError(
    exitCodes.refused,
    `${node.name} has no file system of its own: only hosts have one`,
    { next: 'berth lab fill-disk h1' },
  );
}
