// What the agent asks of a container engine. `docker.ts` fulfils it with the Docker Engine and
// `memory-runtime.ts` with a model; both pass `runtime-contract.ts`. Every call ends: with an answer, with a
// `RuntimeError`, or when its signal is aborted. Identity lives in labels, never in names.
import type { NetworkBinding } from '@berth/model/generated/messages.ts';

import type { Labels } from '../labels.ts';
import type { CreateBody } from './create-body.ts';

/** What can be done about a failure; `transition-policy.ts` decides by it. */
export type FailureKind =
  /** The thing does not exist (any more). */
  | 'gone'
  /** A name is taken, or another operation on the thing is under way. */
  | 'conflict'
  /** The engine will never accept this. */
  | 'invalid'
  /** A host port is in use. */
  | 'port-taken'
  /** The engine tried and failed; may or may not help to repeat. */
  | 'server'
  /** The engine or the registry asks to come back later. */
  | 'busy'
  /** The engine can't be reached or broke off: nothing is known about the outcome. */
  | 'engine'
  /** No answer within the operation's limit: nothing is known about the outcome. */
  | 'timeout'
  /** The caller gave up. */
  | 'cancelled';

export type Operation =
  | 'describe'
  | 'list'
  | 'inspect'
  | 'create'
  | 'start'
  | 'stop'
  | 'remove'
  | 'find-image'
  | 'resolve-image'
  | 'pull'
  | 'create-volume'
  | 'find-volume'
  | 'list-volumes'
  | 'remove-volume'
  | 'events'
  | 'logs'
  | 'exec';

export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly kind: FailureKind;
  readonly operation: Operation;

  constructor(kind: FailureKind, operation: Operation, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.operation = operation;
  }
}

export interface EngineDescription {
  readonly version: string;
  /** The API version that is spoken with it, such as 1.41. */
  readonly apiVersion: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** linux ... */
  readonly osType: string;
  /** x86_64, aarch64 ... */
  readonly architecture: string;
  readonly storageDriver: string;
}

export type ContainerState = 'created' | 'running' | 'stopped';
export type Health = 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN';

export interface ContainerSummary {
  readonly id: string;
  readonly labels: Labels;
  readonly state: ContainerState;
  readonly health: Health;
}

export interface ContainerFacts extends ContainerSummary {
  readonly name: string;
  readonly tty: boolean;
  readonly exitCode: number | undefined;
  /** True when the kernel killed any process of it for want of memory, not necessarily the first one. */
  readonly oomKilled: boolean;
  /** What the engine says about a failed start. */
  readonly error: string | undefined;
  /** Milliseconds since the epoch by the engine's clock; absent when it has never started. */
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  /** What the newest failing health check printed. */
  readonly healthOutput: string | undefined;
  /** What is really bound, IPv4 only. */
  readonly bindings: readonly NetworkBinding[];
}

export interface ContainerSpec {
  readonly name: string;
  readonly body: CreateBody;
}

export interface ImageFacts {
  readonly id: string;
  /** The registry's digest of the image by this name; absent for images that were never in a registry. */
  readonly digest: string | undefined;
}

export interface VolumeSpec {
  readonly name: string;
  readonly driver: string | undefined;
  readonly options: Labels;
  readonly labels: Labels;
}

export interface RuntimeEvent {
  readonly containerId: string;
  readonly labels: Labels;
  /** start, die, oom, destroy, health_status: unhealthy ... */
  readonly action: string;
}

export type OutputStream = 'stdout' | 'stderr';

export interface OutputFrame {
  readonly stream: OutputStream;
  readonly data: Buffer;
}

export interface LogOptions {
  readonly follow: boolean;
  /** The newest so many lines; absent: all. */
  readonly tail: number | undefined;
  /** Milliseconds since the epoch. */
  readonly since: number | undefined;
  /** Starts each line with its time, RFC 3339 with nanoseconds, and a space. */
  readonly timestamps: boolean;
}

export interface ExecOptions {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly columns: number;
  readonly rows: number;
}

/** A command that runs in a container. Its process outlives a dropped session: the engine can't kill it. */
export interface ExecSession {
  /** Ends when the command has closed its output. With a terminal everything is stdout. */
  readonly output: AsyncIterable<OutputFrame>;
  /** Waits while the command does not read. */
  write(data: Uint8Array): Promise<void>;
  /** Half-closes: the command reads end of file, its output goes on. */
  endInput(): void;
  resize(columns: number, rows: number): Promise<void>;
  /** After the output has ended. */
  exitCode(signal: AbortSignal): Promise<number>;
  close(): void;
}

/** `inspect`, `findImage` and `findVolume` answer undefined for what does not exist. */
export interface Runtime {
  describe(signal: AbortSignal): Promise<EngineDescription>;
  /** All containers that carry all of these labels, stopped ones included. */
  list(labels: Labels, signal: AbortSignal): Promise<readonly ContainerSummary[]>;
  inspect(id: string, signal: AbortSignal): Promise<ContainerFacts | undefined>;
  /** @returns its id. @throws RuntimeError `conflict` when the name is taken, `gone` when the image is missing */
  create(spec: ContainerSpec, signal: AbortSignal): Promise<string>;
  /** Nothing happens to one that runs. @throws RuntimeError `port-taken` and others; it then stays behind as created */
  start(id: string, signal: AbortSignal): Promise<void>;
  /** Stop signal, then, after the timeout, SIGKILL. Returns when it has stopped; one that is stopped or gone is a success. */
  stop(id: string, timeoutSeconds: number, signal: AbortSignal): Promise<void>;
  /** Kills it if it runs. Returns when it is gone. */
  remove(id: string, signal: AbortSignal): Promise<void>;
  findImage(image: string, signal: AbortSignal): Promise<ImageFacts | undefined>;
  /** The digest that the image has in its registry now: sha256:... @throws RuntimeError with the registry's or the engine's own words */
  resolveImage(image: string, signal: AbortSignal): Promise<string>;
  /** @throws RuntimeError with the registry's or the engine's own words */
  pull(image: string, signal: AbortSignal): Promise<void>;
  createVolume(spec: VolumeSpec, signal: AbortSignal): Promise<void>;
  findVolume(name: string, signal: AbortSignal): Promise<{ readonly name: string } | undefined>;
  listVolumes(labels: Labels, signal: AbortSignal): Promise<readonly string[]>;
  removeVolume(name: string, signal: AbortSignal): Promise<void>;
  /**
   * What happens to containers with these labels from `since` (milliseconds) on. `onOpen` is called once the engine
   * listens: what is listed after that misses nothing. Lossy: the list is the truth.
   */
  events(
    labels: Labels,
    since: number | undefined,
    onOpen: () => void,
    signal: AbortSignal,
  ): AsyncIterable<RuntimeEvent>;
  logs(id: string, options: LogOptions, signal: AbortSignal): AsyncIterable<OutputFrame>;
  exec(id: string, options: ExecOptions, signal: AbortSignal): Promise<ExecSession>;
  close(): void;
}
