// Checks a request for tasks and prepares it for the planner.
import { BerthError } from '@berth/model/errors.ts';
import type {
  PlaceRequest,
  TaskDefinitionRecord,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { type Part, partsOf } from '@berth/model/placement/parts.ts';
import { parseDefinitionName } from '@berth/model/resources/task-definition.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

export const MAX_COUNT = 1000;

/** @throws BerthError InvalidParameterException that names the field, what was found and what was expected */
export function checkRequest(request: PlaceRequest): void {
  const { count, viewRevision } = request;
  for (const field of ['cluster', 'owner', 'group'] as const) {
    const value = request[field];
    if (value === '' || value.length > 255) {
      throw invalid(field, `${value.length} characters`, '1 to 255 characters');
    }
  }
  if (request.cluster.includes('/'))
    throw invalid('cluster', request.cluster, 'a name without "/"');
  if (count < 1 || count > MAX_COUNT) throw invalid('count', String(count), `1 to ${MAX_COUNT}`);
  if (viewRevision < 0) throw invalid('viewRevision', String(viewRevision), 'an etcd revision');
}

function invalid(field: string, found: string, expected: string): BerthError {
  return new BerthError(
    'InvalidParameterException',
    `The request for placement has a bad ${field}: found ${found}, expected ${expected}.`,
  );
}

/** @throws BerthError as `partsOf` of the model does */
export function partsIn(state: State, request: PlaceRequest): Part[] {
  return partsOf(request, {
    definition: definitionIn(state, request.taskDefinition),
    tasks: tasksOfService(state, request),
  });
}

function* tasksOfService(
  state: State,
  { cluster, service }: PlaceRequest,
): Generator<{ task: TaskRecord; status?: TaskStatusRecord | undefined }, void, undefined> {
  if (service === undefined) return;
  for (const { value: task } of state.tasksByService(cluster, service)) {
    yield { task, status: state.get(collections.taskStatus, cluster, task.id)?.value };
  }
}

function definitionIn(state: State, name: string): TaskDefinitionRecord | undefined {
  const { family, revision } = parseDefinitionName(name) ?? {};
  if (family === undefined || revision === undefined) return undefined;
  return state.get(collections.taskDefinitions, family, String(revision))?.value;
}
