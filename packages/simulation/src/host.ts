// A machine that runs tasks: an engine and a disk that outlive the agent, and the agent as it is.
import type { Random } from '@berth/control/clock.ts';
import type { VirtualClock } from '@berth/control/virtual-clock.ts';
import type { Files } from '@berth/agent/durable-file.ts';
import { LABEL } from '@berth/agent/labels.ts';
import { MemoryRuntime } from '@berth/agent/runtime/memory-runtime.ts';
import { type ContainerFacts, type Operation, RuntimeError } from '@berth/agent/runtime/runtime.ts';
import { startAgent } from '@berth/agent/start.ts';
import type { Attribute } from '@berth/model/generated/messages.ts';
import type { Role } from '@berth/process/role.ts';

import type { Process } from './process.ts';
import { fateOfImage, imagesOf, programOf } from './revisions.ts';
import { CLUSTER, PORTS } from './settings.ts';
import type { World } from './world.ts';

const TICK_MS = 1_000;
/** What the engine's client waits for an answer to a call that should be quick. */
const CALL_MS = 10_000;
const ZONE = 'ecs.availability-zone';

export interface HostFaults {
  /** Of each running container, in each second. */
  crash: number;
  outOfMemory: number;
  vanish: number;
  /** Of each pull. */
  slowPull: number;
  pullFails: number;
}

export class Host {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly engine: MemoryRuntime;
  readonly faults: HostFaults = { crash: 0, outOfMemory: 0, vanish: 0, slowPull: 0, pullFails: 0 };
  /** Tasks whose containers ended although nobody had ordered it. */
  readonly fallen = new Set<string>();
  process: Process;
  hung = false;
  full = false;
  readonly #world: World;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #disk = new Map<string, string>();
  readonly #attributes: readonly Attribute[];
  #lives = 0;
  #boots = 1;
  #agent: Role | undefined;
  #off = true;

  /** @param zone where it is, if it says so */
  constructor(world: World, index: number, zone: string | undefined) {
    this.#world = world;
    this.#attributes = zone === undefined ? [] : [{ name: ZONE, value: zone }];
    this.#clock = world.clock;
    this.name = `h${index}`;
    this.id = index.toString(16).padStart(32, 'a');
    this.address = `10.0.0.${index}`;
    this.#random = world.randomOf(`engine of ${this.name}`);
    this.#disk.set('/agent/host-id', this.id);
    this.process = this.#newProcess();
    this.engine = new MemoryRuntime({
      clock: world.clock,
      program: programOf,
      images: [],
      registry: imagesOf(world.families),
      before: (operation, _subject, signal) => this.#before(operation, signal),
      after: (operation) => this.#after(operation),
    });
    void this.#live();
  }

  get up(): boolean {
    return !this.#off;
  }

  #newProcess(): Process {
    this.#lives += 1;
    return this.#world.process(this.name, `${this.name}#${this.#lives}`);
  }

  start(): void {
    this.#off = false;
    const { process } = this;
    void this.#run(process);
  }

  async #run(process: Process): Promise<void> {
    try {
      await this.#startAgent(process);
    } catch (error) {
      process.logger.warn({ err: error }, 'an agent could not start and is started again');
      await process.clock.sleep(2_000, NEVER);
      if (this.process !== process || this.#off) return;
      this.killAgent();
      this.start();
    }
  }

  async #startAgent(process: Process): Promise<void> {
    const { connect } = this.#world.network.transportOf(process);
    const files = this.#filesOf(process);
    const boot = `boot ${this.#boots}`;
    const agent = await startAgent(
      {
        api: this.#world.apiAddresses,
        tls: { certificate: `host/${this.id}`, key: '', authority: '' },
        cluster: CLUSTER,
        name: this.name,
        address: this.address,
        dataDirectory: '/agent',
        dockerHost: 'unix:///model.sock',
        portRange: PORTS,
        attributes: this.#attributes,
        stopTasksOnExit: false,
      },
      process,
      {
        connect,
        files,
        portInUse: (port) => Promise.resolve(this.engine.takenPorts.has(port)),
        bootId: () => Promise.resolve(boot),
        runtime: () => this.#runtimeOf(process),
      },
    );
    this.#agent = agent;
    agent.failed.catch((error: unknown) =>
      this.#world.fail(`the agent of ${this.name} failed`, error),
    );
  }

  /** The engine, as one life of the agent has it. */
  #runtimeOf(process: Process): MemoryRuntime {
    const { engine } = this;
    return new Proxy(engine, {
      get: (_target, name) => {
        const found: unknown = Reflect.get(engine, name);
        if (name === 'close') return () => undefined;
        if (name === 'events')
          return (...given: unknown[]) =>
            entering(process, (found as AnyEvents).apply(engine, given));
        if (typeof found !== 'function') return found;
        return async (...given: unknown[]) => {
          try {
            return await (found as AnyCall).apply(engine, given);
          } finally {
            await process.enter();
          }
        };
      },
    });
  }

  #filesOf(process: Process): Files {
    const disk = this.#disk;
    const writable = (): void => {
      if (this.full)
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    };
    return {
      read: async (path) => {
        await process.enter();
        return disk.get(path);
      },
      write: async (path, content) => {
        await process.enter();
        writable();
        disk.set(path, content);
      },
      remove: async (path) => {
        await process.enter();
        disk.delete(path);
      },
      list: async (directory) => {
        await process.enter();
        return [...disk.keys()]
          .filter((path) => path.startsWith(`${directory}/`))
          .map((path) => path.slice(directory.length + 1));
      },
    };
  }

  async #before(operation: Operation, signal: AbortSignal): Promise<void> {
    const random = this.#random;
    if (this.hung) {
      await this.#clock.sleep(CALL_MS, signal);
      if (this.hung) throw new RuntimeError('timeout', operation, 'The engine does not answer');
    }
    if (operation === 'pull') {
      const slow = random() < this.faults.slowPull;
      await this.#clock
        .sleep(slow ? 20_000 + random() * 60_000 : 200 + random() * 6_000, signal)
        .catch(() => undefined);
      if (random() < this.faults.pullFails) {
        throw new RuntimeError('server', 'pull', 'the registry broke off');
      }
      return;
    }
    const quick = operation === 'list' || operation === 'inspect' || operation === 'find-image';
    await this.#clock.sleep(quick ? 1 : 1 + random() * 60, NEVER);
  }

  async #after(operation: Operation): Promise<void> {
    if (operation === 'start') this.#world.portsTaken(this);
    await Promise.resolve();
  }

  /** Containers live: they become healthy or not, crash, are killed or removed by others. */
  async #live(): Promise<void> {
    for (;;) {
      await this.#clock.sleep(TICK_MS, NEVER);
      for (const facts of this.engine.containers) {
        if (facts.state === 'running') this.#age(facts);
      }
    }
  }

  #age(facts: ContainerFacts): void {
    const { engine, faults } = this;
    const random = this.#random;
    const fate = fateOfImage(imageOf(facts));
    const age = this.#clock.now() - (facts.startedAt ?? 0);
    const fall = (how: () => void): void => {
      this.fallen.add(taskOf(facts));
      how();
    };
    if (fate === 'crashing' && age > 3_000) fall(() => engine.exit(facts.id, 1));
    else if (fate === 'job' && age > 15_000) fall(() => engine.exit(facts.id, 0));
    else if (random() < faults.crash) fall(() => engine.exit(facts.id, 139));
    else if (random() < faults.outOfMemory) fall(() => engine.exit(facts.id, 137, true));
    else if (random() < faults.vanish) fall(() => engine.vanish(facts.id));
    else if (checkedOf(facts) && facts.health === 'UNKNOWN' && age > 4_000) {
      engine.setHealth(
        facts.id,
        fate === 'sick' ? 'UNHEALTHY' : 'HEALTHY',
        fate === 'sick' ? 'refused' : undefined,
      );
    }
  }

  /** Who answers at a port now. */
  listener(port: number): { readonly taskId: string; readonly well: boolean } | undefined {
    const found = this.engine.containers.find(
      ({ state, bindings }) =>
        state === 'running' && bindings.some(({ hostPort }) => hostPort === port),
    );
    if (!found) return undefined;
    return { taskId: taskOf(found), well: fateOfImage(imageOf(found)) !== 'sick' };
  }

  /** All ports that are listened on, with whose they are. */
  listeners(): { readonly port: number; readonly taskId: string }[] {
    return this.engine.containers
      .filter(({ state }) => state === 'running')
      .flatMap((facts) =>
        facts.bindings.map(({ hostPort }) => ({ port: hostPort, taskId: taskOf(facts) })),
      );
  }

  /** Ids of tasks with a running container. */
  running(): string[] {
    return this.engine.containers.filter(({ state }) => state === 'running').map(taskOf);
  }

  #allFall(): void {
    for (const facts of this.engine.containers)
      if (facts.state === 'running') this.fallen.add(taskOf(facts));
  }

  /** SIGKILL of the agent; its containers go on. */
  killAgent(): void {
    this.#off = true;
    this.process.kill();
    void this.#world.network.gone(this.process, true);
    this.process = this.#newProcess();
    this.#agent = undefined;
  }

  restartAgent(): void {
    this.killAgent();
    this.start();
  }

  /** SIGTERM of the agent, as at an upgrade. */
  async stopAgent(): Promise<void> {
    const { process } = this;
    await this.#agent?.stop(5_000);
    if (this.process === process) this.killAgent();
  }

  crashEngine(liveRestore: boolean): void {
    if (!liveRestore) this.#allFall();
    this.engine.crash(liveRestore);
  }

  restartEngine(): void {
    this.engine.down = false;
  }

  /** The power fails: agent and containers are gone at once, and nobody tells. */
  powerOff(): void {
    this.#off = true;
    this.process.kill();
    void this.#world.network.gone(this.process, false);
    this.#allFall();
    this.engine.crash(false);
    this.process = this.#newProcess();
    this.#agent = undefined;
  }

  powerOn(): void {
    this.#boots += 1;
    this.engine.down = false;
    this.start();
  }

  /** It is set up anew after it was deregistered. */
  get registered(): boolean {
    return [...this.#world.database.state.hostsById(this.id)].length > 0;
  }
}

type AnyCall = (...given: unknown[]) => Promise<unknown>;
type AnyEvents = (...given: unknown[]) => AsyncIterable<unknown>;

async function* entering(
  process: Process,
  items: AsyncIterable<unknown>,
): AsyncGenerator<unknown, void, undefined> {
  for await (const item of items) {
    await process.enter();
    yield item;
  }
}

const NEVER = new AbortController().signal;

function taskOf({ labels }: ContainerFacts): string {
  return labels[LABEL.task] ?? '';
}

/** FAMILY:REVISION by the label; images are named so. */
function imageOf({ labels }: ContainerFacts): string {
  return labels[LABEL.definition] ?? '';
}

function checkedOf(facts: ContainerFacts): boolean {
  return imageOf(facts).startsWith('checked');
}
