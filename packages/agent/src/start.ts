// Puts an agent together and runs it. The agent's end never ends a container, unless it was told so.
import { readFile } from 'node:fs/promises';

import type { Clock } from '@berth/control/clock.ts';
import { childScope } from '@berth/control/scope.ts';
import type { Logger } from '@berth/control/logger.ts';
import { Semaphore } from '@berth/control/semaphore.ts';
import { BerthError, messageChain } from '@berth/model/errors.ts';
import type { AgentHello, Attribute } from '@berth/model/generated/messages.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';
import { grpcTransport, type Transport } from '@berth/rpc/transport.ts';

import { diskFiles, type Files } from './durable-file.ts';
import { EngineWatch } from './engine-watch.ts';
import { ImagePins } from './image-pins.ts';
import { ImageQuestions } from './image-questions.ts';
import { findGpus, type Gpus, type GpuSettings } from './gpus.ts';
import { hostLabels } from './labels.ts';
import { LocalState } from './local-state.ts';
import { agentGauges, agentMetrics, type AgentMetrics } from './metrics.ts';
import { portInUse } from './port-probe.ts';
import { Ports, type PortRange, type PortsOptions } from './ports.ts';
import { Reporter } from './reporter.ts';
import { hostAttributes, hostResources } from './resources.ts';
import { dockerRuntime } from './runtime/docker.ts';
import { createImages } from './runtime/images.ts';
import type { EngineDescription, Runtime } from './runtime/runtime.ts';
import { Session } from './session.ts';
import { Streams } from './streams.ts';
import type { Workshop } from './task-operations.ts';
import { Tasks } from './tasks.ts';

export interface AgentOptions {
  /** HOST:PORT of api replicas. */
  readonly api: readonly string[];
  /** Vouches for the host by its id (`agentHostId`): URI berth://host/ID. */
  readonly tls: TlsIdentity;
  readonly cluster: string;
  /** For people. */
  readonly name: string;
  /** Where proxies reach this host's ports. */
  readonly address: string;
  readonly dataDirectory: string;
  /** unix://PATH or tcp://HOST:PORT of the Docker Engine. */
  readonly dockerHost: string;
  /** Of host ports to give away; outside the kernel's ephemeral range. */
  readonly portRange: PortRange;
  readonly attributes: readonly Attribute[];
  /** At its end the agent stops and removes all of its tasks' containers. */
  readonly stopTasksOnExit: boolean;
  /** Default: none. */
  readonly gpus?: GpuSettings;
  /** MiB that placement may not use; default 0. */
  readonly reservedMemoryMiB?: number;
}

/** What the agent does to the world. */
export interface AgentIo extends Pick<Transport, 'connect'> {
  readonly files: Files;
  readonly portInUse: PortsOptions['inUse'];
  /** Differs after each boot of the machine; empty where nothing says so. */
  readonly bootId: () => Promise<string>;
  readonly runtime: (clock: Clock, observe: AgentMetrics['dockerCall']) => Runtime;
}

function machineIo({ dockerHost }: AgentOptions): AgentIo {
  return {
    files: diskFiles,
    portInUse,
    bootId,
    connect: grpcTransport.connect,
    runtime: (clock, observe) => dockerRuntime({ dockerHost, clock, observe }),
  };
}

const AGENT_VERSION = '0.1.0';
const MAX_STARTS = 4;
const MAX_STOPS = 32;
/** How long the start waits for the first session before it goes on without one. */
const FIRST_SESSION_LIMIT_MS = 10_000;
const FIRST_SESSION_POLL_MS = 50;

/** What the parts of one agent share. */
interface Parts {
  readonly io: AgentIo;
  readonly options: AgentOptions;
  readonly surroundings: Surroundings;
  readonly hostId: string;
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  readonly state: LocalState;
  readonly runtime: Runtime;
  readonly reporter: Reporter;
  readonly questions: ImageQuestions;
  readonly gpus: Gpus;
}

/**
 * This host's identity, drawn at the first call and kept in the agent's data directory: the name that its certificate has
 * to bear.
 */
export async function agentHostId(dataDirectory: string): Promise<string> {
  return await new LocalState(dataDirectory).hostId();
}

/**
 * Adopts what runs on this host and connects it to the cluster. Resolves when it is connected, or after 10 s without a
 * control plane: tasks that run are looked after all the same.
 * @throws BerthError Unavailable when the container engine does not answer
 */
export async function startAgent(
  options: AgentOptions,
  surroundings: Surroundings,
  io: AgentIo = machineIo(options),
): Promise<Role & { readonly hostId: string }> {
  const parts = await partsOf(options, surroundings, io);
  const { state, runtime, reporter, logger, hostId } = parts;
  const root = childScope();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined); // whoever holds the role hears of it
  try {
    const engine = await runtime.describe(root.signal);
    const workshop = await workshopOf(parts);
    const tasks = new Tasks({ workshop, state, reporter, logger, onBroken: broken.reject });
    await tasks.restore(root.signal);
    return await run(parts, { engine, workshop, tasks, root, failed: broken.promise });
  } catch (error) {
    root.abort();
    runtime.close();
    if (error instanceof BerthError) throw error;
    throw new BerthError(
      'Unavailable',
      `Host ${hostId} needs a Docker Engine, and the one at ${options.dockerHost} does not answer; start it or name another with DOCKER_HOST`,
      { cause: error },
    );
  }
}

interface Restored {
  readonly engine: EngineDescription;
  readonly workshop: Workshop;
  readonly tasks: Tasks;
  readonly root: ReturnType<typeof childScope>;
  readonly failed: Promise<never>;
}

async function run(
  parts: Parts,
  { engine, workshop, tasks, root, failed }: Restored,
): Promise<Role & { readonly hostId: string }> {
  const { options, surroundings, hostId, state, runtime } = parts;
  const watch = watchOf(parts, tasks);
  const session = await sessionOf(parts, engine, tasks);
  agentGauges(surroundings.metrics, {
    tasks: () => tasks.count(),
    heldPorts: () => workshop.ports.heldCount,
    sessionUp: () => session.connectedTo !== undefined,
    sessions: () => session.sessions,
    engineUp: () => watch.trouble === undefined,
  });
  const talk = childScope(root.signal);
  const watching = watch.run(root.signal);
  const talking = session.run(talk.signal);
  await firstSession(session, surroundings, root.signal);

  const unconnected = (): string | undefined =>
    session.connectedTo === undefined
      ? `no session with the control plane at ${options.api.join(', ')}`
      : undefined;
  return {
    name: 'agent',
    hostId,
    failed,
    unready: () => watch.trouble ?? state.trouble ?? unconnected(),
    async stop(graceMs) {
      if (options.stopTasksOnExit) {
        const started = surroundings.clock.monotonic();
        await tasks.stopAll(graceMs, root.signal);
        const left = graceMs - (surroundings.clock.monotonic() - started);
        const said = parts.reporter.flushed().then(() => session.finish());
        await within(left, Promise.race([said, talking]), surroundings);
      }
      const end = new BerthError('Cancelled', 'The agent ends');
      talk.abort(end);
      await tasks.close();
      root.abort(end);
      await Promise.all([watching, talking]);
      runtime.close();
    },
  };
}

async function partsOf(
  options: AgentOptions,
  surroundings: Surroundings,
  io: AgentIo,
): Promise<Parts> {
  const { clock } = surroundings;
  const state = new LocalState(options.dataDirectory, io.files);
  const hostId = await state.hostId();
  const metrics = agentMetrics(surroundings.metrics);
  const logger = surroundings.logger.child({ component: 'agent', hostId });
  return {
    io,
    options,
    surroundings,
    hostId,
    metrics,
    state,
    logger,
    runtime: io.runtime(clock, metrics.dockerCall),
    reporter: new Reporter(clock),
    questions: new ImageQuestions(),
    gpus: options.gpus
      ? await findGpus(options.gpus, logger)
      : new Map<string, readonly string[]>(),
  };
}

async function workshopOf(parts: Parts): Promise<Workshop> {
  const { options, hostId, state, runtime, logger, metrics } = parts;
  const { clock } = parts.surroundings;
  const images = createImages(runtime, metrics.pull);
  const used = await state.usedPorts();
  const ports = new Ports({ range: options.portRange, clock, inUse: parts.io.portInUse, used });
  return {
    runtime,
    ports,
    clock,
    images,
    pins: new ImagePins({ runtime, images, clock, questions: parts.questions }),
    host: { id: hostId, cluster: options.cluster, address: options.address, gpus: parts.gpus },
    starts: new Semaphore(MAX_STARTS),
    stops: new Semaphore(MAX_STOPS),
    async saveUsedPorts() {
      try {
        await state.saveUsedPorts(ports.used);
      } catch (error) {
        logger.warn({ err: messageChain(error) }, 'the order of used ports could not be written');
      }
    },
  };
}

function watchOf(
  { runtime, surroundings, options, hostId, logger }: Parts,
  tasks: Tasks,
): EngineWatch {
  const { clock, random } = surroundings;
  return new EngineWatch({
    runtime,
    clock,
    random,
    logger,
    labels: hostLabels(options.cluster, hostId),
    onEvent: (event) => {
      tasks.onEvent(event);
    },
    onList: (summaries) => {
      tasks.onList(summaries);
    },
  });
}

async function sessionOf(parts: Parts, engine: EngineDescription, tasks: Tasks): Promise<Session> {
  const { options, surroundings, runtime, reporter, questions, logger, metrics } = parts;
  const { clock, random } = surroundings;
  const streams = new Streams({
    source: { runtime, clock, memoryOf: (taskId) => tasks.memoryOf(taskId) },
    clock,
    logger,
    onStream: metrics.stream,
  });
  const identity = await helloOf(parts, engine);
  return new Session({
    api: options.api,
    tls: options.tls,
    connect: parts.io.connect,
    hello: () => identity,
    reporter,
    questions,
    clock,
    random,
    logger,
    orders: {
      welcome: (welcome) => {
        tasks.welcome(welcome);
      },
      changes: (changes) => {
        tasks.changes(changes);
      },
      stream: (order, agents, signal) => {
        streams.serve(order, agents, signal);
      },
    },
  });
}

async function helloOf(
  { io, options, hostId, gpus }: Parts,
  engine: EngineDescription,
): Promise<Omit<AgentHello, 'tasks'>> {
  return {
    hostId,
    cluster: options.cluster,
    name: options.name,
    address: options.address,
    bootId: await io.bootId(),
    agentVersion: AGENT_VERSION,
    engineVersion: engine.version,
    resources: hostResources(engine, options.reservedMemoryMiB ?? 0, gpus),
    attributes: hostAttributes(engine, options.attributes),
  };
}

async function bootId(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  } catch {
    return '';
  }
}

async function firstSession(
  session: Session,
  { clock }: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  const limit = clock.monotonic() + FIRST_SESSION_LIMIT_MS;
  while (session.connectedTo === undefined && clock.monotonic() < limit) {
    await clock.sleep(FIRST_SESSION_POLL_MS, signal);
  }
}

/** The promise's end, or that of the time. */
async function within(
  limitMs: number,
  work: Promise<unknown>,
  { clock }: Surroundings,
): Promise<void> {
  const scope = childScope();
  await Promise.race([work, clock.sleep(limitMs, scope.signal).catch(() => undefined)]);
  scope.abort();
}
