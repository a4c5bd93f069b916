// Puts an agent together and runs it. The agent's end never ends a container, unless it was told so.
import { readFile } from 'node:fs/promises';

import { childScope } from '@berth/control/scope.ts';
import { BerthError, messageChain } from '@berth/model/errors.ts';
import type { AgentHello, Attribute } from '@berth/model/generated/messages.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';

import { EngineWatch } from './engine-watch.ts';
import { hostLabels } from './labels.ts';
import { LocalState } from './local-state.ts';
import { agentGauges, agentMetrics } from './metrics.ts';
import { portInUse } from './port-probe.ts';
import { Ports, type PortRange } from './ports.ts';
import { Reporter } from './reporter.ts';
import { hostAttributes, hostResources } from './resources.ts';
import { dockerRuntime } from './runtime/docker.ts';
import { createImages } from './runtime/images.ts';
import type { EngineDescription, Runtime } from './runtime/runtime.ts';
import { Semaphore } from './semaphore.ts';
import { Session } from './session.ts';
import { Streams } from './streams.ts';
import type { Workshop } from './task-operations.ts';
import { Tasks } from './tasks.ts';

export interface AgentOptions {
  /** HOST:PORT of api replicas. */
  readonly api: readonly string[];
  /** Vouches for the host by its id: URI berth://host/ID. */
  readonly tls: TlsIdentity;
  readonly cluster: string;
  /** For people; by default the machine's own. */
  readonly name: string;
  /** Where proxies reach this host's ports. */
  readonly address: string;
  readonly dataDirectory: string;
  /** unix://PATH or tcp://HOST:PORT of the Docker Engine. */
  readonly dockerHost: string;
  readonly portRange: PortRange;
  readonly attributes: readonly Attribute[];
  /** At its end the agent stops and removes all of its tasks' containers. */
  readonly stopTasksOnExit: boolean;
  /** MiB that placement may not use; default 0. */
  readonly reservedMemoryMiB?: number;
}

export const AGENT_VERSION = '0.1.0';
const MAX_STARTS = 4;
const MAX_STOPS = 32;
/** How long the start waits for the first session before it goes on without one. */
const FIRST_SESSION_LIMIT_MS = 10_000;
const FIRST_SESSION_POLL_MS = 50;

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
): Promise<Role & { readonly hostId: string }> {
  const { clock, random, metrics: registry } = surroundings;
  const state = new LocalState(options.dataDirectory);
  const hostId = await state.hostId();
  const logger = surroundings.logger.child({ component: 'agent', hostId });
  const metrics = agentMetrics(registry);
  const runtime = dockerRuntime({
    dockerHost: options.dockerHost,
    clock,
    observe: metrics.dockerCall,
  });
  const root = childScope();
  const engine = await engineOrFail(runtime, options.dockerHost, root.signal);
  const workshop = await createWorkshop(
    options,
    surroundings,
    runtime,
    state,
    hostId,
    metrics.pull,
  );
  const reporter = new Reporter(clock);
  const tasks = new Tasks({ workshop, state, reporter, logger });
  await tasks.restore(root.signal);
  const labels = hostLabels(options.cluster, hostId);
  const watch = new EngineWatch({
    runtime,
    labels,
    clock,
    random,
    logger,
    onEvent: (event) => {
      tasks.onEvent(event);
    },
    onList: (summaries) => {
      tasks.onList(summaries);
    },
  });
  const streams = new Streams({
    source: { runtime, clock, memoryOf: (taskId) => tasks.memoryOf(taskId) },
    clock,
    logger,
    onStream: metrics.stream,
  });
  const identity = await helloOf(options, hostId, engine);
  const session = new Session({
    api: options.api,
    tls: options.tls,
    hello: () => identity,
    reporter,
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
  agentGauges(registry, {
    tasks: () => tasks.count(),
    heldPorts: () => workshop.ports.heldCount,
    sessionUp: () => session.connectedTo !== undefined,
    sessions: () => session.sessions,
    engineUp: () => watch.trouble === undefined,
  });
  const sessionScope = childScope(root.signal);
  const watching = watch.run(root.signal);
  const talking = session.run(sessionScope.signal);
  await firstSession(session, surroundings, root.signal);

  return {
    name: 'agent',
    hostId,
    unready: () =>
      watch.trouble ??
      (session.connectedTo === undefined
        ? `no session with the control plane at ${options.api.join(', ')}`
        : undefined),
    failed: new Promise<never>(() => undefined),
    async stop(graceMs) {
      const started = clock.monotonic();
      if (options.stopTasksOnExit) {
        await tasks.stopAll(graceMs, root.signal);
        const left = Math.max(0, graceMs - (clock.monotonic() - started));
        const said = reporter.flushed().then(() => session.finish());
        await within(left, Promise.race([said, talking]), surroundings);
      }
      sessionScope.abort(new BerthError('Cancelled', 'The agent ends'));
      await tasks.close();
      root.abort(new BerthError('Cancelled', 'The agent ends'));
      await Promise.all([watching, talking]);
      runtime.close();
    },
  };
}

async function engineOrFail(
  runtime: Runtime,
  dockerHost: string,
  signal: AbortSignal,
): Promise<EngineDescription> {
  try {
    return await runtime.describe(signal);
  } catch (error) {
    runtime.close();
    if (error instanceof BerthError) throw error;
    throw new BerthError(
      'Unavailable',
      `The agent needs a Docker Engine, and the one at ${dockerHost} does not answer; start it or name another with DOCKER_HOST`,
      { cause: error },
    );
  }
}

async function createWorkshop(
  options: AgentOptions,
  { clock, logger }: Surroundings,
  runtime: Runtime,
  state: LocalState,
  hostId: string,
  onPull: (outcome: 'ok' | 'failed') => void,
): Promise<Workshop> {
  const ports = new Ports({
    range: options.portRange,
    clock,
    inUse: portInUse,
    used: await state.usedPorts(),
  });
  return {
    runtime,
    ports,
    clock,
    images: createImages(runtime, onPull),
    host: { id: hostId, cluster: options.cluster, address: options.address },
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

async function helloOf(
  options: AgentOptions,
  hostId: string,
  engine: EngineDescription,
): Promise<Omit<AgentHello, 'tasks'>> {
  return {
    hostId,
    cluster: options.cluster,
    name: options.name,
    address: options.address,
    bootId: await bootId(),
    agentVersion: AGENT_VERSION,
    engineVersion: engine.version,
    resources: hostResources(engine, options.reservedMemoryMiB ?? 0),
    attributes: hostAttributes(engine, options.attributes),
  };
}

/** Differs after each boot of the machine; empty where the kernel does not say. */
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
