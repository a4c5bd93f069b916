// Links that delay and lose what a node sends: with netem where the kernel has it, else with a small program on a queue of the
// packet filter.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Clock } from '@berth/control/clock.ts';

import { needProgram } from '../dev/host-commands.ts';
import { CommandError, exitCodes } from '../failure.ts';
import type { Undo } from './faults.ts';
import { outputIn } from './namespace.ts';
import { LINK, type NodePlan, type Places } from './plan.ts';
import { DELAY_QUEUE, forgetProcess, killDelayQueue, recorded, startProcess } from './processes.ts';

export interface Slowness {
  /** Of each packet that the node sends; so a round trip takes this much longer, once. */
  readonly delayMs: number;
  /** The delay varies by so much both ways. */
  readonly jitterMs?: number;
  /** 0 to 100, of packets that the node sends. */
  readonly lossPercent?: number;
}

const PROGRAM = fileURLToPath(new URL('./delay-queue.pl', import.meta.url));
const QUEUE = '7404';
/** Each namespace has its own queues. */
const RULE = ['POSTROUTING', '-o', LINK, '-j', 'NFQUEUE', '--queue-num', QUEUE, '--queue-bypass'];
const BOUND_MS = 5000;
const POLL_MS = 20;

const noteFile = ({ run }: Places, node: NodePlan): string => join(run, `${node.name}.slow.json`);

/** What was slow before becomes as slow as this. */
export async function slowDown(
  places: Places,
  node: NodePlan,
  slowness: Slowness,
  clock: Clock,
): Promise<Undo> {
  await hasten(places, node, clock);
  // Noted before it is done: what is half done is undone as well.
  writeFileSync(noteFile(places, node), JSON.stringify(slowness));
  if (!(await netem(node, slowness))) await queue(places, node, slowness, clock);
  return () => hasten(places, node, clock);
}

/** @returns false where the kernel has no netem */
async function netem(
  node: NodePlan,
  { delayMs, jitterMs = 0, lossPercent = 0 }: Slowness,
): Promise<boolean> {
  try {
    await outputIn(
      node.namespace,
      ...[needProgram('tc', 'iproute2'), 'qdisc', 'replace', 'dev', LINK, 'root', 'netem'],
      // As many packets as the queue of the other way holds.
      ...['delay', `${delayMs}ms`, `${jitterMs}ms`, 'loss', `${lossPercent}%`, 'limit', '200000'],
    );
    return true;
  } catch (error) {
    if (/qdisc kind is unknown/.test(String(error))) return false;
    throw error;
  }
}

async function queue(
  places: Places,
  node: NodePlan,
  { delayMs, jitterMs = 0, lossPercent = 0 }: Slowness,
  clock: Clock,
): Promise<void> {
  const numbers = [delayMs, jitterMs, lossPercent].map(String);
  const logFile = `${places.directory}/logs/${node.name}.${DELAY_QUEUE}.log`;
  const { pid } = await startProcess(places, node, {
    name: DELAY_QUEUE,
    command: [needProgram('perl', 'perl-base'), PROGRAM, QUEUE, ...numbers],
    logFile,
    directories: [],
    stale: [],
  });
  const begin = clock.monotonic();
  while (!isBound(pid)) {
    if (!recorded(places, node, DELAY_QUEUE) || clock.monotonic() - begin > BOUND_MS) {
      throw new CommandError(
        exitCodes.failed,
        `the packets of ${node.name} can't be delayed: this kernel has no netem, and the queue that takes its place does not work`,
        { next: `less ${logFile}` },
      );
    }
    await clock.sleep(POLL_MS, new AbortController().signal);
  }
  await mangle(node, '-A');
}

/** Whether the process's namespace hands its queue's packets to somebody. */
function isBound(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/net/netfilter/nfnetlink_queue`, 'utf8')
      .split('\n')
      .some((line) => line.trim().split(/\s+/)[0] === QUEUE);
  } catch {
    return false; // not there yet, or gone
  }
}

async function mangle(node: NodePlan, action: '-A' | '-D'): Promise<void> {
  const iptables = needProgram('iptables', 'iptables');
  await outputIn(node.namespace, iptables, '-w', '-t', 'mangle', action, ...RULE);
}

/** As fast as before; nothing for a link that is. */
export async function hasten(places: Places, node: NodePlan, clock: Clock): Promise<void> {
  if (slownessOf(places, node) === undefined) return;
  // It is one or the other; the rule goes before its program, so that no packet is left without a verdict.
  await mangle(node, '-D').catch(() => undefined);
  await killDelayQueue(places, node, clock);
  forgetProcess(places, node, DELAY_QUEUE);
  const tc = needProgram('tc', 'iproute2');
  await outputIn(node.namespace, tc, 'qdisc', 'delete', 'dev', LINK, 'root').catch(() => undefined);
  rmSync(noteFile(places, node), { force: true });
}

export function slownessOf(places: Places, node: NodePlan): Slowness | undefined {
  try {
    return JSON.parse(readFileSync(noteFile(places, node), 'utf8')) as Slowness;
  } catch {
    return undefined;
  }
}

/** "100 ms ± 10 ms, 2 % lost". Pure. */
export function slownessText({ delayMs, jitterMs = 0, lossPercent = 0 }: Slowness): string {
  const delay = jitterMs > 0 ? `${delayMs} ms ± ${jitterMs} ms` : `${delayMs} ms`;
  return [
    ...(delayMs > 0 ? [delay] : []),
    ...(lossPercent > 0 ? [`${lossPercent} % lost`] : []),
  ].join(', ');
}
