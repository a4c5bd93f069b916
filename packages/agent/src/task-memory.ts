// What the agent knows of one task. One owner, its task loop, replaces it; `local-state.ts` keeps it on
// disk, so that an agent that is killed between any two lines goes on where it was. Plain data and pure
// functions; container phases move forward only.
import type {
  AssignedTask,
  ImagePin,
  NetworkBinding,
  TaskDefinitionRecord,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';

import { LABEL } from './labels.ts';
import type { ContainerFacts, ContainerSummary, Health } from './runtime/runtime.ts';

/** What is known of a container. STOPPED covers one that will never be started. */
export type ContainerPhase = 'NONE' | 'PULLED' | 'CREATED' | 'RUNNING' | 'STOPPED';

export const PHASE_RANK: Readonly<Record<ContainerPhase, number>> = {
  NONE: 0,
  PULLED: 1,
  CREATED: 2,
  RUNNING: 3,
  STOPPED: 4,
};

export interface ContainerMemory {
  readonly name: string;
  readonly phase: ContainerPhase;
  /** Which creation this is, from 1; part of the engine's name for it. */
  readonly attempt: number;
  /** A create or start was begun and how it ended is not known: look before acting. */
  readonly uncertain: boolean;
  readonly runtimeId?: string | undefined;
  readonly imageDigest?: string | undefined;
  /** What it is pulled and created by, where that is not the name in its definition. */
  readonly pinnedImage?: string | undefined;
  readonly bindings: readonly NetworkBinding[];
  readonly startedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
  readonly exitCode?: number | undefined;
  readonly reason?: string | undefined;
  readonly health: Health;
  readonly healthOutput?: string | undefined;
}

/** Why a task ends. The first reason stays. */
export interface StopDecision {
  readonly stopCode: string;
  readonly reason: string;
  readonly at: number;
}

export type TaskStage = 'PENDING' | 'RUNNING' | 'STOPPING' | 'STOPPED';

export const STAGE_RANK: Readonly<Record<TaskStage, number>> = {
  PENDING: 0,
  RUNNING: 1,
  STOPPING: 2,
  STOPPED: 3,
};

export interface TaskMemory {
  readonly task: TaskRecord;
  readonly definition: TaskDefinitionRecord;
  /** In the order of the definition. */
  readonly containers: readonly ContainerMemory[];
  readonly stage: TaskStage;
  readonly stop?: StopDecision | undefined;
  readonly pullStartedAt?: number | undefined;
  readonly pullStoppedAt?: number | undefined;
  readonly startedAt?: number | undefined;
  readonly executionStoppedAt?: number | undefined;
  readonly stoppedAt?: number | undefined;
  /** Of the newest report. */
  readonly sequence: number;
  /** Images whose digests are known without asking. */
  readonly imagePins?: readonly ImagePin[] | undefined;
}

/** The memory of a task that this host hears of for the first time. */
export function freshMemory(task: TaskRecord, definition: TaskDefinitionRecord): TaskMemory {
  return {
    task,
    definition,
    containers: definition.containerDefinitions.map(({ name }) => freshContainer(name)),
    stage: 'PENDING',
    sequence: 0,
  };
}

function freshContainer(name: string): ContainerMemory {
  return { name, phase: 'NONE', attempt: 0, uncertain: false, bindings: [], health: 'UNKNOWN' };
}

/**
 * The memory of an assigned task of which neither memory nor container is left, from what the control plane has
 * stored: one that ran is gone and must not be started again; one that is pending has yet to be started.
 * @returns undefined when the assignment lacks its parts
 */
export function recalledMemory(assigned: AssignedTask, now: number): TaskMemory | undefined {
  const { task, taskDefinition, status } = assigned;
  if (!task || !taskDefinition) return undefined;
  const fresh = { ...freshMemory(task, taskDefinition), imagePins: assigned.imagePins };
  if (!status) return fresh;
  const known = { ...fresh, sequence: status.sequence };
  if (status.lastStatus === 'PENDING') return known;
  return stoppedMemory(known, status, now);
}

const LOST_REASON =
  'ContainerVanishedError: Neither the container nor any record of it is left on the host';

function stoppedMemory(memory: TaskMemory, status: TaskStatusRecord, now: number): TaskMemory {
  const ended = status.lastStatus === 'STOPPED';
  return {
    ...memory,
    stage: status.lastStatus,
    containers: memory.containers.map((container) => {
      const stored = status.containers.find(({ name }) => name === container.name);
      return {
        ...container,
        phase: 'STOPPED' as const,
        runtimeId: stored?.runtimeId,
        imageDigest: stored?.imageDigest,
        bindings: stored?.networkBindings ?? [],
        startedAt: status.startedAt,
        finishedAt: status.stoppedAt ?? now,
        exitCode: stored?.exitCode,
        reason: stored?.reason ?? (ended ? undefined : LOST_REASON),
        health: stored?.healthStatus ?? 'UNKNOWN',
      };
    }),
    stop: ended ? storedStop(status, now) : undefined,
    pullStartedAt: status.pullStartedAt,
    pullStoppedAt: status.pullStoppedAt,
    startedAt: status.startedAt,
    executionStoppedAt: status.executionStoppedAt,
    stoppedAt: ended ? (status.stoppedAt ?? now) : undefined,
  };
}

function storedStop(status: TaskStatusRecord, now: number): StopDecision {
  return {
    stopCode: status.stopCode ?? '',
    reason: status.stoppedReason ?? '',
    at: status.stoppedAt ?? now,
  };
}

/** Give each container of the memory the engine's container that bears its labels, the newest attempt first. */
export function adopt(memory: TaskMemory, found: readonly ContainerSummary[]): TaskMemory {
  return {
    ...memory,
    containers: memory.containers.map((container) => {
      if (container.phase === 'STOPPED') return container;
      const own = newestOf(found, container.name);
      if (!own) return container.runtimeId === undefined ? settled(container) : container;
      const rank = Math.max(PHASE_RANK[container.phase], PHASE_RANK.CREATED);
      return {
        ...container,
        runtimeId: own.id,
        attempt: Math.max(container.attempt, attemptOf(own)),
        uncertain: false,
        phase: rank === PHASE_RANK.RUNNING ? 'RUNNING' : 'CREATED',
      };
    }),
  };
}

/** A create that left no container behind did not happen. */
function settled(container: ContainerMemory): ContainerMemory {
  return container.uncertain ? { ...container, uncertain: false } : container;
}

export function newestOf(
  found: readonly ContainerSummary[],
  containerName: string,
): ContainerSummary | undefined {
  return found
    .filter(({ labels }) => labels[LABEL.container] === containerName)
    .sort((a, b) => attemptOf(b) - attemptOf(a))[0];
}

function attemptOf(summary: ContainerSummary): number {
  return Number(summary.labels[LABEL.attempt] ?? '0');
}

export function updateContainer(
  memory: TaskMemory,
  name: string,
  change: Partial<ContainerMemory>,
): TaskMemory {
  return {
    ...memory,
    containers: memory.containers.map((container) =>
      container.name === name ? { ...container, ...change } : container,
    ),
  };
}

export function containerNamed(memory: TaskMemory, name: string): ContainerMemory {
  const found = memory.containers.find((container) => container.name === name);
  if (!found) throw new Error(`task ${memory.task.id} has no container ${name}`);
  return found;
}

/**
 * What the engine said about a container, taken into memory.
 * @param facts undefined when the engine knows no such container
 */
export function observed(
  container: ContainerMemory,
  facts: ContainerFacts | undefined,
  now: number,
): ContainerMemory {
  if (container.phase === 'STOPPED') return container;
  if (!facts) return vanished(container, now);
  const seen = { ...container, runtimeId: facts.id, uncertain: false };
  if (facts.state === 'created') {
    return { ...seen, phase: container.phase === 'RUNNING' ? 'RUNNING' : 'CREATED' };
  }
  const bindings = facts.bindings.length > 0 ? facts.bindings : container.bindings;
  const started = {
    ...seen,
    bindings,
    startedAt: facts.startedAt ?? container.startedAt ?? now,
    health: facts.health,
    healthOutput: facts.healthOutput,
  };
  if (facts.state === 'running') return { ...started, phase: 'RUNNING' };
  return {
    ...started,
    phase: 'STOPPED',
    exitCode: facts.exitCode,
    finishedAt: facts.finishedAt ?? now,
    reason: container.reason ?? exitReason(facts),
  };
}

/** Any process's death for memory sets the flag; only with 137 was it the container's end. */
function exitReason(facts: ContainerFacts): string | undefined {
  if (facts.oomKilled && facts.exitCode === 137) {
    return 'OutOfMemoryError: Container killed due to memory usage';
  }
  return facts.error;
}

function vanished(container: ContainerMemory, now: number): ContainerMemory {
  if (container.runtimeId === undefined) return settled(container);
  return {
    ...container,
    phase: 'STOPPED',
    uncertain: false,
    finishedAt: now,
    reason:
      container.reason ??
      `ContainerVanishedError: Container ${container.name} was removed from the host by something other than Berth`,
  };
}
