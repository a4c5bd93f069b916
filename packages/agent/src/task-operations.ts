// Carries out one step of one container against the engine. Says what became of it by changing the
// container's memory through its context; decides nothing that `transition-policy.ts` could decide.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { Semaphore } from '@berth/control/semaphore.ts';
import type { ContainerDefinition, PortMapping } from '@berth/model/generated/messages.ts';
import { gpuIdsOf } from '@berth/model/resources/gpus.ts';

import { effectiveContainers } from './effective-containers.ts';
import { needsPin, pinnedName, type ImagePins } from './image-pins.ts';
import { taskLabels } from './labels.ts';
import type { Step } from './next-step.ts';
import type { Ports } from './ports.ts';
import { containerSpec, type HostFacts } from './runtime/container-spec.ts';
import type { Images } from './runtime/images.ts';
import { RuntimeError, type Runtime } from './runtime/runtime.ts';
import { neededVolumes } from './runtime/volumes.ts';
import { newestOf, observed, type ContainerMemory, type TaskMemory } from './task-memory.ts';
import { decide, retryDelayMs, type Decision, type DriverStep } from './transition-policy.ts';

export type DriverOperation = Extract<Step, { container: string }>;

/** What all tasks of a host share. */
export interface Workshop {
  readonly runtime: Runtime;
  readonly images: Images;
  readonly pins: Pick<ImagePins, 'pinOf'>;
  readonly ports: Ports;
  readonly host: HostFacts;
  readonly clock: Clock;
  /** Creates and starts at a time. */
  readonly starts: Semaphore;
  /** Stops at a time. */
  readonly stops: Semaphore;
  saveUsedPorts(): Promise<void>;
}

/** One operation's view of its task. */
export interface OperationContext {
  readonly logger: Logger;
  readonly memory: () => TaskMemory;
  readonly container: () => ContainerMemory;
  /** Change the container's memory. */
  readonly commit: (change: Partial<ContainerMemory>) => void;
  /** Resolves when all that was committed is on disk. */
  readonly save: () => Promise<void>;
  /** What a pending task waits for, for people. */
  readonly waitFor: (what: 'PORTS' | undefined) => void;
  /** Count a failure of a step. @returns how many since it last succeeded */
  readonly countFailure: (step: DriverStep) => number;
  readonly countSuccess: (step: DriverStep) => void;
  /** Aborted when the agent ends: containers stay as they are. */
  readonly signal: AbortSignal;
  /** Aborted when the task is to stop, or the agent ends: for what need not be finished. */
  readonly stopping: AbortSignal;
}

const PORT_WAIT_MS = 1_000;

/** Never throws: a failure is dealt with here, waits before the next try included. */
export async function perform(
  step: DriverOperation,
  workshop: Workshop,
  context: OperationContext,
): Promise<void> {
  const at: { step: DriverStep } = { step: step.kind };
  try {
    await act(step, workshop, context, at);
    context.countSuccess(step.kind);
  } catch (error) {
    if (context.signal.aborted) return;
    if (context.stopping.aborted && isCancelled(error, context.stopping)) return;
    await recover(at.step, error, workshop, context);
  }
}

async function act(
  step: DriverOperation,
  workshop: Workshop,
  context: OperationContext,
  at: { step: DriverStep },
): Promise<void> {
  const { runtime, clock } = workshop;
  switch (step.kind) {
    case 'pull': {
      await pull(workshop, context);
      return;
    }
    case 'create':
      await create(workshop, context, at);
      return;
    case 'start': {
      const { signal } = context;
      await inTurn(workshop.starts, context, () => runtime.start(idOf(context), signal));
      context.commit({ phase: 'RUNNING', startedAt: clock.now(), uncertain: false });
      return;
    }
    case 'stop': {
      const { signal } = context;
      await workshop.stops.run(signal, () =>
        runtime.stop(idOf(context), step.timeoutSeconds, signal),
      );
      return;
    }
    case 'look':
      await look(workshop, context);
  }
}

/** By the digest that the service revision is pinned to, where it is. */
async function pull({ pins, images }: Workshop, context: OperationContext): Promise<void> {
  const { stopping } = context;
  const { task, imagePins = [] } = context.memory();
  const container = definitionOf(context);
  const { image } = container;
  if (!needsPin(task, container)) {
    const { digest } = await images.ensure(image, stopping);
    context.commit({ phase: 'PULLED', imageDigest: digest });
    return;
  }
  const known = imagePins.find((each) => each.image === image);
  const pin = known ?? (await pins.pinOf(task, image, stopping));
  const name = pinnedName(image, pin);
  const { digest } = await images.ensure(name, stopping);
  const pinnedImage = name === image ? undefined : name;
  context.commit({ phase: 'PULLED', imageDigest: pin.digest ?? digest, pinnedImage });
}

/** Ports first, recorded before the engine hears of them; then volumes; then the container. */
async function create(
  workshop: Workshop,
  context: OperationContext,
  at: { step: DriverStep },
): Promise<void> {
  const { runtime, host } = workshop;
  const { task, definition } = context.memory();
  const defined = definitionOf(context);
  const container = { ...defined, image: context.container().pinnedImage ?? defined.image };
  checkGpus(workshop, context);
  const bindings = await reservePorts(workshop, context, container);
  // The same number as long as no container of it is known: a create that was thought lost then meets itself.
  const attempt = Math.max(1, context.container().attempt);
  context.commit({ bindings, attempt, uncertain: true });
  await Promise.all([context.save(), workshop.saveUsedPorts()]);
  at.step = 'volume';
  await ensureVolumes(workshop, context);
  at.step = 'create';
  const spec = containerSpec({ task, definition, container, bindings, host, attempt });
  const runtimeId = await inTurn(workshop.starts, context, () =>
    runtime.create(spec, context.signal),
  );
  context.commit({ runtimeId, phase: 'CREATED', uncertain: false });
}

/** @throws RuntimeError invalid where a GPU was taken from the host since the task was placed */
function checkGpus({ host }: Workshop, context: OperationContext): void {
  const { task, definition } = context.memory();
  for (const id of gpuIdsOf(task, definition, context.container().name)) {
    if (host.gpus.has(id)) continue;
    throw new RuntimeError('invalid', 'create', `GPU ${id} is not on this host any more`);
  }
}

async function reservePorts(
  { ports, clock }: Workshop,
  context: OperationContext,
  container: ContainerDefinition,
): Promise<ContainerMemory['bindings']> {
  const { task, definition } = context.memory();
  const mappings = networkMappings(container, definition.networkMode);
  const own = context.container().bindings;
  if (mappings.length === 0 || own.length > 0) return own;
  for (;;) {
    const hostNetwork = definition.networkMode === 'host';
    const allocation = await ports.allocate(task.id, mappings, hostNetwork);
    if (allocation.kind === 'allocated') {
      context.waitFor(undefined);
      return allocation.bindings;
    }
    context.waitFor('PORTS');
    context.logger.debug({ allocation }, 'a container waits for a host port');
    await clock.sleep(PORT_WAIT_MS, context.stopping);
  }
}

function networkMappings(
  container: ContainerDefinition,
  networkMode: string | undefined,
): readonly PortMapping[] {
  return networkMode === 'none' || container.disableNetworking === true
    ? []
    : container.portMappings;
}

async function ensureVolumes(
  { runtime, host }: Workshop,
  context: OperationContext,
): Promise<void> {
  const { task, definition } = context.memory();
  const { name } = context.container();
  for (const { spec, create: mayCreate } of neededVolumes(definition, task, name, host.id)) {
    if (mayCreate) await runtime.createVolume(spec, context.signal);
    else if (!(await runtime.findVolume(spec.name, context.signal))) {
      const words = `Volume ${spec.name} does not exist and autoprovision is not set`;
      throw new RuntimeError('invalid', 'find-volume', words);
    }
  }
}

/** What became of an operation whose end nobody saw? */
async function look({ runtime, host, clock }: Workshop, context: OperationContext): Promise<void> {
  const { task } = context.memory();
  const container = context.container();
  let id = container.runtimeId;
  if (id === undefined) {
    const labels = taskLabels(task.cluster, host.id, task.id);
    id = newestOf(await runtime.list(labels, context.signal), container.name)?.id;
  }
  const facts = id === undefined ? undefined : await runtime.inspect(id, context.signal);
  context.commit(observed(container, facts, clock.now()));
}

async function recover(
  step: DriverStep,
  error: unknown,
  workshop: Workshop,
  context: OperationContext,
): Promise<void> {
  const failure = asRuntimeError(step, error);
  const failures = context.countFailure(step);
  const { name, bindings } = context.container();
  const decision = decide({
    step,
    error: failure,
    failures,
    dynamicPorts: hasDynamicPorts(context),
    subject: step === 'pull' ? imageOf(context) : name,
  });
  context.logger.warn(
    { container: name, step, failures, decision: decision.kind, err: failure, bindings },
    'an operation on a container failed',
  );
  await carryOut(decision, step, workshop, context);
}

async function carryOut(
  decision: Decision,
  step: DriverStep,
  workshop: Workshop,
  context: OperationContext,
): Promise<void> {
  const { clock } = workshop;
  switch (decision.kind) {
    case 'retry':
      context.commit({ uncertain: decision.uncertain });
      await pause(workshop, decision.afterMs, mustGoOn(step) ? context.signal : context.stopping);
      return;
    case 'another-name':
      context.commit({ attempt: context.container().attempt + 1, uncertain: true });
      return;
    case 'another-port':
      await changePorts(workshop, context);
      return;
    case 'pull-again':
      context.commit({ phase: 'NONE', uncertain: false });
      return;
    case 'failed':
      if (decision.uncertain) await putAnEnd(workshop, context);
      if (context.signal.aborted) return;
      context.commit({
        phase: 'STOPPED',
        uncertain: false,
        finishedAt: clock.now(),
        reason: context.container().reason ?? decision.reason,
      });
  }
}

/** The failed container goes, its ports rest, and the next attempt begins. Killed in between, it begins here again. */
async function changePorts(workshop: Workshop, context: OperationContext): Promise<void> {
  const { task } = context.memory();
  const { runtimeId, bindings, attempt } = context.container();
  context.commit({
    phase: 'PULLED',
    runtimeId: undefined,
    bindings: [],
    attempt: attempt + 1,
    uncertain: false,
  });
  workshop.ports.releaseTaken(task.id, bindings);
  if (runtimeId === undefined) return;
  try {
    await workshop.runtime.remove(runtimeId, context.signal);
  } catch (error) {
    context.logger.warn({ err: error, runtimeId }, 'a container that failed to start stays behind');
  }
}

/** It was given up, yet it may exist and run: find out, however long that takes, and stop it. */
async function putAnEnd(workshop: Workshop, context: OperationContext): Promise<void> {
  for (let failures = 1; !context.signal.aborted; failures += 1) {
    try {
      await look(workshop, context);
      const { phase, runtimeId } = context.container();
      if (phase === 'RUNNING' && runtimeId !== undefined) {
        await workshop.runtime.stop(runtimeId, 0, context.signal);
      }
      return;
    } catch (error) {
      context.logger.warn({ err: error, failures }, 'the fate of a container is unknown');
      await pause(workshop, retryDelayMs(failures), context.signal);
    }
  }
}

/** What a task that is to stop needs all the same. */
function mustGoOn(step: DriverStep): boolean {
  return step === 'stop' || step === 'look';
}

/** Waits; ends early, without a word, when the signal is aborted. */
async function pause({ clock }: Workshop, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch {
    // whoever aborted it knows
  }
}

/** The place in the queue is given up when the task is to stop; what has begun is finished. */
async function inTurn<T>(
  semaphore: Semaphore,
  context: OperationContext,
  work: () => Promise<T>,
): Promise<T> {
  return await semaphore.run(context.stopping, work);
}

function hasDynamicPorts(context: OperationContext): boolean {
  const { definition } = context.memory();
  if (definition.networkMode === 'host' || definition.networkMode === 'none') return false;
  return definitionOf(context).portMappings.some((mapping) => (mapping.hostPort ?? 0) === 0);
}

function definitionOf(context: OperationContext): ContainerDefinition {
  const { definition, task } = context.memory();
  const { name } = context.container();
  const found = effectiveContainers(definition, task).find((container) => container.name === name);
  if (!found) throw new Error(`task ${task.id} has no container ${name}`);
  return found;
}

function imageOf(context: OperationContext): string {
  return definitionOf(context).image;
}

function idOf(context: OperationContext): string {
  const { runtimeId, name } = context.container();
  if (runtimeId === undefined) throw new Error(`container ${name} has no engine id`);
  return runtimeId;
}

function asRuntimeError(step: DriverStep, error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const operation = step === 'volume' ? 'create-volume' : step === 'look' ? 'inspect' : step;
  return new RuntimeError('engine', operation, 'The agent itself failed', error);
}

function isCancelled(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof RuntimeError && error.kind === 'cancelled');
}
