// Target groups. Source: ALB reference, sections 1.4 and 1.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  AttributesResponse,
  CreateTargetGroupRequest,
  CreateTargetGroupResponse,
  DeleteTargetGroupRequest,
  DeleteTargetGroupResponse,
  DescribeTargetGroupAttributesRequest,
  DescribeTargetGroupsRequest,
  DescribeTargetGroupsResponse,
  ModifyTargetGroupAttributesRequest,
  ModifyTargetGroupRequest,
  ModifyTargetGroupResponse,
  TargetGroupRecord,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import { MOST_TARGET_GROUPS } from '@berth/model/resources/quotas.ts';
import { attributesOf } from '@berth/model/routing/attributes.ts';
import { markedPage } from '@berth/model/validation/markers.ts';
import {
  acceptCreateTargetGroup,
  acceptModifyTargetGroup,
  groupPlace,
} from '@berth/model/validation/target-group.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { codec } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';

import { balancersUsing, isGroupInUse } from '../../views/group-references.ts';
import { targetGroupView } from '../../views/load-balancing-view.ts';
import type { OperationContext } from '../deps.ts';
import type { Place } from '../resolve.ts';
import { replace, write } from '../write.ts';
import { refuseAppCookieOfWeighted } from './app-cookies.ts';
import { findTargetGroup, requireLoadBalancer, requireTargetGroup } from './find.ts';
import { isSameSetup } from './same.ts';
import { sweepRegistrations } from './targets.ts';

/** Idempotent by name: equal settings give the group that there is. */
export async function createTargetGroup(
  on: OperationContext,
  request: CreateTargetGroupRequest,
  { signal }: CallContext,
): Promise<CreateTargetGroupResponse> {
  const order = acceptCreateTargetGroup(request);
  const attempted = `create target group ${order.name}`;
  // What a group of this name has left behind.
  if (!on.cache.get(collections.targetGroups, order.name)) {
    await sweepRegistrations(on, order.name, signal);
  }
  return write(on, { signal, attempted }, (state) => {
    const existing = state.get(collections.targetGroups, order.name)?.value;
    if (existing) {
      if (!isSameSetup('TargetGroupRecord', existing, order)) {
        throw new BerthError(
          'DuplicateTargetGroupName',
          `A target group with the same name '${order.name}' exists, but with different settings`,
        );
      }
      return {
        result: (seen) => ({ targetGroup: targetGroupView(seen, on.realm, existing) }),
      };
    }
    const count = [...state.list(collections.targetGroups)].length;
    if (count >= MOST_TARGET_GROUPS) {
      throw new BerthError(
        'TooManyTargetGroups',
        `There are ${count} target groups already; expected at most ${MOST_TARGET_GROUPS}.`,
      );
    }
    const record: TargetGroupRecord = {
      ...order,
      id: drawHexId(on.random, 16),
      createdAt: on.clock.now(),
    };
    return {
      guards: [guardAbsent(collections.targetGroups, order.name)],
      puts: [putRecord(collections.targetGroups, [order.name], record)],
      result: (seen) => ({ targetGroup: targetGroupView(seen, on.realm, record) }),
    };
  });
}

/** Only the health check and the attributes can change; what is not given stays. */
export async function modifyTargetGroup(
  on: OperationContext,
  request: ModifyTargetGroupRequest,
  { signal }: CallContext,
): Promise<ModifyTargetGroupResponse> {
  const attempted = `modify target group ${request.targetGroup}`;
  return write(on, { signal, attempted }, (state) => {
    const found = requireTargetGroup({ state, realm: on.realm }, request.targetGroup);
    const record = acceptModifyTargetGroup(request, found.value);
    const result = (seen: State) => ({ targetGroup: targetGroupView(seen, on.realm, record) });
    const of = codec('TargetGroupRecord');
    if (of.encode(record).equals(of.encode(found.value))) return { result };
    refuseAppCookieOfWeighted(state, record);
    const { guard, put } = replace(collections.targetGroups, found, record);
    return { guards: [guard], puts: [put], result };
  });
}

/** The named ones, those that a load balancer's actions name, or all, by name. */
export function describeTargetGroups(
  on: OperationContext,
  request: DescribeTargetGroupsRequest,
): DescribeTargetGroupsResponse {
  const place = { state: on.cache, realm: on.realm };
  const { targetGroups, loadBalancer } = request;
  if (targetGroups.length > 0 && loadBalancer) {
    throw new BerthError(
      'ValidationError',
      'Target groups and a load balancer cannot be specified at the same time; expected at most one of them.',
    );
  }
  const question = ['DescribeTargetGroups', loadBalancer, ...targetGroups];
  const records = groupsAskedFor(place, targetGroups, loadBalancer);
  const { items, nextMarker } = markedPage(records, ({ name }) => name, question, request);
  return {
    targetGroups: items.map((record) => targetGroupView(on.cache, on.realm, record)),
    nextMarker,
  };
}

function groupsAskedFor(
  place: Place,
  named: readonly string[],
  loadBalancer: string | undefined,
): Iterable<TargetGroupRecord> {
  if (named.length > 0) {
    const found = named.map((text) => requireTargetGroup(place, text).value);
    return new Map(found.map((record) => [record.name, record])).values();
  }
  const all = Array.from(place.state.list(collections.targetGroups), ({ value }) => value);
  if (!loadBalancer) return all;
  const { name } = requireLoadBalancer(place, loadBalancer).value;
  return all.filter((group) => balancersUsing(place.state, group.name).includes(name));
}

/**
 * Refused while anything uses the group. What was registered with it by hand goes with it. One that does not exist is
 * deleted already.
 */
export async function deleteTargetGroup(
  on: OperationContext,
  request: DeleteTargetGroupRequest,
  { signal }: CallContext,
): Promise<DeleteTargetGroupResponse> {
  const attempted = `delete target group ${request.targetGroup}`;
  const gone = await write(on, { signal, attempted }, (state) => {
    const found = findTargetGroup({ state, realm: on.realm }, request.targetGroup);
    if (!found) return { result: () => undefined };
    const { name, id } = found.value;
    const user = userOf(state, name);
    if (user !== undefined) {
      throw new BerthError(
        'ResourceInUse',
        `Target group '${arn.targetGroup(on.realm, name, id)}' is currently in use by ${user}`,
      );
    }
    return { guards: [guardUnchanged(found)], deletes: [found.key], result: () => name };
  });
  if (gone !== undefined) await sweepRegistrations(on, gone, signal);
  return {};
}

/**
 * Unlike ALB, Berth also keeps a group that a service registers its tasks with, or that still has draining tasks:
 * without it they would never be drained in order.
 */
function userOf(state: State, group: string): string | undefined {
  if (isGroupInUse(state, group)) return 'a listener or a rule';
  for (const { value } of state.list(collections.services)) {
    const uses = value.loadBalancers.some(({ targetGroupArn }) => targetGroupArn === group);
    if (uses && value.status !== 'INACTIVE') {
      return `service ${value.name} of cluster ${value.cluster}`;
    }
  }
  for (const { value } of state.list(collections.taskSets)) {
    const uses = value.loadBalancers.some(({ targetGroupArn }) => targetGroupArn === group);
    if (uses) return `a task set of service ${value.service} of cluster ${value.cluster}`;
  }
  const all = [...state.list(collections.targets, group)];
  const targets = all.filter(({ value }) => value.taskId !== '').length;
  return targets > 0 ? `${targets} ${targets === 1 ? 'target' : 'targets'}` : undefined;
}

export function describeTargetGroupAttributes(
  on: OperationContext,
  request: DescribeTargetGroupAttributesRequest,
): AttributesResponse {
  const { value } = requireTargetGroup({ state: on.cache, realm: on.realm }, request.targetGroup);
  return { attributes: attributesOf(groupPlace(value), value.attributes) };
}

/** All or nothing; what is not given stays. */
export async function modifyTargetGroupAttributes(
  on: OperationContext,
  request: ModifyTargetGroupAttributesRequest,
  context: CallContext,
): Promise<AttributesResponse> {
  const { targetGroup } = await modifyTargetGroup(on, request, context);
  return { attributes: targetGroup?.attributes ?? {} };
}
