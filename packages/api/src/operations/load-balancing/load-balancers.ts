// Load balancers. All of them are served by all proxies; what they have of their own are names, listeners and attributes.
// Source: ALB reference, sections 1.4 to 1.6.
import { BerthError } from '@berth/model/errors.ts';
import type {
  AttributesResponse,
  CreateLoadBalancerRequest,
  CreateLoadBalancerResponse,
  DeleteLoadBalancerRequest,
  DeleteLoadBalancerResponse,
  DescribeCapacityReservationRequest,
  DescribeCapacityReservationResponse,
  DescribeLoadBalancerAttributesRequest,
  DescribeLoadBalancersRequest,
  DescribeLoadBalancersResponse,
  LoadBalancerRecord,
  ModifyLoadBalancerAttributesRequest,
  SetIpAddressTypeRequest,
  SetIpAddressTypeResponse,
  SetSecurityGroupsRequest,
  SetSecurityGroupsResponse,
  SetSubnetsRequest,
  SetSubnetsResponse,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import { MOST_LOAD_BALANCERS } from '@berth/model/resources/quotas.ts';
import { attributesOf } from '@berth/model/routing/attributes.ts';
import { acceptAttributes } from '@berth/model/validation/balancing-attributes.ts';
import {
  acceptCreateLoadBalancer,
  acceptIpAddressType,
  acceptSecurityGroups,
  acceptSubnets,
  balancerPlace,
} from '@berth/model/validation/load-balancer.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { markedPage } from '@berth/model/validation/markers.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';

import { DEFAULT_BALANCER, DEFAULT_BALANCER_ID, listenersOf } from '../../views/balancer.ts';
import { loadBalancerView } from '../../views/load-balancing-view.ts';
import type { OperationContext } from '../deps.ts';
import { replace, write } from '../write.ts';
import { findLoadBalancer, requireLoadBalancer } from './find.ts';
import { portKey, sweepRules, TURN } from './listener-records.ts';
import { isSameSetup } from './same.ts';

const MOST_NAMED = 20;

/** Idempotent by name: equal settings give the load balancer that there is. */
export async function createLoadBalancer(
  on: OperationContext,
  request: CreateLoadBalancerRequest,
  { signal }: CallContext,
): Promise<CreateLoadBalancerResponse> {
  const order = acceptCreateLoadBalancer(request, on.realm.region);
  const { name } = order;
  const attempted = `create load balancer ${name}`;
  const id = name === DEFAULT_BALANCER ? DEFAULT_BALANCER_ID : drawHexId(on.random, 16);
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const existing = state.get(collections.loadBalancers, name)?.value;
    if (existing) {
      if (!isSameSetup('LoadBalancerRecord', existing, order)) {
        throw new BerthError(
          'DuplicateLoadBalancerName',
          `A load balancer with the same name '${name}' exists, but with different settings`,
        );
      }
      return { result: () => ({ loadBalancer: loadBalancerView(on, existing) }) };
    }
    const count = [...state.list(collections.loadBalancers)].length;
    if (count >= MOST_LOAD_BALANCERS) {
      throw new BerthError(
        'TooManyLoadBalancers',
        `There are ${count} load balancers already; expected at most ${MOST_LOAD_BALANCERS}.`,
      );
    }
    const record: LoadBalancerRecord = { ...order, id, createdAt: on.clock.now() };
    return {
      guards: [guardAbsent(collections.loadBalancers, name)],
      puts: [putRecord(collections.loadBalancers, [name], record)],
      result: () => ({ loadBalancer: loadBalancerView(on, record, 'provisioning') }),
    };
  });
}

/** The named ones, or all, by name. */
export function describeLoadBalancers(
  on: OperationContext,
  request: DescribeLoadBalancersRequest,
): DescribeLoadBalancersResponse {
  const place = { state: on.cache, realm: on.realm };
  const check = new Checker('ValidationError');
  check.atMost('loadBalancers', request.loadBalancers.length, MOST_NAMED, 'load balancers');
  const records =
    request.loadBalancers.length > 0
      ? request.loadBalancers.map((text) => requireLoadBalancer(place, text).value)
      : Array.from(on.cache.list(collections.loadBalancers), ({ value }) => value);
  const unique = new Map(records.map((record) => [record.name, record]));
  const question = ['DescribeLoadBalancers', ...request.loadBalancers];
  const { items, nextMarker } = markedPage(unique.values(), ({ name }) => name, question, request);
  return { loadBalancers: items.map((record) => loadBalancerView(on, record)), nextMarker };
}

/** With its listeners and their rules; target groups stay. One that does not exist is deleted already. */
export async function deleteLoadBalancer(
  on: OperationContext,
  request: DeleteLoadBalancerRequest,
  { signal }: CallContext,
): Promise<DeleteLoadBalancerResponse> {
  const attempted = `delete load balancer ${request.loadBalancer}`;
  const gone = await write<readonly string[]>(on, { signal, attempted, turn: TURN }, (state) => {
    const found = findLoadBalancer({ state, realm: on.realm }, request.loadBalancer);
    if (!found) return { result: () => [] };
    if (found.value.attributes['deletion_protection.enabled'] === 'true') {
      throw new BerthError(
        'OperationNotPermitted',
        `Load balancer '${arn.loadBalancer(on.realm, found.value)}' cannot be deleted because deletion protection is enabled`,
      );
    }
    const listeners = listenersOf(state, found.value.name);
    return {
      // A listener that is added meanwhile touches the load balancer, a rule its listener.
      guards: [found, ...listeners].map(guardUnchanged),
      deletes: [found.key, ...listeners.flatMap(({ key, value }) => [key, portKey(value.port)])],
      result: () => listeners.map(({ value }) => value.id),
    };
  });
  await sweepRules(on, gone, signal);
  return {};
}

export function describeLoadBalancerAttributes(
  on: OperationContext,
  request: DescribeLoadBalancerAttributesRequest,
): AttributesResponse {
  const place = { state: on.cache, realm: on.realm };
  return attributesResponse(requireLoadBalancer(place, request.loadBalancer).value);
}

function attributesResponse(record: LoadBalancerRecord): AttributesResponse {
  return { attributes: attributesOf(balancerPlace(record), record.attributes) };
}

/** All or nothing; what is not given stays. */
export async function modifyLoadBalancerAttributes(
  on: OperationContext,
  { loadBalancer, attributes }: ModifyLoadBalancerAttributesRequest,
  { signal }: CallContext,
): Promise<AttributesResponse> {
  return change(on, loadBalancer, signal, attributesResponse, (record) => ({
    ...record,
    attributes: acceptAttributes(balancerPlace(record), attributes, record.attributes),
  }));
}

/** Kept and shown only. */
export async function setSecurityGroups(
  on: OperationContext,
  request: SetSecurityGroupsRequest,
  { signal }: CallContext,
): Promise<SetSecurityGroupsResponse> {
  const securityGroups = acceptSecurityGroups(request.securityGroups);
  return change(
    on,
    request.loadBalancer,
    signal,
    (record) => ({ securityGroupIds: record.securityGroups }),
    (record) => ({ ...record, securityGroups }),
  );
}

/** Kept and shown only. */
export async function setSubnets(
  on: OperationContext,
  request: SetSubnetsRequest,
  { signal }: CallContext,
): Promise<SetSubnetsResponse> {
  const availabilityZones = acceptSubnets(request.subnets, on.realm.region);
  return change(
    on,
    request.loadBalancer,
    signal,
    (record) => ({
      availabilityZones: record.availabilityZones,
      ipAddressType: record.ipAddressType,
    }),
    (record) => ({
      ...record,
      availabilityZones,
      ipAddressType: acceptIpAddressType(record, request.ipAddressType || record.ipAddressType),
    }),
  );
}

/** Kept and shown only. */
export async function setIpAddressType(
  on: OperationContext,
  { loadBalancer, ipAddressType }: SetIpAddressTypeRequest,
  { signal }: CallContext,
): Promise<SetIpAddressTypeResponse> {
  return change(
    on,
    loadBalancer,
    signal,
    (record) => ({ ipAddressType: record.ipAddressType }),
    (record) => ({ ...record, ipAddressType: acceptIpAddressType(record, ipAddressType) }),
  );
}

async function change<T>(
  on: OperationContext,
  text: string,
  signal: AbortSignal,
  answer: (record: LoadBalancerRecord) => T,
  to: (record: LoadBalancerRecord) => LoadBalancerRecord,
): Promise<T> {
  return write(on, { signal, attempted: `modify load balancer ${text}`, turn: TURN }, (state) => {
    const found = requireLoadBalancer({ state, realm: on.realm }, text);
    const record = to(found.value);
    const { guard, put } = replace(collections.loadBalancers, found, record);
    return { guards: [guard], puts: [put], result: () => answer(record) };
  });
}

/** Nothing is ever reserved: the proxies are what they are. */
export function describeCapacityReservation(
  on: OperationContext,
  request: DescribeCapacityReservationRequest,
): DescribeCapacityReservationResponse {
  requireLoadBalancer({ state: on.cache, realm: on.realm }, request.loadBalancer);
  return { decreaseRequestsRemaining: 0 };
}
