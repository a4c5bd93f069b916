// The bench `million` itself: what is done, in which order, and what is counted. Nothing is taken for done that the API
// does not show.
import { abortable } from '@berth/control/scope.ts';
import type { PlacementStrategy } from '@berth/model/generated/messages.ts';
import type { Client, Input } from '@berth/rpc/api.ts';

import { eventually } from '../../e2e/cluster.ts';
import { Hosts } from './hosts.ts';
import { Plane, ROLES } from './plane.ts';
import { type Usage, usageOf } from './usage.ts';

export interface MillionOptions {
  readonly tasks: number;
  readonly services: number;
  readonly hosts: number;
  readonly hostProcesses: number;
  readonly hostsLost: number;
  /** Where each Node process leaves its CPU profile; absent: none. */
  readonly profiles?: string | undefined;
  /** How long each phase may take. */
  readonly limitMs: number;
  readonly say: (line: string) => void;
  /** Ends the run; what was started is ended first. */
  readonly signal: AbortSignal;
}

export interface Phase {
  readonly name: string;
  readonly seconds: number;
  /** Tasks, calls or sessions that the phase was about. */
  readonly count: number;
  /** CPU seconds of each process in it. */
  readonly cpu: Readonly<Record<string, number>>;
  /** The longest time in ms that each role did nothing but one thing. */
  readonly stalls: Readonly<Record<string, number>>;
  /** The most that all processes together had in memory at one time. */
  readonly peakMiB: number;
}

export interface MillionResult {
  readonly phases: readonly Phase[];
  /** Of each process at its end, by what it is. */
  readonly usage: Readonly<Record<string, Usage>>;
  readonly counted: Counted;
}

/** What the API said at the end of the first phase. */
export interface Counted {
  readonly running: number;
  readonly pending: number;
  readonly listed: number;
  readonly distinct: number;
}

const FAMILY = 'million';
/** What a task reserves, in CPU units and MiB. */
const TASK = { cpu: 16, memory: 16 };
/** Room on the hosts beyond what the tasks need: for a rolling update and the loss of hosts. */
const ROOM = 1.5;
/** As in the bench `placement`: zones alike, hosts filled one after the other. */
const STRATEGY: Input<PlacementStrategy>[] = [
  { type: 'spread', field: 'attribute:ecs.availability-zone' },
  { type: 'binpack', field: 'memory' },
];
const CREATES_AT_A_TIME = 16;
const DESCRIBED_AT_ONCE = 10;
const LISTED_AT_ONCE = 100;
const POLL_MS = 500;
const MEMORY_EVERY_MS = 1_000;
const STALLS_EVERY_MS = 5_000;
const CALL_MS = 120_000;

export async function runMillion(options: MillionOptions): Promise<MillionResult> {
  const { profiles, hostProcesses, signal } = options;
  const plane = await Plane.start(profiles, signal);
  const execArgv =
    profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}/agents`];
  const hosts = new Hosts(hostProcesses, execArgv);
  const run = new Run(options, plane, hosts);
  try {
    return await abortable(run.all(), signal);
  } catch (error) {
    for (const role of signal.aborted ? [] : ROLES) {
      options.say(`end of the log of ${role}:\n${plane.log(role)}`);
    }
    throw error;
  } finally {
    run.end();
    await Promise.all([hosts.end(), plane.end(signal.aborted)]);
  }
}

class Run {
  readonly #options: MillionOptions;
  readonly #plane: Plane;
  readonly #hosts: Hosts;
  readonly #connection: ReturnType<Plane['connect']>;
  readonly #ecs: Client<'Ecs'>;
  readonly #phases: Phase[] = [];
  /** Of processes that have been replaced. */
  readonly #former = new Map<string, Usage>();
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #stalls = new Map<string, number>();
  /** In this phase so far. */
  #peakMiB = 0;

  constructor(options: MillionOptions, plane: Plane, hosts: Hosts) {
    this.#options = options;
    this.#plane = plane;
    this.#hosts = hosts;
    this.#connection = plane.connect();
    this.#ecs = this.#connection.client('Ecs');
    this.#timers = [
      setInterval(() => this.#weigh(), MEMORY_EVERY_MS),
      setInterval(() => void this.#noteStalls(), STALLS_EVERY_MS),
    ];
  }

  async all(): Promise<MillionResult> {
    const { tasks, services, hosts, hostsLost } = this.#options;
    const share = Math.floor(tasks / services);
    const wanted = new Map(Array.from({ length: services }, (_, at) => [`s${at}`, share]));
    wanted.set('s0', share + (tasks - share * services));
    await this.#phase('hosts connect', hosts, () => this.#connect());
    await this.#phase('tasks run', tasks, () => this.#create(wanted));
    const counted = await this.#phase('read them all', tasks, () => this.#count(wanted));
    const updated = wanted.get('s0') ?? 0;
    await this.#phase('rolling update of a service', updated, () => this.#update('s0', wanted));
    await this.#phase(
      `loss of ${hostsLost} hosts`,
      (lost) => lost,
      () => this.#lose(wanted),
    );
    await this.#phase('restart: roles stop', tasks, () => this.#stop());
    await this.#phase('restart: roles ready', tasks, () => this.#plane.startRoles());
    await this.#phase('restart: hosts back, first change', hosts - hostsLost, () =>
      this.#afterRestart(wanted),
    );
    return { phases: this.#phases, usage: this.#usage(), counted };
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#connection.close();
  }

  async #connect(): Promise<void> {
    const { tasks, hosts, hostProcesses: processes } = this.#options;
    const each = Math.ceil((tasks / hosts) * ROOM);
    const { authority, api } = this.#plane;
    const size = { cpu: each * TASK.cpu, memory: each * TASK.memory };
    await this.#hosts.begin({ authority, api: [api], hosts, processes, ...size });
    await this.#until('all hosts are connected', async () => {
      const { connected } = await this.#hosts.count();
      return connected === hosts;
    });
  }

  async #create(wanted: ReadonlyMap<string, number>): Promise<void> {
    await this.#ecs.RegisterTaskDefinition({
      family: FAMILY,
      containerDefinitions: [{ name: 'main', image: 'example.org/million:1', ...TASK }],
    });
    const left = [...wanted];
    const worker = async (): Promise<void> => {
      for (let next = left.shift(); next; next = left.shift()) {
        const [serviceName, desiredCount] = next;
        const request = {
          serviceName,
          desiredCount,
          taskDefinition: FAMILY,
          placementStrategy: STRATEGY,
          clientToken: serviceName,
        };
        await this.#ask(`${serviceName} is created`, () =>
          this.#ecs.CreateService(request, { timeoutMs: CALL_MS }),
        );
      }
    };
    await Promise.all(Array.from({ length: CREATES_AT_A_TIME }, worker));
    await this.#steady(wanted, true);
  }

  /** Counted in the API, service by service and task by task. */
  async #count(wanted: ReadonlyMap<string, number>): Promise<Counted> {
    let [running, pending] = [0, 0];
    for (const services of groups([...wanted.keys()], DESCRIBED_AT_ONCE)) {
      const described = await this.#describe(services);
      for (const service of described) {
        running += service.runningCount;
        pending += service.pendingCount;
      }
    }
    const distinct = new Set<string>();
    let listed = 0;
    for (let nextToken: string | undefined, first = true; first || nextToken; first = false) {
      const request = {
        maxResults: LISTED_AT_ONCE,
        ...(nextToken === undefined ? {} : { nextToken }),
      };
      const page = await this.#ask('tasks are listed', () =>
        this.#ecs.ListTasks(request, { timeoutMs: CALL_MS }),
      );
      listed += page.taskArns.length;
      for (const arn of page.taskArns) distinct.add(arn);
      ({ nextToken } = page);
    }
    return { running, pending, listed, distinct: distinct.size };
  }

  async #update(service: string, wanted: ReadonlyMap<string, number>): Promise<void> {
    await this.#ask(`${service} is updated`, () =>
      this.#ecs.UpdateService({ service, forceNewDeployment: true }, { timeoutMs: CALL_MS }),
    );
    await this.#until(`${service} has one deployment, which is complete`, async () => {
      const [found] = await this.#describe([service]);
      const [deployment, ...others] = found?.deployments ?? [];
      return (
        others.length === 0 &&
        deployment?.rolloutState === 'COMPLETED' &&
        found?.runningCount === wanted.get(service)
      );
    });
  }

  /** @returns how many tasks ran on the hosts that were lost */
  async #lose(wanted: ReadonlyMap<string, number>): Promise<number> {
    const before = (await this.#hosts.count()).running;
    const lost = await this.#hosts.lose(this.#options.hostsLost);
    await this.#until('the replacements run', async () => {
      return (await this.#hosts.count()).running - before >= lost;
    });
    await this.#steady(wanted, false);
    return lost;
  }

  async #stop(): Promise<void> {
    for (const [name, usage] of Object.entries(this.#present())) {
      if (name !== 'etcd' && name !== 'agents') this.#former.set(name, usage);
    }
    await this.#plane.stopRoles();
  }

  async #afterRestart(wanted: Map<string, number>): Promise<void> {
    const { hosts, hostsLost } = this.#options;
    await this.#until('the hosts are connected again', async () => {
      const { connected } = await this.#hosts.count();
      return connected === hosts - hostsLost;
    });
    const [name, count] = [...wanted].at(-1) as [string, number];
    wanted.set(name, count + 1);
    await this.#until('the api takes a change', async () => {
      const change = { service: name, desiredCount: count + 1 };
      await this.#ecs.UpdateService(change, { timeoutMs: CALL_MS });
      return true;
    });
    await this.#steady(wanted, false);
  }

  /** Until each service has as many tasks running as it wants, by the word of the API. */
  async #steady(wanted: ReadonlyMap<string, number>, first: boolean): Promise<void> {
    if (first) {
      // The hosts are asked first: describing services that are still at it would only slow them down.
      await this.#until('the hosts have said of all tasks that they run', async () => {
        return (await this.#hosts.count()).running >= this.#options.tasks;
      });
    }
    const open = new Set(wanted.keys());
    await this.#until('all services are steady', async () => {
      for (const services of groups([...open], DESCRIBED_AT_ONCE)) {
        for (const service of await this.#describe(services)) {
          const count = wanted.get(service.serviceName) ?? 0;
          if (service.runningCount === count && service.pendingCount === 0) {
            open.delete(service.serviceName);
          }
        }
      }
      return open.size === 0;
    });
  }

  async #describe(services: readonly string[]) {
    const found = await this.#ask('services are described', () =>
      this.#ecs.DescribeServices({ services }, { timeoutMs: CALL_MS }),
    );
    return found.services;
  }

  /** Again where it fails, as any client does: a call that may be repeated. */
  #ask<T>(what: string, call: () => Promise<T>): Promise<T> {
    return eventually(what, this.#options.limitMs, call);
  }

  #until(what: string, holds: () => Promise<boolean>): Promise<true> {
    return eventually(what, this.#options.limitMs, async () => {
      if (await holds()) return true;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      return undefined;
    });
  }

  async #phase<T>(
    name: string,
    count: number | ((result: T) => number),
    work: () => Promise<T>,
  ): Promise<T> {
    const before = this.#usage();
    await this.#noteStalls();
    this.#stalls.clear();
    this.#peakMiB = 0;
    const began = performance.now();
    const result = await work();
    const seconds = (performance.now() - began) / 1000;
    await this.#noteStalls();
    const cpu = Object.fromEntries(
      Object.entries(this.#usage()).map(([of, { cpuSeconds }]) => [
        of,
        cpuSeconds - (before[of]?.cpuSeconds ?? 0),
      ]),
    );
    const stalls = Object.fromEntries(this.#stalls);
    this.#weigh();
    const peakMiB = this.#peakMiB;
    const about = typeof count === 'number' ? count : count(result);
    this.#phases.push({ name, seconds, count: about, cpu, stalls, peakMiB });
    this.#options.say(
      `${name}: ${seconds.toFixed(1)} s; CPU seconds: ${shown(cpu)}; longest stall in ms: ${shown(stalls)}; memory: ${peakMiB.toFixed(0)} MiB`,
    );
    return result;
  }

  #weigh(): void {
    const all = Object.values(this.#present()).reduce((sum, one) => sum + one.residentMiB, 0);
    this.#peakMiB = Math.max(this.#peakMiB, all);
  }

  async #noteStalls(): Promise<void> {
    for (const [role, ms] of await this.#plane.stalls()) {
      this.#stalls.set(role, Math.max(ms, this.#stalls.get(role) ?? 0));
    }
  }

  /** Of the processes that are there now. */
  #present(): Record<string, Usage> {
    const plane = ROLES.map((role) => [role, usageOf(this.#plane.pid(role))] as const);
    const agents = this.#hosts.pids.map((pid) => usageOf(pid)).reduce(plus);
    return { ...Object.fromEntries(plane), agents };
  }

  /** With those that they have replaced. */
  #usage(): Record<string, Usage> {
    return Object.fromEntries(
      Object.entries(this.#present()).map(([name, now]) => {
        const former = this.#former.get(name);
        if (!former) return [name, now];
        const cpuSeconds = former.cpuSeconds + now.cpuSeconds;
        return [name, { ...now, cpuSeconds, peakMiB: Math.max(former.peakMiB, now.peakMiB) }];
      }),
    );
  }
}

function shown(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([of, value]) => `${of} ${value.toFixed(1)}`)
    .join(', ');
}

function plus(a: Usage, b: Usage): Usage {
  return {
    cpuSeconds: a.cpuSeconds + b.cpuSeconds,
    residentMiB: a.residentMiB + b.residentMiB,
    peakMiB: a.peakMiB + b.peakMiB,
  };
}

function groups<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size));
}
