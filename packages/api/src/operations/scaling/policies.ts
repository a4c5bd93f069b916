// Scaling policies of services. They are kept and shown; acting on them comes later. Source: Auto Scaling reference, section 2.
import { BerthError } from '@berth/model/errors.ts';
import type {
  DeleteScalingPolicyRequest,
  DeleteScalingPolicyResponse,
  DescribeScalingPoliciesRequest,
  DescribeScalingPoliciesResponse,
  PutScalingPolicyRequest,
  PutScalingPolicyResponse,
  ScalingPolicy,
  ScalingPolicyRecord,
} from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { drawUuid } from '@berth/model/resources/ids.ts';
import { acceptPolicy, metricOf } from '@berth/model/validation/scaling/policy.ts';
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

const MOST_OF_A_TARGET = 50;
const MOST_ON_A_PAGE = 10;

/** Creates the policy, or replaces the one of its name. */
export function putScalingPolicy(
  on: OperationContext,
  request: PutScalingPolicyRequest,
  { signal }: CallContext,
): Promise<PutScalingPolicyResponse> {
  const key = acceptKey(request);
  const { cluster, service } = key;
  const { policyName: name } = request;
  const id = drawUuid(on.random);
  const attempted = `put scaling policy ${name} of ${resourceId(key)}`;
  return write(on, { signal, attempted, turn: turnOf(key) }, (state) => {
    const parts = [cluster, service, namePart(name)] as const;
    const found = state.get(collections.scalingPolicies, ...parts);
    const content = acceptPolicy(request, found?.value);
    const target = touch(collections.scalableTargets, requireTarget(state, key));
    const others = Array.from(
      state.list(collections.scalingPolicies, cluster, service),
      ({ value }) => value,
    ).filter((other) => other.name !== name);
    if (found === undefined && others.length >= MOST_OF_A_TARGET) {
      throw new BerthError(
        'LimitExceededException',
        `${resourceId(key)} has ${others.length} scaling policies, the most that a scalable target may have.`,
      );
    }
    const metric = metricOf(content);
    const rival = others.find((other) => metric !== undefined && metricOf(other) === metric);
    if (rival) {
      throw new BerthError(
        'ValidationException',
        `Only one TargetTrackingScaling policy for a given metric specification is allowed: ${rival.name} has the same.`,
      );
    }
    const record: ScalingPolicyRecord = {
      ...content,
      cluster,
      service,
      name,
      id: found?.value.id ?? id,
      createdAt: found?.value.createdAt ?? on.clock.now(),
    };
    const guard = found
      ? guardUnchanged(found)
      : guardAbsent(collections.scalingPolicies, ...parts);
    return {
      guards: [guard, target.guard],
      puts: [putRecord(collections.scalingPolicies, parts, record), target.put],
      result: () => ({ policyArn: objectArn(on.realm, 'scalingPolicy', key, record.id, name) }),
    };
  });
}

export function deleteScalingPolicy(
  on: OperationContext,
  request: DeleteScalingPolicyRequest,
  { signal }: CallContext,
): Promise<DeleteScalingPolicyResponse> {
  const key = acceptKey(request);
  const { policyName } = request;
  const attempted = `delete scaling policy ${policyName} of ${resourceId(key)}`;
  return write(on, { signal, attempted, turn: turnOf(key) }, (state) => {
    const parts = [key.cluster, key.service, namePart(policyName)] as const;
    const found = state.get(collections.scalingPolicies, ...parts);
    if (!found) {
      throw new BerthError(
        'ObjectNotFoundException',
        `No scaling policy found for service namespace: ecs, resource ID: ${resourceId(key)}, policy name: ${policyName}`,
      );
    }
    return { guards: [guardUnchanged(found)], deletes: [found.key], result: () => ({}) };
  });
}

export function describeScalingPolicies(
  { cache, realm }: OperationContext,
  request: DescribeScalingPoliciesRequest,
): DescribeScalingPoliciesResponse {
  const key = acceptFilter(request);
  const names = acceptNames('policyNames', request.policyNames);
  const parts = key === undefined ? [] : [key.cluster, key.service];
  const found = Array.from(
    cache.list(collections.scalingPolicies, ...parts),
    ({ value }) => value,
  ).filter(({ name }) => names?.has(name) ?? true);
  const question = ['DescribeScalingPolicies', request.resourceId, ...request.policyNames];
  const page = pageOfList(
    found,
    (record) => `${resourceId(record)}/${namePart(record.name)}`,
    request,
    MOST_ON_A_PAGE,
    question,
  );
  return {
    scalingPolicies: page.items.map((record) => view(realm, record)),
    nextToken: page.nextToken,
  };
}

function view(realm: Realm, record: ScalingPolicyRecord): ScalingPolicy {
  return {
    ...keyMembers(record),
    policyArn: objectArn(realm, 'scalingPolicy', record, record.id, record.name),
    policyName: record.name,
    policyType: record.type,
    stepScalingPolicyConfiguration: record.stepScaling,
    targetTrackingScalingPolicyConfiguration: record.targetTracking,
    creationTime: record.createdAt,
  };
}
