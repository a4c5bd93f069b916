// A lab as its users see it: the `berth lab` commands and the chaos tests. What it changes is on the machine, not in this
// process, so that several processes may use the same lab at once.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

import type { Clock } from '@berth/control/clock.ts';
import { realClock } from '@berth/process/real-clock.ts';

import { awsVariables } from '../commands/env.ts';
import type { Steps } from '../dev/steps.ts';
import { readDevKey } from '../dev/user.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { destroyLab, takeDown } from './down.ts';
import {
  type PartitionOptions,
  type Undo,
  cut,
  cutsOf,
  fillDisk,
  freeDisk,
  isFull,
  mend,
} from './faults.ts';
import { asNode } from './namespace.ts';
import {
  DEFAULT_OPTIONS,
  type LabOptions,
  type LabPlan,
  type NodePlan,
  type ProcessName,
  type ProcessPlan,
  selectNodes,
} from './plan.ts';
import {
  type Part,
  type ProcessState,
  endPart,
  forgetProcess,
  killPart,
  processesOf,
  recorded,
  signalPart,
  startProcess,
  stateOf,
  untilReady,
} from './processes.ts';
import { needRoot } from './root.ts';
import { type Slowness, hasten, slowDown, slownessOf } from './slow.ts';
import { needLab } from './state.ts';
import { buildLab, checkGround, clearGround, connectLab, lockLab } from './up.ts';
import type { Api } from '../connection.ts';

const READY_MS = 60_000;
const GRACE_MS = 15_000;
const REGION = 'us-east-1';

export interface ExecResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessStatus {
  readonly name: ProcessName;
  readonly state: ProcessState;
  readonly pid: number | undefined;
}

export interface NodeStatus {
  readonly node: NodePlan;
  readonly processes: readonly ProcessStatus[];
  /** Processes in its containers. */
  readonly containers: number;
  /** Names of nodes that it hears nothing from. */
  readonly deafTo: readonly string[];
  readonly slow: Slowness | undefined;
  readonly diskFull: boolean;
}

export interface Lab {
  readonly plan: LabPlan;
  /** What `eval $(berth lab env)` sets. */
  readonly environment: Readonly<Record<string, string>>;
  /** @throws CommandError when there is none of this name: "e1", "s2", "p1", "h5" */
  node(name: string): NodePlan;
  /** "h1", "s1,s2", "hosts", "servers", "etcd", "proxies", "zone:a", "all". @throws CommandError */
  select(nodes: string): readonly NodePlan[];
  /** A connection to the api as its admin; close it. */
  connect(): Promise<Api>;
  status(): Promise<readonly NodeStatus[]>;
  /** Run a command in a node's network, with DOCKER_HOST set on a host. */
  exec(
    node: string,
    command: readonly [string, ...string[]],
    options?: ExecOptions,
  ): Promise<ExecResult>;
  /** The processes of a part of a node that run now. */
  pids(node: string, part?: Part): readonly number[];
  /** The log of a process of a node; without a name that of its first. */
  logFile(node: string, process?: ProcessName): string;
  /** SIGKILL; without a part everything on the node, its containers too. @returns how many processes that ended */
  kill(nodes: string, part?: Part): Promise<number>;
  /** SIGSTOP. @returns how many processes */
  pause(nodes: string, part?: Part): Promise<number>;
  /** SIGCONT. */
  resume(nodes: string, part?: Part): Promise<number>;
  /** End what runs with SIGTERM, start it again, wait until it is ready. Without a name all of a node; its containers stay. */
  restart(nodes: string, process?: ProcessName): Promise<void>;
  /** As `restart`, but without a look at whether it gets ready. */
  start(nodes: string, process?: ProcessName): Promise<void>;
  /** Wait until the node's processes are ready. @throws CommandError */
  untilReady(nodes: string, process?: ProcessName, withinMs?: number): Promise<void>;
  /** Lose every packet between two sets of nodes; connections are not told. */
  partition(a: string, b: string, options?: PartitionOptions): Promise<Undo>;
  /** Delay and lose packets that a node sends. */
  slow(nodes: string, slowness: Slowness): Promise<Undo>;
  /** Undo every partition and every slow link. */
  heal(nodes?: string): Promise<void>;
  /** Fill up a host's file system, on which its engine and its agent keep their data. @returns bytes taken */
  fillDisk(hosts: string): Promise<number>;
  freeDisk(hosts: string): Promise<void>;
  /** Remove the lab. @returns what could not be removed; nothing else remains */
  down(): Promise<readonly string[]>;
}

export interface ExecOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface OpenOptions extends Partial<LabOptions> {
  /** Archives of `docker save` for all hosts. */
  readonly images?: readonly string[];
  /** Import the image `berth/hello:1` into all hosts; default true. */
  readonly sampleImage?: boolean;
  /** Ends the building, and takes down what there is. */
  readonly signal?: AbortSignal;
  /** Told what was done. */
  readonly steps?: Steps;
}

/**
 * Build a lab and wait until all of it is ready. What an earlier one of that name left behind after a crash is removed first.
 * @throws CommandError when it can't be built, after removing what there was; when one of that name is up
 */
export async function openLab(options: OpenOptions = {}, clock: Clock = realClock): Promise<Lab> {
  const { images = [], sampleImage = true, signal, steps, ...given } = options;
  const wanted: LabOptions = { ...DEFAULT_OPTIONS, ...given };
  const programs = checkGround(wanted, images);
  const lock = await lockLab(wanted.name);
  try {
    const left = await clearGround(wanted.name, clock);
    if (left.length > 0) throw leftBehind(wanted.name, left);
    const building = {
      clock,
      images,
      sampleImage,
      signal: signal ?? new AbortController().signal,
      steps: steps ?? silent,
    };
    try {
      return labOf(await buildLab(wanted, programs, building), clock);
    } catch (error) {
      const problems = await destroyLab(wanted.name, clock);
      if (problems.length === 0) throw error;
      throw new CommandError(
        exitCodes.failed,
        `${error instanceof Error ? error.message : String(error)}\nand could not be undone: ${problems.join('; ')}`,
        { cause: error },
      );
    }
  } finally {
    await lock.release();
  }
}

/** The lab of that name, which is up. @throws CommandError when it is not */
export function attachLab(name: string = DEFAULT_OPTIONS.name, clock: Clock = realClock): Lab {
  needRoot();
  return labOf(needLab(name), clock);
}

const silent: Steps = { run: async (_, action) => (await action())[0] };

function leftBehind(name: string, problems: readonly string[]): CommandError {
  return new CommandError(
    exitCodes.failed,
    `what an earlier lab "${name}" left behind can't be removed: ${problems.join('; ')}`,
    { next: `berth lab down --name ${name}` },
  );
}

function labOf(plan: LabPlan, clock: Clock): Lab {
  const select = (words: string): readonly NodePlan[] => {
    const found = selectNodes(plan.nodes, words);
    if (found) return found;
    throw new CommandError(
      exitCodes.notFound,
      `"${words}" names no node of lab "${plan.options.name}"; there are ${plan.nodes.map(({ name }) => name).join(', ')}, and the groups hosts, servers, etcd, proxies, zone:a and all`,
      { next: `berth lab ps --name ${plan.options.name}` },
    );
  };
  const node = (name: string): NodePlan => {
    const [first, ...others] = select(name);
    if (first && others.length === 0) return first;
    throw new CommandError(exitCodes.refused, `"${name}" names several nodes, one is needed`);
  };
  const processes = (one: NodePlan, name: ProcessName | undefined): readonly ProcessPlan[] => {
    const found = one.processes.filter((process) => name === undefined || process.name === name);
    if (found.length > 0) return found;
    const known = one.processes.map((process) => process.name).join(', ');
    throw new CommandError(exitCodes.notFound, `${one.name} has no ${name ?? ''}: it has ${known}`);
  };
  const checkPart = (one: NodePlan, part: Part): void => {
    if (part === 'all' || (part === 'containers' && one.kind === 'host')) return;
    if (part === 'containers') {
      throw new CommandError(exitCodes.refused, `${one.name} has no containers: it is no host`);
    }
    processes(one, part);
  };
  const signalEach = (words: string, part: Part, signal: NodeJS.Signals): number => {
    const nodes = select(words);
    for (const one of nodes) checkPart(one, part);
    return nodes.reduce((sum, one) => sum + signalPart(plan, one, part, signal), 0);
  };
  const signal = new AbortController().signal;
  const ready = async (one: NodePlan, name: ProcessName | undefined, withinMs: number) => {
    for (const process of processes(one, name)) {
      await untilReady(plan, one, process, { clock, signal, withinMs });
    }
  };
  const begin = async (one: NodePlan, name: ProcessName | undefined): Promise<void> => {
    const wanted = processes(one, name);
    for (const process of wanted.toReversed()) {
      await endPart(plan, one, process.name, GRACE_MS, clock);
    }
    for (const process of wanted) {
      await startProcess(plan, one, process);
      // An agent that finds no engine ends: the engine has to be there before it.
      if (process.name === 'engine') await ready(one, 'engine', READY_MS);
    }
  };
  const each = async (words: string, action: (one: NodePlan) => Promise<unknown>) => {
    for (const one of await Promise.allSettled(select(words).map(action))) {
      if (one.status === 'rejected') throw one.reason;
    }
  };

  return {
    plan,
    environment: environmentOf(plan),
    node,
    select,
    connect: () => connectLab(plan),
    status: () => Promise.all(plan.nodes.map((one) => statusOf(plan, one))),
    exec: (name, command, options = {}) => execIn(node(name), command, options),
    pids: (name, part = 'all') => processesOf(plan, node(name), part),
    logFile: (name, process) => processes(node(name), process)[0]?.logFile ?? '',
    kill: async (words, part = 'all') => {
      const nodes = select(words);
      for (const one of nodes) checkPart(one, part);
      let killed = 0;
      await each(words, async (one) => {
        killed += await killPart(plan, one, part, clock);
        if (part !== 'containers') {
          for (const process of one.processes) {
            if (!recorded(plan, one, process.name)) forgetProcess(plan, one, process.name);
          }
        }
      });
      return killed;
    },
    pause: (words, part = 'all') => Promise.resolve(signalEach(words, part, 'SIGSTOP')),
    resume: (words, part = 'all') => Promise.resolve(signalEach(words, part, 'SIGCONT')),
    start: (words, process) => each(words, (one) => begin(one, process)),
    restart: (words, process) =>
      each(words, async (one) => {
        await begin(one, process);
        await ready(one, process, READY_MS);
      }),
    untilReady: (words, process, withinMs = READY_MS) =>
      each(words, (one) => ready(one, process, withinMs)),
    partition: (a, b, options) => cut(select(a), select(b), options),
    slow: async (words, slowness) => {
      const undo = await Promise.all(
        select(words).map((one) => slowDown(plan, one, slowness, clock)),
      );
      return async () => {
        await Promise.all(undo.map((one) => one()));
      };
    },
    heal: (words = 'all') =>
      each(words, async (one) => {
        await mend(one);
        await hasten(plan, one, clock);
      }),
    fillDisk: async (words) => {
      const taken = await Promise.all(select(words).map(fillDisk));
      return taken.reduce((sum, bytes) => sum + bytes, 0);
    },
    freeDisk: async (words) => {
      await Promise.resolve();
      select(words).forEach(freeDisk);
    },
    down: async () => (await takeDown(plan.options.name, clock)).problems,
  };
}

async function statusOf(plan: LabPlan, node: NodePlan): Promise<NodeStatus> {
  return {
    node,
    processes: node.processes.map(({ name }) => ({
      name,
      state: stateOf(plan, node, name),
      pid: recorded(plan, node, name)?.pid,
    })),
    containers: node.kind === 'host' ? processesOf(plan, node, 'containers').length : 0,
    deafTo: (await cutsOf(plan, node)).map(({ name }) => name),
    slow: slownessOf(plan, node),
    diskFull: isFull(node),
  };
}

const EXEC_MS = 60_000;

async function execIn(
  node: NodePlan,
  command: readonly [string, ...string[]],
  { input = '', timeoutMs = EXEC_MS }: ExecOptions,
): Promise<ExecResult> {
  const [nsenter, ...words] = asNode(node.namespace, node.name);
  const child = spawn(nsenter, [...words, ...command], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...nodeEnvironment(node) },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

/** What a shell on a node finds in its environment. */
export function nodeEnvironment({ dockerHost }: NodePlan): Record<string, string> {
  return dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost };
}

function environmentOf(plan: LabPlan): Record<string, string> {
  const awsUrl = `http://${plan.aws[0] ?? ''}`;
  return {
    BERTH_API: plan.api.join(','),
    BERTH_TLS_DIR: plan.tls,
    BERTH_CLUSTER: plan.cluster,
    ...(plan.proxyUrls[0] === undefined ? {} : { BERTH_PROXY_URL: plan.proxyUrls[0] }),
    ...awsVariables({ awsUrl, region: REGION }, readDevKey(plan.directory)),
  };
}
