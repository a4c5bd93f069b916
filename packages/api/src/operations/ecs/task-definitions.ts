// Task definitions. Source: ECS reference, section 2.3.
import { BerthError } from '@berth/model/errors.ts';
import type {
  DeregisterTaskDefinitionRequest,
  DeregisterTaskDefinitionResponse,
  DescribeTaskDefinitionRequest,
  DescribeTaskDefinitionResponse,
  ListTaskDefinitionsRequest,
  ListTaskDefinitionsResponse,
  RegisterTaskDefinitionRequest,
  RegisterTaskDefinitionResponse,
  TaskDefinitionRecord,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { parseEcsReference } from '@berth/model/resources/reference.ts';
import { definitionName, parseDefinitionName } from '@berth/model/resources/task-definition.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import { acceptTaskDefinition } from '@berth/model/validation/task-definition.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';

import { taskDefinitionView } from '../../views/task-definition-view.ts';
import { type OperationContext, principalArn } from '../deps.ts';
import { included } from '../include.ts';
import { findDefinition } from '../resolve.ts';
import { replace, write } from '../write.ts';

/** Stores the next revision of the family. Numbers are handed out by the family's record and never used twice. */
export async function registerTaskDefinition(
  on: OperationContext,
  request: RegisterTaskDefinitionRequest,
  call: CallContext,
): Promise<RegisterTaskDefinitionResponse> {
  const content = acceptTaskDefinition(request);
  const { family } = content;
  const options = {
    signal: call.signal,
    attempted: `register a task definition of family ${family}`,
    turn: `task-definition-families/${family}`,
  };
  return write(on, options, (state) => {
    const counter = state.get(collections.taskDefinitionFamilies, family);
    const revision = (counter?.value.latestRevision ?? 0) + 1;
    const record: TaskDefinitionRecord = {
      ...content,
      revision,
      status: 'ACTIVE',
      registeredAt: on.clock.now(),
      registeredBy: principalArn(on.realm, call),
    };
    const parts = [family, String(revision)] as const;
    return {
      guards: [
        counter ? guardUnchanged(counter) : guardAbsent(collections.taskDefinitionFamilies, family),
        guardAbsent(collections.taskDefinitions, ...parts),
      ],
      puts: [
        putRecord(collections.taskDefinitionFamilies, [family], {
          family,
          latestRevision: revision,
        }),
        putRecord(collections.taskDefinitions, parts, record),
      ],
      result: () => ({
        taskDefinition: taskDefinitionView(on.realm, record),
        tags: record.tags,
      }),
    };
  });
}

/** A revision of any status; of a bare family the newest ACTIVE one. */
export function describeTaskDefinition(
  on: OperationContext,
  { taskDefinition, include }: DescribeTaskDefinitionRequest,
): DescribeTaskDefinitionResponse {
  const found = findDefinition({ state: on.cache, realm: on.realm }, taskDefinition);
  if (!found) {
    throw new BerthError(
      'ClientException',
      `Unable to describe task definition. (found none for "${taskDefinition}")`,
    );
  }
  const tags = included(include, ['TAGS']).has('TAGS') ? found.value.tags : [];
  return { taskDefinition: taskDefinitionView(on.realm, found.value), tags };
}

/** Makes a revision INACTIVE: services go on with it, nothing new may be made of it. */
export async function deregisterTaskDefinition(
  on: OperationContext,
  { taskDefinition }: DeregisterTaskDefinitionRequest,
  { signal }: CallContext,
): Promise<DeregisterTaskDefinitionResponse> {
  const reference = parseEcsReference(on.realm, 'task-definition', taskDefinition);
  const name = reference && parseDefinitionName(reference.name);
  if (name && name.revision === undefined) {
    throw new BerthError(
      'ClientException',
      `Revision is missing. (found "${taskDefinition}", expected family:revision)`,
    );
  }
  const attempted = `deregister task definition ${taskDefinition}`;
  return write(on, { signal, attempted }, (state) => {
    const found = findDefinition({ state, realm: on.realm }, taskDefinition);
    if (!found) {
      throw new BerthError(
        'ClientException',
        'The specified task definition does not exist. Specify a valid account, family, revision and try again. ' +
          `(task definition "${taskDefinition}")`,
      );
    }
    if (found.value.status !== 'ACTIVE') {
      return { result: () => ({ taskDefinition: taskDefinitionView(on.realm, found.value) }) };
    }
    const record: TaskDefinitionRecord = {
      ...found.value,
      status: 'INACTIVE',
      deregisteredAt: on.clock.now(),
    };
    const { guard, put } = replace(collections.taskDefinitions, found, record);
    return {
      guards: [guard],
      puts: [put],
      result: () => ({ taskDefinition: taskDefinitionView(on.realm, record) }),
    };
  });
}

/** By family, then by revision as a number. `familyPrefix` is a whole family's name, as in ECS. */
export function listTaskDefinitions(
  on: OperationContext,
  request: ListTaskDefinitionsRequest,
): ListTaskDefinitionsResponse {
  const family = request.familyPrefix || undefined;
  const status = request.status || 'ACTIVE';
  const known = family === undefined || parseDefinitionName(family)?.family === family;
  const within = family === undefined ? [] : [family];
  const records = known ? on.cache.list(collections.taskDefinitions, ...within) : [];
  const matching = Array.from(records, ({ value }) => value).filter(
    (record) => record.status === status,
  );
  const page = pageOf(matching, sortKey, {
    question: ['ListTaskDefinitions', family, status],
    nextToken: request.nextToken,
    maxResults: request.maxResults,
    defaultResults: 100,
    descending: request.sort === 'DESC',
  });
  return {
    taskDefinitionArns: page.items.map((record) =>
      arn.taskDefinition(on.realm, definitionName(record)),
    ),
    nextToken: page.nextToken,
  };
}

/** The separator sorts before every character of a family's name. */
function sortKey({ family, revision }: TaskDefinitionRecord): string {
  return `${family} ${String(revision).padStart(10, '0')}`;
}
