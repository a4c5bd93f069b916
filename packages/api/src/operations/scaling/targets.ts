// Scalable targets: the services that may be scaled, and between which bounds. Source: Auto Scaling reference, sections 1, 2 and 7.
import { BerthError } from '@berth/model/errors.ts';
import type {
  DeregisterScalableTargetRequest,
  DeregisterScalableTargetResponse,
  DescribeScalableTargetsRequest,
  DescribeScalableTargetsResponse,
  DescribeScalingActivitiesRequest,
  DescribeScalingActivitiesResponse,
  RegisterScalableTargetRequest,
  RegisterScalableTargetResponse,
  ScalableTarget,
  ScalableTargetRecord,
} from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { drawUuid } from '@berth/model/resources/ids.ts';
import {
  type ScalingKey,
  acceptBounds,
  acceptKey,
} from '@berth/model/validation/scaling/target.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';

import type { OperationContext } from '../deps.ts';
import { type Decision, touch, write } from '../write.ts';
import {
  acceptFilter,
  acceptNames,
  keyMembers,
  pageOfList,
  requireTarget,
  resourceId,
  serviceRoleArn,
  targetArn,
  turnOf,
} from './find.ts';
import { mergedTags } from './tags.ts';

const MOST_ON_A_PAGE = 50;
/** Of one transaction, which may have 128 operations. */
const AT_ONCE = 100;

/** Registers a service, or changes what is given of one that is registered. */
export function registerScalableTarget(
  on: OperationContext,
  request: RegisterScalableTargetRequest,
  { signal }: CallContext,
): Promise<RegisterScalableTargetResponse> {
  const key = acceptKey(request);
  const id = drawUuid(on.random);
  const attempted = `register the scalable target ${resourceId(key)}`;
  return write(on, { signal, attempted, turn: turnOf(key) }, (state) => {
    const { cluster, service } = key;
    const found = state.get(collections.scalableTargets, cluster, service);
    const bounds = acceptBounds(request, found?.value);
    const owner = requireActiveService(state, key);
    const record: ScalableTargetRecord = {
      cluster,
      service,
      id: found?.value.id ?? id,
      ...bounds,
      suspendedState: request.suspendedState ?? found?.value.suspendedState,
      tags: mergedTags(found?.value.tags ?? {}, request.tags),
      createdAt: found?.value.createdAt ?? on.clock.now(),
    };
    const guard = found
      ? guardUnchanged(found)
      : guardAbsent(collections.scalableTargets, cluster, service);
    return {
      guards: [guard, owner.guard],
      puts: [putRecord(collections.scalableTargets, [cluster, service], record), owner.put],
      result: () => ({ scalableTargetArn: targetArn(on.realm, record) }),
    };
  });
}

/** Terraform tries again on these words. */
function requireActiveService(state: State, { cluster, service }: ScalingKey) {
  const found = state.get(collections.services, cluster, service);
  if (found?.value.status === 'ACTIVE') return touch(collections.services, found);
  throw new BerthError(
    'ValidationException',
    `ECS service doesn't exist: service/${cluster}/${service}`,
  );
}

/**
 * What hangs on the target goes with it; the service keeps its desired count. More than fits into one transaction goes first,
 * while the target stands and whatever is put on it meanwhile is seen.
 */
export async function deregisterScalableTarget(
  on: OperationContext,
  request: DeregisterScalableTargetRequest,
  { signal }: CallContext,
): Promise<DeregisterScalableTargetResponse> {
  const key = acceptKey(request);
  const attempted = `deregister the scalable target ${resourceId(key)}`;
  const step = (state: State): Decision<boolean> => {
    const { cluster, service } = key;
    const target = requireTarget(state, key);
    const hanging = [
      ...state.list(collections.scalingPolicies, cluster, service),
      ...state.list(collections.scheduledActions, cluster, service),
    ].map((record) => record.key);
    if (hanging.length > AT_ONCE) {
      const { guard, put } = touch(collections.scalableTargets, target);
      const deletes = hanging.slice(0, AT_ONCE);
      return { guards: [guard], puts: [put], deletes, result: () => false };
    }
    return {
      guards: [guardUnchanged(target)],
      deletes: [target.key, ...hanging],
      result: () => true,
    };
  };
  while (!(await write(on, { signal, attempted, turn: turnOf(key) }, step)));
  return {};
}

export function describeScalableTargets(
  { cache, realm }: OperationContext,
  request: DescribeScalableTargetsRequest,
): DescribeScalableTargetsResponse {
  acceptFilter(request);
  const wanted = acceptNames('resourceIds', request.resourceIds);
  const found = Array.from(cache.list(collections.scalableTargets), ({ value }) => value).filter(
    (record) => wanted?.has(resourceId(record)) ?? true,
  );
  const question = ['DescribeScalableTargets', ...request.resourceIds];
  const page = pageOfList(found, resourceId, request, MOST_ON_A_PAGE, question);
  return {
    scalableTargets: page.items.map((record) => view(realm, record)),
    nextToken: page.nextToken,
  };
}

/** There are none: Berth does not act on policies and schedules yet. */
export function describeScalingActivities(
  _on: OperationContext,
  request: DescribeScalingActivitiesRequest,
): DescribeScalingActivitiesResponse {
  acceptFilter(request);
  pageOfList([], String, request, MOST_ON_A_PAGE, ['DescribeScalingActivities']);
  return { scalingActivities: [] };
}

function view(realm: Realm, record: ScalableTargetRecord): ScalableTarget {
  const { minCapacity, maxCapacity, createdAt, suspendedState } = record;
  const running = {
    dynamicScalingInSuspended: false,
    dynamicScalingOutSuspended: false,
    scheduledScalingSuspended: false,
  };
  return {
    ...keyMembers(record),
    minCapacity,
    maxCapacity,
    roleArn: serviceRoleArn(realm),
    creationTime: createdAt,
    suspendedState: suspendedState ?? running,
    scalableTargetArn: targetArn(realm, record),
  };
}
