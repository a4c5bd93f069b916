// Families of task definitions, and the end of revisions. Source: ECS reference, section 2.3.
import type {
  DeleteTaskDefinitionsRequest,
  DeleteTaskDefinitionsResponse,
  Failure,
  ListTaskDefinitionFamiliesRequest,
  ListTaskDefinitionFamiliesResponse,
  TaskDefinitionRecord,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { parseEcsReference } from '@berth/model/resources/reference.ts';
import { definitionName, parseDefinitionName } from '@berth/model/resources/task-definition.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { taskDefinitionView } from '../../views/task-definition-view.ts';
import type { OperationContext } from '../deps.ts';
import { findDefinition, invalid } from '../resolve.ts';
import { replace, write } from '../write.ts';

const MOST = 10;

/** By name. An ACTIVE family has an ACTIVE revision; an INACTIVE one has revisions, and none of them is ACTIVE. */
export function listTaskDefinitionFamilies(
  on: OperationContext,
  request: ListTaskDefinitionFamiliesRequest,
): ListTaskDefinitionFamiliesResponse {
  const prefix = request.familyPrefix ?? '';
  const status = request.status || 'ALL';
  new Checker('InvalidParameterException').word('status', status, ['ACTIVE', 'INACTIVE', 'ALL']);
  const families = Array.from(
    on.cache.list(collections.taskDefinitionFamilies),
    ({ value }) => value.family,
  ).filter((family) => {
    if (!family.startsWith(prefix)) return false;
    const found = statusOf(on.cache, family);
    return found !== undefined && (status === 'ALL' || found === status);
  });
  const page = pageOf(families, (family) => family, {
    question: ['ListTaskDefinitionFamilies', prefix, status],
    nextToken: request.nextToken,
    maxResults: request.maxResults,
    defaultResults: 100,
  });
  return { families: page.items, nextToken: page.nextToken };
}

function statusOf(state: State, family: string): 'ACTIVE' | 'INACTIVE' | undefined {
  let found: 'INACTIVE' | undefined;
  for (const { value } of state.list(collections.taskDefinitions, family)) {
    if (value.status === 'ACTIVE') return 'ACTIVE';
    found = 'INACTIVE';
  }
  return found;
}

/** INACTIVE revisions begin to be deleted; they go when nothing refers to them any more. The others are failures. */
export async function deleteTaskDefinitions(
  on: OperationContext,
  { taskDefinitions: asked }: DeleteTaskDefinitionsRequest,
  { signal }: CallContext,
): Promise<DeleteTaskDefinitionsResponse> {
  if (asked.length === 0) throw invalid(`taskDefinitions is empty; expected 1 to ${MOST}.`);
  new Checker('InvalidParameterException').atMost(
    'taskDefinitions',
    asked.length,
    MOST,
    'revisions',
  );
  return write(on, { signal, attempted: 'delete task definitions' }, (state) => {
    const records: TaskDefinitionRecord[] = [];
    const changes: ReturnType<typeof replace>[] = [];
    const failures: Failure[] = [];
    for (const text of new Set(asked)) {
      const found = deletable(on, state, text);
      if ('reason' in found) failures.push(found);
      else if (found.value.status === 'DELETE_IN_PROGRESS') records.push(found.value);
      else {
        const record: TaskDefinitionRecord = {
          ...found.value,
          status: 'DELETE_IN_PROGRESS',
          deleteRequestedAt: on.clock.now(),
        };
        records.push(record);
        changes.push(replace(collections.taskDefinitions, found, record));
      }
    }
    return {
      guards: changes.map(({ guard }) => guard),
      puts: changes.map(({ put }) => put),
      result: () => ({
        taskDefinitions: records.map((record) => taskDefinitionView(on.realm, record)),
        failures,
      }),
    };
  });
}

function deletable(
  on: OperationContext,
  state: State,
  text: string,
): Stored<TaskDefinitionRecord> | Failure {
  const name = parseEcsReference(on.realm, 'task-definition', text)?.name ?? text;
  const failure = (reason: string): Failure => ({
    arn: text.startsWith('arn:') ? text : arn.taskDefinition(on.realm, text),
    reason,
  });
  if (parseDefinitionName(name)?.revision === undefined) return failure('Revision is missing.');
  const found = findDefinition({ state, realm: on.realm }, text);
  if (!found) {
    return failure(
      'The specified task definition does not exist. Specify a valid account, family, revision and try again.',
    );
  }
  if (found.value.status !== 'ACTIVE') return found;
  return {
    arn: arn.taskDefinition(on.realm, definitionName(found.value)),
    reason:
      'The specified task definition is still in ACTIVE status. Please deregister the target and try again.',
  };
}
