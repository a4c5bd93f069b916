// Target groups. Source: ALB reference, sections 1.4 and 1.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  CreateTargetGroupRequest,
  CreateTargetGroupResponse,
  DeleteTargetGroupRequest,
  DeleteTargetGroupResponse,
  DescribeTargetGroupsRequest,
  DescribeTargetGroupsResponse,
  DescribeTargetHealthRequest,
  DescribeTargetHealthResponse,
  ModifyTargetGroupRequest,
  ModifyTargetGroupResponse,
  TargetGroupRecord,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import {
  acceptCreateTargetGroup,
  acceptModifyTargetGroup,
  type TargetGroupOrder,
} from '@berth/model/validation/target-group.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';

import { isGroupInUse } from '../../views/group-references.ts';
import { targetGroupView } from '../../views/load-balancing-view.ts';
import { targetHealthView } from '../../views/target-health-view.ts';
import type { OperationContext } from '../deps.ts';
import { replace, write } from '../write.ts';
import { findTargetGroup, requireTargetGroup } from './find.ts';

/** Idempotent by name: equal settings give the group that there is. */
export async function createTargetGroup(
  on: OperationContext,
  request: CreateTargetGroupRequest,
  { signal }: CallContext,
): Promise<CreateTargetGroupResponse> {
  const order = acceptCreateTargetGroup(request);
  const attempted = `create target group ${order.name}`;
  return write(on, { signal, attempted }, (state) => {
    const existing = state.get(collections.targetGroups, order.name);
    if (existing) {
      if (settingsOf(existing.value) !== settingsOf(order)) {
        throw new BerthError(
          'DuplicateTargetGroupName',
          `A target group with the same name '${order.name}' exists, but with different settings`,
        );
      }
      return { result: () => ({ targetGroup: targetGroupView(on.realm, existing.value) }) };
    }
    const record: TargetGroupRecord = {
      ...order,
      id: drawHexId(on.random, 16),
      createdAt: on.clock.now(),
    };
    return {
      guards: [guardAbsent(collections.targetGroups, order.name)],
      puts: [putRecord(collections.targetGroups, [order.name], record)],
      result: () => ({ targetGroup: targetGroupView(on.realm, record) }),
    };
  });
}

/** Equal texts for equal settings. */
function settingsOf(group: TargetGroupOrder): string {
  const sorted = (map: Readonly<Record<string, string>>): unknown => Object.entries(map).sort();
  return JSON.stringify([
    group.protocol,
    group.port,
    group.targetType,
    sorted(
      Object.fromEntries(Object.entries(group.healthCheck ?? {}).map(([k, v]) => [k, String(v)])),
    ),
    sorted(group.attributes),
    group.tags.map(({ key, value }) => [key, value]).sort(),
  ]);
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
    const result = () => ({ targetGroup: targetGroupView(on.realm, record) });
    if (settingsOf(record) === settingsOf(found.value)) return { result };
    const { guard, put } = replace(collections.targetGroups, found, record);
    return { guards: [guard], puts: [put], result };
  });
}

/** The named ones, or all, by name. */
export function describeTargetGroups(
  on: OperationContext,
  request: DescribeTargetGroupsRequest,
): DescribeTargetGroupsResponse {
  const place = { state: on.cache, realm: on.realm };
  const records =
    request.targetGroups.length > 0
      ? request.targetGroups.map((text) => requireTargetGroup(place, text).value)
      : Array.from(on.cache.list(collections.targetGroups), ({ value }) => value).sort(byName);
  return { targetGroups: records.map((record) => targetGroupView(on.realm, record)) };
}

function byName(a: TargetGroupRecord, b: TargetGroupRecord): number {
  return a.name < b.name ? -1 : 1;
}

/** Refused while anything uses the group. One that does not exist is deleted already. */
export async function deleteTargetGroup(
  on: OperationContext,
  request: DeleteTargetGroupRequest,
  { signal }: CallContext,
): Promise<DeleteTargetGroupResponse> {
  const attempted = `delete target group ${request.targetGroup}`;
  return write(on, { signal, attempted }, (state) => {
    const found = findTargetGroup({ state, realm: on.realm }, request.targetGroup);
    if (!found) return { result: () => ({}) };
    const { name, id } = found.value;
    const user = userOf(state, name);
    if (user !== undefined) {
      throw new BerthError(
        'ResourceInUse',
        `Target group '${arn.targetGroup(on.realm, name, id)}' is currently in use by ${user}`,
      );
    }
    return { guards: [guardUnchanged(found)], deletes: [found.key], result: () => ({}) };
  });
}

/**
 * Unlike ALB, Berth also keeps a group that a service registers its tasks with, or that still has draining targets:
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
  const targets = [...state.list(collections.targets, group)].length;
  return targets > 0 ? `${targets} ${targets === 1 ? 'target' : 'targets'}` : undefined;
}

/** Registered and draining targets, by id, with what the proxies have counted of the group's traffic. */
export async function describeTargetHealth(
  on: OperationContext,
  request: DescribeTargetHealthRequest,
  { signal }: CallContext,
): Promise<DescribeTargetHealthResponse> {
  const place = { state: on.cache, realm: on.realm };
  const { name } = requireTargetGroup(place, request.targetGroup).value;
  const records = Array.from(on.cache.list(collections.targets, name), ({ value }) => value);
  records.sort((a, b) => (a.id < b.id ? -1 : 1));
  const targets = records.map((record) => targetHealthView(on.cache, record));
  return { targets, traffic: await on.traffic.counters([name], signal) };
}
