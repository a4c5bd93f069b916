// What an agent is told of its tasks, read from the view. Pure.
import type {
  AgentChanges,
  AssignedTask,
  TaskDefinitionRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { definitionOf } from '../views/definition.ts';
import { pinsOf, revisionOfTask } from '../views/image-pins.ts';

/** Every task that the host should know, stopped ones included until their record is deleted. */
export function assignedTasks(state: State, hostId: string): AssignedTask[] {
  return Array.from(state.tasksByHost(hostId), ({ value }) => assignedTask(state, value));
}

/** What has become of the tasks with these ids (their cluster's and their own). */
export function assignedChanges(
  state: State,
  hostId: string,
  changed: Iterable<readonly [cluster: string, taskId: string]>,
): AgentChanges {
  const tasks: AssignedTask[] = [];
  const removedTaskIds: string[] = [];
  for (const [cluster, taskId] of changed) {
    const task = state.get(collections.tasks, cluster, taskId)?.value;
    if (task?.hostId === hostId) tasks.push(assignedTask(state, task));
    else removedTaskIds.push(taskId);
  }
  return { tasks, removedTaskIds };
}

function assignedTask(state: State, task: TaskRecord): AssignedTask {
  return {
    task,
    taskDefinition: asAgentsKnow(definitionOf(state, task.taskDefinition)),
    status: state.get(collections.taskStatus, task.cluster, task.id)?.value,
    imagePins: [...pinsOf(state, task.cluster, revisionOfTask(state, task))],
  };
}

/** On a host a task of awsvpc is one of bridge whose host ports are picked. */
function asAgentsKnow(
  definition: TaskDefinitionRecord | undefined,
): TaskDefinitionRecord | undefined {
  if (definition?.networkMode !== 'awsvpc') return definition;
  const containerDefinitions = definition.containerDefinitions.map((container) => ({
    ...container,
    portMappings: container.portMappings.map((mapping) => ({ ...mapping, hostPort: 0 })),
  }));
  return { ...definition, networkMode: 'bridge', containerDefinitions };
}
