// Starts, finds, signals and ends the processes of nodes. Each is recorded with its start time, so that no later process
// with the same number is ever taken for it. Nobody starts one again when it ends: a lab's faults stay.
import { spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import type { Clock } from '@berth/control/clock.ts';

import { engineVersion } from '../dev/engine-client.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { processesInCgroup } from './cgroups.ts';
import { answersWell } from './http.ts';
import { asNode, processesIn } from './namespace.ts';
import type { NodePlan, Places, ProcessName, ProcessPlan } from './plan.ts';
import { type ProcessIdentity, familyOf, identify, isAlive, isPaused, signalAll } from './proc.ts';

const POLL_MS = 50;
const KILLED_MS = 10_000;
const LOG_LINES = 15;

/** One of a node's processes; its containers; or all that runs there. */
export type Part = ProcessName | 'containers' | 'all';

/** The program that takes netem's place; part of the network, not of a node: it is not killed with it. */
export const DELAY_QUEUE = 'delay-queue';

export type ProcessState = 'running' | 'paused' | 'dead';

const recordFile = ({ run }: Places, node: NodePlan, name: string): string =>
  join(run, 'processes', `${node.name}.${name}.json`);

/** Start one process of a node; it outlives us. @throws CommandError when it runs already */
export async function startProcess(
  places: Places,
  node: NodePlan,
  plan: Omit<ProcessPlan, 'name' | 'ready'> & { readonly name: string },
): Promise<ProcessIdentity> {
  const running = recorded(places, node, plan.name);
  if (running) {
    throw new CommandError(
      exitCodes.refused,
      `${plan.name} of ${node.name} runs already, with pid ${running.pid}`,
      { next: `berth lab restart ${node.name}` },
    );
  }
  for (const directory of [...plan.directories, dirname(plan.logFile)]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  for (const file of plan.stale) rmSync(file, { force: true });
  const log = openSync(plan.logFile, 'a');
  try {
    const [nsenter, ...words] = asNode(node.namespace, node.name);
    const child = spawn(nsenter, [...words, ...plan.command], {
      // A session of its own: a Ctrl-C in our terminal does not reach it.
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
      env: cleanEnvironment(),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    const identity = identify(child.pid ?? 0);
    if (!identity) throw notStarted(node, plan);
    const file = recordFile(places, node, plan.name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, JSON.stringify(identity));
    renameSync(`${file}.new`, file);
    return identity;
  } finally {
    closeSync(log);
  }
}

/** Without what is meant for other clusters and for this command. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(BERTH_|AWS_|DOCKER_|ETCD_|NODE_OPTIONS$)/.test(name),
    ),
  );
}

/** The process as it was recorded, if it is still the same. */
export function recorded(
  places: Places,
  node: NodePlan,
  name: string,
): ProcessIdentity | undefined {
  try {
    const text = readFileSync(recordFile(places, node, name), 'utf8');
    const identity = JSON.parse(text) as ProcessIdentity;
    return isAlive(identity) ? identity : undefined;
  } catch {
    return undefined;
  }
}

export function forgetProcess(places: Places, node: NodePlan, name: string): void {
  rmSync(recordFile(places, node, name), { force: true });
}

export function stateOf(places: Places, node: NodePlan, name: ProcessName): ProcessState {
  const identity = recorded(places, node, name);
  if (!identity) return 'dead';
  return isPaused(identity.pid) ? 'paused' : 'running';
}

/** The processes of a part of a node that are there now. An engine's are its containerd too, not what holds the containers. */
export function processesOf(places: Places, node: NodePlan, part: Part): number[] {
  const containers = node.cgroup === undefined ? [] : processesInCgroup(node.cgroup);
  if (part === 'containers') return containers;
  if (part === 'all') {
    const delay = recorded(places, node, DELAY_QUEUE)?.pid;
    const inside = processesIn([node.namespace]).filter((pid) => pid !== delay);
    return [...new Set([...inside, ...containers])];
  }
  const identity = recorded(places, node, part);
  return identity ? familyOf(identity.pid) : [];
}

/** Send a signal to a part of a node. @returns how many processes it went to */
export function signalPart(
  places: Places,
  node: NodePlan,
  part: Part,
  signal: NodeJS.Signals,
): number {
  const pids = processesOf(places, node, part);
  signalAll(pids, signal);
  return pids.length;
}

/** SIGKILL, again and again until nothing is left: what is being born while we look is found in the next round. */
export async function killPart(
  places: Places,
  node: NodePlan,
  part: Part,
  clock: Clock,
): Promise<number> {
  let killed = 0;
  const begin = clock.monotonic();
  for (;;) {
    const pids = processesOf(places, node, part);
    if (pids.length === 0) return killed;
    killed = Math.max(killed, pids.length);
    if (clock.monotonic() - begin > KILLED_MS) {
      throw new CommandError(
        exitCodes.failed,
        `processes of ${node.name} are still there ${KILLED_MS / 1000} s after SIGKILL: ${pids.join(', ')}`,
        { next: `ps -o pid,stat,wchan,args -p ${pids.join(',')}` },
      );
    }
    signalAll(pids, 'SIGKILL');
    await clock.sleep(POLL_MS, never());
  }
}

export async function killDelayQueue(places: Places, node: NodePlan, clock: Clock): Promise<void> {
  const identity = recorded(places, node, DELAY_QUEUE);
  if (!identity) return;
  signalAll([identity.pid], 'SIGKILL');
  while (isAlive(identity)) await clock.sleep(POLL_MS, never());
}

/** SIGTERM to the process itself, SIGKILL to all of it after the grace. */
export async function endPart(
  places: Places,
  node: NodePlan,
  name: ProcessName,
  graceMs: number,
  clock: Clock,
): Promise<void> {
  const identity = recorded(places, node, name);
  if (!identity) return;
  signalAll(familyOf(identity.pid), 'SIGCONT');
  signalAll([identity.pid], 'SIGTERM');
  const begin = clock.monotonic();
  while (isAlive(identity) && clock.monotonic() - begin < graceMs) {
    await clock.sleep(POLL_MS, never());
  }
  await killPart(places, node, name, clock);
  forgetProcess(places, node, name);
}

/** Wait until the process says that it is ready. @throws CommandError with the end of its log when it ends, or is not in time */
export async function untilReady(
  places: Places,
  node: NodePlan,
  plan: ProcessPlan,
  options: { readonly clock: Clock; readonly signal: AbortSignal; readonly withinMs: number },
): Promise<void> {
  const { clock, signal, withinMs } = options;
  const begin = clock.monotonic();
  while (!(await isReady(plan))) {
    signal.throwIfAborted();
    if (!recorded(places, node, plan.name)) throw notStarted(node, plan);
    if (clock.monotonic() - begin > withinMs) throw notStarted(node, plan, withinMs);
    await clock.sleep(POLL_MS, signal);
  }
}

async function isReady({ ready }: ProcessPlan): Promise<boolean> {
  if ('dockerHost' in ready) return (await engineVersion(ready.dockerHost)) !== undefined;
  return await answersWell(ready.url, ready.tls);
}

function notStarted(
  node: NodePlan,
  { name, logFile }: { readonly name: string; readonly logFile: string },
  withinMs?: number,
): CommandError {
  const what =
    withinMs === undefined ? 'ended while it started' : `was not ready within ${withinMs / 1000} s`;
  return new CommandError(
    exitCodes.failed,
    `${name} of ${node.name} ${what}; ${logFile} ends with:\n${lastLines(logFile)}`,
    { next: `less ${logFile}` },
  );
}

function lastLines(file: string): string {
  try {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-LOG_LINES);
    return lines.map((line) => `  ${line}`).join('\n');
  } catch {
    return '  (nothing)';
  }
}

function never(): AbortSignal {
  return new AbortController().signal;
}
