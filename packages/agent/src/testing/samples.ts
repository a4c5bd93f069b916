// Task definitions, tasks and memories for tests, with everything filled in that a test does not care about.
import type {
  ContainerDefinition,
  TaskDefinitionRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';

import { freshMemory, type TaskMemory } from '../task-memory.ts';

export const HOST_ID = 'ab'.repeat(16);
export const TASK_ID = '0123456789abcdef0123456789abcdef';

export function sampleContainer(partial: Input<ContainerDefinition>): ContainerDefinition {
  return complete('ContainerDefinition', { image: 'busybox', ...partial });
}

export function sampleDefinition(
  containers: readonly Input<ContainerDefinition>[],
  partial: Input<TaskDefinitionRecord> = {},
): TaskDefinitionRecord {
  return complete('TaskDefinitionRecord', {
    family: 'web',
    revision: 3,
    status: 'ACTIVE',
    ...partial,
    containerDefinitions: containers.map(sampleContainer),
  });
}

export function sampleTask(partial: Input<TaskRecord> = {}): TaskRecord {
  return complete('TaskRecord', {
    id: TASK_ID,
    cluster: 'default',
    hostId: HOST_ID,
    taskDefinition: 'web:3',
    group: 'service:web',
    desiredStatus: 'RUNNING',
    epoch: 7,
    ...partial,
  });
}

export function sampleMemory(
  containers: readonly Input<ContainerDefinition>[],
  task: Input<TaskRecord> = {},
): TaskMemory {
  return freshMemory(sampleTask(task), sampleDefinition(containers));
}
