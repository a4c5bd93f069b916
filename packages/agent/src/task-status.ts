// What the agent reports of a task, from its memory. Pure. Inner phases become ECS's words here and only here.
// Source: ECS reference, sections 4.1 and 4.5.
import type { ContainerStatus, TaskStatusRecord } from '@berth/model/generated/messages.ts';

import { isEssential } from './effective-containers.ts';
import type { Health } from './runtime/runtime.ts';
import type { ContainerMemory, TaskMemory } from './task-memory.ts';

export type TaskPhase = NonNullable<TaskStatusRecord['phase']>;

const MAX_REASON_CHARACTERS = 1024;

/** @param phase what a pending task is busy with */
export function taskStatus(memory: TaskMemory, hostId: string, phase: TaskPhase): TaskStatusRecord {
  const { task, stage, stop } = memory;
  const images = new Map(memory.definition.containerDefinitions.map((c) => [c.name, c.image]));
  return {
    id: task.id,
    cluster: task.cluster,
    hostId,
    lastStatus: stage,
    ...(stage === 'PENDING' ? { phase } : {}),
    healthStatus: taskHealth(memory),
    containers: memory.containers.map((container) =>
      containerStatus(container, images.get(container.name) ?? ''),
    ),
    pullStartedAt: memory.pullStartedAt,
    pullStoppedAt: memory.pullStoppedAt,
    startedAt: memory.startedAt,
    executionStoppedAt: memory.executionStoppedAt,
    stoppedAt: memory.stoppedAt,
    stopCode: stop?.stopCode,
    stoppedReason: stop && truncated(stop.reason),
    sequence: memory.sequence,
  };
}

/** Over the essential containers: any UNHEALTHY, else any UNKNOWN, else HEALTHY. */
function taskHealth(memory: TaskMemory): Health {
  const essential = new Set(
    memory.definition.containerDefinitions.filter(isEssential).map(({ name }) => name),
  );
  const health = memory.containers
    .filter(({ name }) => essential.has(name))
    .map((container) => container.health);
  if (health.includes('UNHEALTHY')) return 'UNHEALTHY';
  return health.includes('UNKNOWN') || health.length === 0 ? 'UNKNOWN' : 'HEALTHY';
}

function containerStatus(container: ContainerMemory, image: string): ContainerStatus {
  const started = container.startedAt !== undefined;
  return {
    name: container.name,
    runtimeId: container.runtimeId,
    image,
    imageDigest: container.imageDigest,
    lastStatus: lastStatus(container),
    exitCode: started ? container.exitCode : undefined,
    reason: container.reason === undefined ? undefined : truncated(container.reason),
    healthStatus: container.health,
    healthOutput: container.healthOutput,
    networkBindings: started ? container.bindings : [],
  };
}

function lastStatus({ phase }: ContainerMemory): ContainerStatus['lastStatus'] {
  return phase === 'RUNNING' || phase === 'STOPPED' ? phase : 'PENDING';
}

function truncated(text: string): string {
  return text.length <= MAX_REASON_CHARACTERS ? text : text.slice(0, MAX_REASON_CHARACTERS);
}
