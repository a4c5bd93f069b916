// Scheduled actions of services. They are kept and shown; acting on them comes later. Source: Auto Scaling reference, sections 2 and 6.
import { BerthError } from '@berth/model/errors.ts';
import type {
  DeleteScheduledActionRequest,
  DeleteScheduledActionResponse,
  DescribeScheduledActionsRequest,
  DescribeScheduledActionsResponse,
  PutScheduledActionRequest,
  PutScheduledActionResponse,
  ScheduledAction,
  ScheduledActionRecord,
} from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { drawUuid } from '@berth/model/resources/ids.ts';
import { acceptScheduledAction } from '@berth/model/validation/scaling/scheduled-action.ts';
import { acceptKey } from '@berth/model/validation/scaling/target.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';

import type { OperationContext } from '../deps.ts';
import { touch, write } from '../write.ts';
import {
  acceptFilter,
  acceptNames,
  keyMembers,
  namePart,
  objectArn,
  pageOfList,
  requireTarget,
  resourceId,
  turnOf,
} from './find.ts';

const MOST_OF_A_TARGET = 200;
const MOST_ON_A_PAGE = 50;

/** Creates the action, or changes the one of its name: start and end are deleted when they are left out, the rest stays. */
export function putScheduledAction(
  on: OperationContext,
  request: PutScheduledActionRequest,
  { signal }: CallContext,
): Promise<PutScheduledActionResponse> {
  const key = acceptKey(request);
  const { cluster, service } = key;
  const { scheduledActionName: name } = request;
  const id = drawUuid(on.random);
  const attempted = `put scheduled action ${name} of ${resourceId(key)}`;
  return write(on, { signal, attempted, turn: turnOf(key) }, (state) => {
    const parts = [cluster, service, namePart(name)] as const;
    const found = state.get(collections.scheduledActions, ...parts);
    const content = acceptScheduledAction(request, found?.value);
    const target = touch(collections.scalableTargets, requireTarget(state, key));
    const count = [...state.list(collections.scheduledActions, cluster, service)].length;
    if (found === undefined && count >= MOST_OF_A_TARGET) {
      throw new BerthError(
        'LimitExceededException',
        `${resourceId(key)} has ${count} scheduled actions, the most that a scalable target may have.`,
      );
    }
    const record: ScheduledActionRecord = {
      ...content,
      cluster,
      service,
      name,
      id: found?.value.id ?? id,
      createdAt: found?.value.createdAt ?? on.clock.now(),
    };
    const guard = found
      ? guardUnchanged(found)
      : guardAbsent(collections.scheduledActions, ...parts);
    return {
      guards: [guard, target.guard],
      puts: [putRecord(collections.scheduledActions, parts, record), target.put],
      result: () => ({}),
    };
  });
}

export function deleteScheduledAction(
  on: OperationContext,
  request: DeleteScheduledActionRequest,
  { signal }: CallContext,
): Promise<DeleteScheduledActionResponse> {
  const key = acceptKey(request);
  const { scheduledActionName: name } = request;
  const attempted = `delete scheduled action ${name} of ${resourceId(key)}`;
  return write(on, { signal, attempted, turn: turnOf(key) }, (state) => {
    const parts = [key.cluster, key.service, namePart(name)] as const;
    const found = state.get(collections.scheduledActions, ...parts);
    if (!found) {
      throw new BerthError(
        'ObjectNotFoundException',
        `No scheduled action found for service namespace: ecs, resource ID: ${resourceId(key)}, scheduled action name: ${name}`,
      );
    }
    return { guards: [guardUnchanged(found)], deletes: [found.key], result: () => ({}) };
  });
}

export function describeScheduledActions(
  { cache, realm }: OperationContext,
  request: DescribeScheduledActionsRequest,
): DescribeScheduledActionsResponse {
  const key = acceptFilter(request);
  const names = acceptNames('scheduledActionNames', request.scheduledActionNames);
  const parts = key === undefined ? [] : [key.cluster, key.service];
  const found = Array.from(
    cache.list(collections.scheduledActions, ...parts),
    ({ value }) => value,
  ).filter(({ name }) => names?.has(name) ?? true);
  const question = [
    'DescribeScheduledActions',
    request.resourceId,
    ...request.scheduledActionNames,
  ];
  const page = pageOfList(
    found,
    (record) => `${resourceId(record)}/${namePart(record.name)}`,
    request,
    MOST_ON_A_PAGE,
    question,
  );
  return {
    scheduledActions: page.items.map((record) => view(realm, record)),
    nextToken: page.nextToken,
  };
}

function view(realm: Realm, record: ScheduledActionRecord): ScheduledAction {
  return {
    ...keyMembers(record),
    scheduledActionName: record.name,
    scheduledActionArn: objectArn(realm, 'scheduledAction', record, record.id, record.name),
    schedule: record.schedule,
    timezone: record.timezone,
    startTime: record.startTime,
    endTime: record.endTime,
    scalableTargetAction: record.action,
    creationTime: record.createdAt,
  };
}
