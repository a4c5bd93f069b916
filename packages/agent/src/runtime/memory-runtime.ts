// A container engine in memory, for tests and simulation: keeps the promises of `Runtime`, interprets commands through
// a table, and can be told to crash containers, to fail, or to fall silent.
import { createHash } from 'node:crypto';

import { Channel } from '@berth/control/channel.ts';
import type { Clock } from '@berth/control/clock.ts';
import type { NetworkBinding } from '@berth/model/generated/messages.ts';

import type { Labels } from '../labels.ts';
import { byDigest, parseImageName } from './image-name.ts';
import {
  RuntimeError,
  type ContainerFacts,
  type ContainerSpec,
  type ExecSession,
  type Health,
  type Operation,
  type OutputFrame,
  type Runtime,
  type RuntimeEvent,
} from './runtime.ts';

/** What a command does. */
export interface ModelProgram {
  readonly stdout?: string;
  readonly stderr?: string;
  /** Copies its input to its output until the input ends. */
  readonly echoes?: boolean;
  /** Ends at once with this code; absent: runs until it is stopped. */
  readonly exitCode?: number;
  /** Only SIGKILL ends it. */
  readonly ignoresStop?: boolean;
  /** How long it goes on after a stop signal; default: it ends at once. */
  readonly endsAfterMs?: number;
}

export interface MemoryRuntimeOptions {
  readonly clock: Clock;
  readonly program: (command: readonly string[]) => ModelProgram;
  /** Images that are there from the start. */
  readonly images: readonly string[];
  /** Images that can be pulled. */
  readonly registry?: readonly string[];
  /** Awaited before an operation; may wait or throw, as an engine that is slow or hangs. */
  readonly before?: (operation: Operation, subject: string, signal: AbortSignal) => Promise<void>;
  /** Awaited between an operation and its answer. */
  readonly after?: (operation: Operation) => Promise<void>;
}

interface ModelContainer {
  readonly id: string;
  readonly spec: ContainerSpec;
  facts: ContainerFacts;
  readonly frames: OutputFrame[];
  readonly followers: Set<Channel<OutputFrame>>;
}

const MAX_QUEUED = 10_000;
const SIGTERM_EXIT = 143;
const SIGKILL_EXIT = 137;

export class MemoryRuntime implements Runtime {
  readonly #options: MemoryRuntimeOptions;
  readonly #images: Set<string>;
  readonly #containers = new Map<string, ModelContainer>();
  readonly #volumes = new Map<string, Labels>();
  readonly #listeners = new Set<{ labels: Labels; channel: Channel<RuntimeEvent> }>();
  readonly #failures: { operation: Operation; error: RuntimeError; after: boolean }[] = [];
  #created = 0;
  /** Every call in order, for a test to look at. */
  readonly calls: string[] = [];
  /** While true every call fails as if the engine were away. */
  down = false;
  /** Host ports that something else has taken. */
  readonly takenPorts = new Set<number>();

  constructor(options: MemoryRuntimeOptions) {
    this.#options = options;
    this.#images = new Set(options.images);
  }

  /** Let the next call of an operation fail. @param after it nevertheless happens */
  failNext(operation: Operation, error: RuntimeError, after = false): void {
    this.#failures.push({ operation, error, after });
  }

  /** The engine's process dies: event streams break and, without live-restore, its containers end. It stays `down`. */
  crash(liveRestore: boolean): void {
    this.down = true;
    for (const { channel } of this.#listeners) {
      channel.fail(new RuntimeError('engine', 'events', 'The engine is gone'));
    }
    if (liveRestore) return;
    for (const container of this.#containers.values()) {
      this.#stopped(container, SIGKILL_EXIT, false);
    }
  }

  /** Somebody else removes a container, running or not. */
  vanish(id: string): void {
    const container = this.#get('remove', id);
    this.#stopped(container, SIGKILL_EXIT, false);
    this.#containers.delete(id);
    this.#emit(container, 'destroy');
  }

  /** All containers, whoever's. */
  get containers(): readonly ContainerFacts[] {
    return [...this.#containers.values()].map(({ facts }) => facts);
  }

  /** A container's first process ends by itself. */
  exit(id: string, exitCode: number, oomKilled = false): void {
    const container = this.#get('stop', id);
    this.#stopped(container, exitCode, oomKilled);
  }

  setHealth(id: string, health: Health, healthOutput?: string): void {
    const container = this.#get('inspect', id);
    container.facts = { ...container.facts, health, healthOutput };
    this.#emit(container, `health_status: ${health.toLowerCase()}`);
  }

  async describe(signal: AbortSignal): ReturnType<Runtime['describe']> {
    return await this.#call('describe', '', signal, () => ({
      version: '20.10.24',
      apiVersion: '1.41',
      cpus: 4,
      memoryBytes: 8 * 1024 ** 3,
      osType: 'linux',
      architecture: 'x86_64',
      storageDriver: 'overlay2',
    }));
  }

  async list(labels: Labels, signal: AbortSignal): ReturnType<Runtime['list']> {
    return await this.#call('list', '', signal, () =>
      this.containers
        .filter((facts) => bears(facts.labels, labels))
        .map(({ id, labels: own, state, health }) => ({ id, labels: own, state, health })),
    );
  }

  async inspect(id: string, signal: AbortSignal): ReturnType<Runtime['inspect']> {
    return await this.#call('inspect', id, signal, () => this.#containers.get(id)?.facts);
  }

  async create(spec: ContainerSpec, signal: AbortSignal): Promise<string> {
    return await this.#call('create', spec.name, signal, () => {
      if (!this.#images.has(spec.body.Image)) {
        throw new RuntimeError('gone', 'create', `No such image: ${spec.body.Image}`);
      }
      if (this.containers.some(({ name }) => name === spec.name)) {
        throw new RuntimeError('conflict', 'create', `The name ${spec.name} is in use`);
      }
      this.#created += 1;
      const id = this.#created.toString(16).padStart(64, '0');
      const facts: ContainerFacts = {
        id,
        name: spec.name,
        labels: spec.body.Labels,
        tty: spec.body.Tty,
        state: 'created',
        exitCode: undefined,
        oomKilled: false,
        error: undefined,
        startedAt: undefined,
        finishedAt: undefined,
        health: 'UNKNOWN',
        healthOutput: undefined,
        bindings: [],
      };
      const container = { id, spec, facts, frames: [], followers: new Set<Channel<OutputFrame>>() };
      this.#containers.set(id, container);
      this.#emit(container, 'create');
      return id;
    });
  }

  async start(id: string, signal: AbortSignal): Promise<void> {
    await this.#call('start', id, signal, () => {
      const container = this.#get('start', id);
      if (container.facts.state === 'running') return;
      const bindings = bindingsOf(container.spec);
      for (const { hostPort } of bindings) this.#assertFree(hostPort);
      const startedAt = this.#options.clock.now();
      container.facts = { ...container.facts, state: 'running', startedAt, bindings };
      this.#emit(container, 'start');
      const program = this.#programOf(container);
      if (program.stdout !== undefined) this.#print(container, 'stdout', program.stdout);
      if (program.stderr !== undefined) this.#print(container, 'stderr', program.stderr);
      if (program.exitCode !== undefined) this.#stopped(container, program.exitCode, false);
    });
  }

  async stop(id: string, timeoutSeconds: number, signal: AbortSignal): Promise<void> {
    await this.#call('stop', id, signal, () => undefined);
    const container = this.#containers.get(id);
    if (container?.facts.state !== 'running') return;
    const { ignoresStop = false, endsAfterMs = 0 } = this.#programOf(container);
    const limitMs = timeoutSeconds * 1000;
    const heeds = !ignoresStop && endsAfterMs <= limitMs;
    const waitMs = heeds ? endsAfterMs : limitMs;
    if (waitMs > 0) await this.#options.clock.sleep(waitMs, signal);
    this.#stopped(container, heeds ? SIGTERM_EXIT : SIGKILL_EXIT, false);
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    await this.#call('remove', id, signal, () => {
      const container = this.#containers.get(id);
      if (!container) return;
      if (container.facts.state === 'running') this.#stopped(container, SIGKILL_EXIT, false);
      this.#containers.delete(id);
      this.#emit(container, 'destroy');
    });
  }

  async findImage(image: string, signal: AbortSignal): ReturnType<Runtime['findImage']> {
    return await this.#call('find-image', image, signal, () =>
      this.#images.has(image)
        ? { id: `sha256:${image}`, digest: this.#digestOf(image) }
        : undefined,
    );
  }

  async resolveImage(image: string, signal: AbortSignal): Promise<string> {
    return await this.#call('resolve-image', image, signal, () => {
      if (this.#options.registry?.includes(image) !== true) {
        throw new RuntimeError('gone', 'resolve-image', `manifest for ${image} not found`);
      }
      return digestOf(image);
    });
  }

  async pull(image: string, signal: AbortSignal): Promise<void> {
    await this.#call('pull', image, signal, () => {
      const registry = this.#options.registry ?? [];
      if (
        !registry.some((known) => known === image || byDigest(known, digestOf(known)) === image)
      ) {
        throw new RuntimeError('gone', 'pull', `manifest for ${image} not found`);
      }
      this.#images.add(image);
    });
  }

  async createVolume(
    spec: Parameters<Runtime['createVolume']>[0],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#call('create-volume', spec.name, signal, () => {
      if (!this.#volumes.has(spec.name)) this.#volumes.set(spec.name, spec.labels);
    });
  }

  async findVolume(name: string, signal: AbortSignal): ReturnType<Runtime['findVolume']> {
    return await this.#call('find-volume', name, signal, () =>
      this.#volumes.has(name) ? { name } : undefined,
    );
  }

  async listVolumes(labels: Labels, signal: AbortSignal): Promise<readonly string[]> {
    return await this.#call('list-volumes', '', signal, () =>
      [...this.#volumes].flatMap(([name, own]) => (bears(own, labels) ? [name] : [])),
    );
  }

  async removeVolume(name: string, signal: AbortSignal): Promise<void> {
    await this.#call('remove-volume', name, signal, () => {
      this.#volumes.delete(name);
    });
  }

  async *events(
    labels: Labels,
    _since: number | undefined,
    onOpen: () => void,
    signal: AbortSignal,
  ): AsyncGenerator<RuntimeEvent, void, undefined> {
    await this.#call('events', '', signal, () => undefined);
    const listener = { labels, channel: new Channel<RuntimeEvent>(MAX_QUEUED) };
    const cancel = (): void => listener.channel.fail(cancelled('events'));
    signal.addEventListener('abort', cancel, { once: true });
    this.#listeners.add(listener);
    try {
      onOpen();
      yield* listener.channel;
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener('abort', cancel);
    }
  }

  async *logs(
    id: string,
    options: Parameters<Runtime['logs']>[1],
    signal: AbortSignal,
  ): AsyncGenerator<OutputFrame, void, undefined> {
    await this.#call('logs', id, signal, () => undefined);
    const container = this.#get('logs', id);
    const channel = new Channel<OutputFrame>(MAX_QUEUED);
    for (const frame of container.frames) channel.offer(frame);
    if (!options.follow || container.facts.state !== 'running') channel.close();
    else container.followers.add(channel);
    const cancel = (): void => channel.fail(cancelled('logs'));
    signal.addEventListener('abort', cancel, { once: true });
    try {
      yield* channel;
    } finally {
      container.followers.delete(channel);
      signal.removeEventListener('abort', cancel);
    }
  }

  async exec(
    id: string,
    options: Parameters<Runtime['exec']>[1],
    signal: AbortSignal,
  ): Promise<ExecSession> {
    return await this.#call('exec', id, signal, () => {
      const container = this.#get('exec', id);
      if (container.facts.state !== 'running') {
        throw new RuntimeError('conflict', 'exec', `Container ${id} is not running`);
      }
      return modelExec(this.#options.program(options.command));
    });
  }

  /** Of an image that came from the registry. */
  #digestOf(image: string): string | undefined {
    return (
      parseImageName(image).digest ??
      (this.#options.registry?.includes(image) === true ? digestOf(image) : undefined)
    );
  }

  close(): void {
    for (const { channel } of this.#listeners) channel.close();
  }

  async #call<T>(
    operation: Operation,
    subject: string,
    signal: AbortSignal,
    act: () => T,
  ): Promise<T> {
    this.calls.push(subject === '' ? operation : `${operation} ${subject}`);
    await (this.#options.before?.(operation, subject, signal) ?? Promise.resolve());
    if (signal.aborted) throw cancelled(operation);
    if (this.down) throw new RuntimeError('engine', operation, 'The engine is away');
    const index = this.#failures.findIndex((failure) => failure.operation === operation);
    const [failure] = index < 0 ? [] : this.#failures.splice(index, 1);
    if (!failure) {
      const answer = act();
      await this.#options.after?.(operation);
      return answer;
    }
    if (failure.after) act();
    throw failure.error;
  }

  #get(operation: Operation, id: string): ModelContainer {
    const container = this.#containers.get(id);
    if (!container) throw new RuntimeError('gone', operation, `No such container: ${id}`);
    return container;
  }

  #programOf({ spec: { body } }: ModelContainer): ModelProgram {
    return this.#options.program([...(body.Entrypoint ?? []), ...(body.Cmd ?? [])]);
  }

  #assertFree(port: number): void {
    const held = this.containers.some(
      ({ state, bindings }) =>
        state === 'running' && bindings.some(({ hostPort }) => hostPort === port),
    );
    if (!held && !this.takenPorts.has(port)) return;
    const words = `Bind for 0.0.0.0:${String(port)} failed: port is already allocated`;
    throw new RuntimeError('port-taken', 'start', words);
  }

  #print(container: ModelContainer, stream: OutputFrame['stream'], text: string): void {
    const frame = { stream, data: Buffer.from(text) };
    container.frames.push(frame);
    for (const follower of container.followers) follower.offer(frame);
  }

  #stopped(container: ModelContainer, exitCode: number, oomKilled: boolean): void {
    if (container.facts.state !== 'running') return;
    const finishedAt = this.#options.clock.now();
    container.facts = { ...container.facts, state: 'stopped', exitCode, oomKilled, finishedAt };
    for (const follower of container.followers) follower.close();
    this.#emit(container, 'die');
  }

  #emit({ id, facts: { labels } }: ModelContainer, action: string): void {
    for (const listener of this.#listeners) {
      if (!bears(labels, listener.labels)) continue;
      listener.channel.offer({ containerId: id, labels, action });
    }
  }
}

function modelExec(program: ModelProgram): ExecSession {
  const output = new Channel<OutputFrame>(MAX_QUEUED);
  if (program.stdout !== undefined) {
    output.offer({ stream: 'stdout', data: Buffer.from(program.stdout) });
  }
  if (program.stderr !== undefined) {
    output.offer({ stream: 'stderr', data: Buffer.from(program.stderr) });
  }
  if (program.echoes !== true) output.close();
  return {
    output,
    async write(data) {
      if (program.echoes === true) await output.send({ stream: 'stdout', data: Buffer.from(data) });
    },
    endInput: () => output.close(),
    resize: () => Promise.resolve(),
    exitCode: () => Promise.resolve(program.exitCode ?? 0),
    close: () => output.close(),
  };
}

function bindingsOf({ body }: ContainerSpec): NetworkBinding[] {
  return Object.entries(body.HostConfig.PortBindings).flatMap(([key, hosts]) => {
    const [port, protocol] = key.split('/');
    return hosts.map(({ HostIp, HostPort }) => ({
      bindIp: HostIp,
      containerPort: Number(port),
      hostPort: Number(HostPort),
      protocol: protocol === 'udp' ? ('udp' as const) : ('tcp' as const),
    }));
  });
}

function bears(own: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => own[name] === value);
}

function cancelled(operation: Operation): RuntimeError {
  return new RuntimeError('cancelled', operation, `The ${operation} was given up`);
}

/** What the model's registry knows an image by. */
function digestOf(image: string): string {
  return `sha256:${createHash('sha256').update(image).digest('hex')}`;
}
