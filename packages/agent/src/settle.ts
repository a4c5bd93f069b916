// What follows from what is known of a task, without touching the engine: whether it must end and why, which
// containers will never start, how far it has come. Pure. Applied after each observation and each
// operation, before the next step is chosen; applying it twice changes nothing.
// Source: ECS reference, sections 4.1, 4.2, 4.4.
import type { ContainerDefinition } from '@berth/model/generated/messages.ts';

import { startVerdict, type OrderingView } from './dependencies.ts';
import { effectiveContainers, isEssential } from './effective-containers.ts';
import {
  STAGE_RANK,
  type ContainerMemory,
  type StopDecision,
  type TaskMemory,
  type TaskStage,
} from './task-memory.ts';

export interface SettleInput {
  readonly now: number;
  /** Containers that an operation is working on. */
  readonly busy: ReadonlySet<string>;
  readonly runningForMs: ReadonlyMap<string, number>;
}

export function settle(memory: TaskMemory, input: SettleInput): TaskMemory {
  if (memory.stage === 'STOPPED') return memory;
  const decided = decideStop(memory, input);
  const resigned = decided.stop ? giveUpUnstarted(decided, input) : decided;
  return withTimes(withStage(resigned), input.now);
}

export function orderingView(
  memory: TaskMemory,
  runningForMs: ReadonlyMap<string, number>,
): OrderingView {
  const definitions = effectiveContainers(memory.definition, memory.task);
  return {
    definitions: new Map(definitions.map((definition) => [definition.name, definition])),
    containers: new Map(memory.containers.map((container) => [container.name, container])),
    runningForMs,
  };
}

/** Ordered to stop, with no request on its way to it any more. */
function stopOrdered(memory: TaskMemory): boolean {
  return memory.task.desiredStatus === 'STOPPED' && !memory.task.drainBeforeStop;
}

function decideStop(memory: TaskMemory, input: SettleInput): TaskMemory {
  if (memory.stop) return memory;
  const view = orderingView(memory, input.runningForMs);
  const stop =
    essentialStop(memory, view, input.now) ??
    orderedStop(memory, input.now) ??
    orderingStop(memory, view, input.now);
  return stop ? { ...memory, stop } : memory;
}

function orderedStop(memory: TaskMemory, now: number): StopDecision | undefined {
  if (!stopOrdered(memory)) return undefined;
  const { task } = memory;
  return {
    stopCode: task.stopCode ?? 'UserInitiated',
    reason: task.stoppedReason ?? 'Task stopped by user',
    at: now,
  };
}

/** Any essential container's end, also with code 0, ends the task. */
function essentialStop(
  memory: TaskMemory,
  view: OrderingView,
  now: number,
): StopDecision | undefined {
  for (const container of memory.containers) {
    const definition = view.definitions.get(container.name);
    if (!definition || !isEssential(definition) || container.phase !== 'STOPPED') continue;
    if (container.startedAt === undefined) {
      return {
        stopCode: 'TaskFailedToStart',
        reason: container.reason ?? 'Task failed to start',
        at: now,
      };
    }
    return {
      stopCode: 'EssentialContainerExited',
      reason: 'Essential container in task exited',
      at: now,
    };
  }
  return undefined;
}

/** A container whose dependency can never be met ends the task. */
function orderingStop(
  memory: TaskMemory,
  view: OrderingView,
  now: number,
): StopDecision | undefined {
  for (const container of memory.containers) {
    const reason = impossible(container, view);
    if (reason !== undefined) return { stopCode: 'TaskFailedToStart', reason, at: now };
  }
  return undefined;
}

function impossible(container: ContainerMemory, view: OrderingView): string | undefined {
  const definition: ContainerDefinition | undefined = view.definitions.get(container.name);
  if (!definition || container.phase === 'RUNNING' || container.phase === 'STOPPED') return;
  const verdict = startVerdict(definition, view);
  return verdict.kind === 'never' ? verdict.reason : undefined;
}

/** A task that ends starts nothing more. What is being worked on, or unclear, is awaited first. */
function giveUpUnstarted(memory: TaskMemory, { busy, now }: SettleInput): TaskMemory {
  const reason =
    memory.pullStartedAt === undefined
      ? 'TaskStoppedBeforePullBeginError: Task stopped before image pull could begin for task'
      : undefined;
  return {
    ...memory,
    containers: memory.containers.map((container) => {
      const started = container.phase === 'RUNNING' || container.phase === 'STOPPED';
      if (started || container.uncertain || busy.has(container.name)) return container;
      return {
        ...container,
        phase: 'STOPPED' as const,
        finishedAt: now,
        reason: container.reason ?? reason,
      };
    }),
  };
}

function withStage(memory: TaskMemory): TaskMemory {
  const stage = stageOf(memory);
  return STAGE_RANK[stage] > STAGE_RANK[memory.stage] ? { ...memory, stage } : memory;
}

function stageOf({ containers, stop }: TaskMemory): TaskStage {
  if (containers.every(({ phase }) => phase === 'STOPPED')) return 'STOPPED';
  if (stop) return 'STOPPING';
  const steady = containers.every(({ phase }) => phase === 'RUNNING' || phase === 'STOPPED');
  return steady ? 'RUNNING' : 'PENDING';
}

function withTimes(memory: TaskMemory, now: number): TaskMemory {
  const { stage, stop } = memory;
  let result = memory;
  if (stage === 'RUNNING' && memory.startedAt === undefined) {
    result = { ...result, startedAt: now };
  }
  if (stop && memory.executionStoppedAt === undefined) {
    const ends = memory.containers.flatMap((container) =>
      container.startedAt !== undefined && container.finishedAt !== undefined
        ? [container.finishedAt]
        : [],
    );
    if (ends.length > 0) result = { ...result, executionStoppedAt: Math.min(...ends) };
  }
  if (stage === 'STOPPED' && memory.stoppedAt === undefined) {
    result = { ...result, stoppedAt: now };
  }
  return result;
}
