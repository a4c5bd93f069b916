// Listeners. Source: ALB reference, sections 1.4 and 1.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  AttributesResponse,
  CreateListenerRequest,
  CreateListenerResponse,
  DeleteListenerRequest,
  DeleteListenerResponse,
  DescribeListenerAttributesRequest,
  DescribeListenersRequest,
  DescribeListenersResponse,
  ListenerRecord,
  ModifyListenerAttributesRequest,
  ModifyListenerRequest,
  ModifyListenerResponse,
  TargetGroupRecord,
} from '@berth/model/generated/messages.ts';
import { groupsOfActions } from '@berth/model/resources/group-users.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import { MOST_LISTENERS } from '@berth/model/resources/quotas.ts';
import { attributesOf } from '@berth/model/routing/attributes.ts';
import { DEFAULT_RULE } from '@berth/model/routing/traffic-weights.ts';
import { acceptAttributes } from '@berth/model/validation/balancing-attributes.ts';
import { Checker } from '@berth/model/validation/check.ts';
import {
  acceptCreateListener,
  acceptModifyListener,
  type ListenerOrder,
  listenerPlace,
  withSecrets,
} from '@berth/model/validation/listener.ts';
import { markedPage, sortable } from '@berth/model/validation/markers.ts';
import { acceptActions } from '@berth/model/validation/rule-actions.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { DEFAULT_BALANCER, balancerOf, listenersOf } from '../../views/balancer.ts';
import { listenerView } from '../../views/load-balancing-view.ts';
import type { OperationContext } from '../deps.ts';
import type { Place } from '../resolve.ts';
import { replace, touch, write } from '../write.ts';
import { resolveActions } from './actions.ts';
import { openSecrets, sealSecrets } from './client-secrets.ts';
import { listenerOn, requireListener, requireLoadBalancer } from './find.ts';
import {
  balancerFor,
  duplicateListener,
  firstRules,
  type Part,
  portKey,
  portPart,
  resolveCertificates,
  resolveMutual,
  sweepRules,
  TURN,
} from './listener-records.ts';
import { isSameSetup } from './same.ts';
import { withoutWeights } from './traffic-weights.ts';

/** Idempotent: the same settings on the same port give the listener that there is. */
export async function createListener(
  on: OperationContext,
  request: CreateListenerRequest,
  { signal }: CallContext,
): Promise<CreateListenerResponse> {
  const attempted = `create a listener on port ${request.port}`;
  const id = drawHexId(on.random, 16);
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const place = { state, realm: on.realm };
    const now = on.clock.now();
    const balancer = balancerFor(place, request.loadBalancer, now);
    const order = acceptCreateListener(request, balancer.record);
    const { actions, groups } = resolveActions(place, order.defaultActions, order);
    const { certificates, parts: certified } = resolveCertificates(place, order.certificates);
    const { mutualAuthentication, parts: trusting } = resolveMutual(
      place,
      order.mutualAuthentication,
    );
    const asked = { ...order, defaultActions: actions, certificates, mutualAuthentication };
    const existing = listenerOn(state, order.port)?.value;
    if (existing) {
      if (!isSameListener(on, existing, asked)) {
        throw duplicateListener(place, existing, balancer.record.name);
      }
      return { result: (seen) => ({ listener: listenerView(seen, on.realm, existing) }) };
    }
    refuseTooMany(state, balancer.record.name);
    const key = keyOf(collections.listeners, id);
    const record: ListenerRecord = {
      ...asked,
      defaultActions: sealSecrets(on.sealer, key, actions, []),
      id,
      createdAt: now,
    };
    const parts: Part[] = [
      {
        guard: guardAbsent(collections.listeners, id),
        put: putRecord(collections.listeners, [id], record),
      },
      portPart(state, order.port, id),
      balancer.part,
      ...groups.map((group) => touch(collections.targetGroups, group)),
      ...certified,
      ...trusting,
    ];
    return {
      guards: parts.map(({ guard }) => guard),
      puts: parts.map(({ put }) => put),
      result: (seen) => ({ listener: listenerView(seen, on.realm, record) }),
    };
  });
}

/** Secrets are compared in the open: sealed twice, they never look alike. */
function isSameListener(
  { sealer }: OperationContext,
  existing: ListenerRecord,
  asked: ListenerOrder,
): boolean {
  const key = keyOf(collections.listeners, existing.id);
  const open = {
    ...existing,
    loadBalancer: existing.loadBalancer ?? DEFAULT_BALANCER,
    defaultActions: openSecrets(sealer, key, existing.defaultActions).map((action) =>
      action.authenticateOidc
        ? {
            ...action,
            authenticateOidc: { ...action.authenticateOidc, sealedClientSecret: undefined },
          }
        : action,
    ),
    // Further certificates are added by another call.
    certificates: existing.certificates.slice(0, 1),
  };
  return isSameSetup('ListenerRecord', open, asked);
}

function refuseTooMany(state: State, balancer: string): void {
  const count = listenersOf(state, balancer).length;
  if (count < MOST_LISTENERS) return;
  throw new BerthError(
    'TooManyListeners',
    `The load balancer ${balancer} has ${count} listeners already; expected at most ${MOST_LISTENERS}.`,
  );
}

/** What is not given stays. */
export async function modifyListener(
  on: OperationContext,
  request: ModifyListenerRequest,
  { signal }: CallContext,
): Promise<ModifyListenerResponse> {
  const attempted = `modify listener ${request.listener}`;
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const place = { state, realm: on.realm };
    const found = requireListener(place, request.listener);
    const changed = acceptModifyListener(request, found.value, balancerOf(state, found.value));
    const moves = changed.port !== found.value.port;
    const other = moves ? listenerOn(state, changed.port) : undefined;
    if (other) {
      throw duplicateListener(place, other.value, found.value.loadBalancer ?? DEFAULT_BALANCER);
    }
    if (changed.protocol !== found.value.protocol) checkRules(place, changed);
    const { actions, groups } = resolveActions(place, changed.defaultActions, changed);
    const { certificates, parts: certified } = resolveCertificates(
      place,
      changed.certificates,
      found.value,
    );
    const { mutualAuthentication, parts: trusting } = resolveMutual(
      place,
      changed.mutualAuthentication,
    );
    const record: ListenerRecord = {
      ...changed,
      certificates: uniqueCertificates(certificates),
      mutualAuthentication,
      defaultActions:
        request.defaultActions.length > 0
          ? sealSecrets(on.sealer, found.key, actions, found.value.defaultActions)
          : found.value.defaultActions,
    };
    const parts = [
      replace(collections.listeners, found, record),
      ...(moves ? [portPart(state, changed.port, record.id)] : []),
      ...newGroups(groups, found.value).map((group) => touch(collections.targetGroups, group)),
      ...certified,
      ...trusting,
    ];
    const gone =
      request.defaultActions.length > 0
        ? withoutWeights(state, { listenerId: found.value.id, ruleId: DEFAULT_RULE })
        : { guards: [], deletes: [] };
    return {
      guards: [...parts.map(({ guard }) => guard), ...gone.guards],
      puts: parts.map(({ put }) => put),
      deletes: [...(moves ? [portKey(found.value.port)] : []), ...gone.deletes],
      result: (seen) => ({ listener: listenerView(seen, on.realm, record) }),
    };
  });
}

/** Only what comes to be named has to be touched: what was named already can't be deleted. */
function newGroups(
  groups: readonly Stored<TargetGroupRecord>[],
  { defaultActions }: ListenerRecord,
): Stored<TargetGroupRecord>[] {
  const named = groupsOfActions(defaultActions);
  return groups.filter(({ value }) => !named.includes(value.name));
}

/** One that becomes the default is no further one any more. */
function uniqueCertificates(
  certificates: ListenerRecord['certificates'],
): ListenerRecord['certificates'] {
  return [...new Map(certificates.map((each) => [each.certificateArn, each])).values()];
}

/** The rules have to suit the listener's new protocol too. */
function checkRules(place: Place, listener: ListenerRecord): void {
  const check = new Checker('ValidationError');
  for (const { value: rule } of place.state.list(collections.rules, listener.id)) {
    const field = `the actions of rule ${rule.id}`;
    acceptActions(check, field, withSecrets(rule.actions), listener);
    resolveActions(place, rule.actions, listener);
  }
}

/** The named ones, those of a load balancer, or all, by port. */
export function describeListeners(
  on: OperationContext,
  request: DescribeListenersRequest,
): DescribeListenersResponse {
  const place = { state: on.cache, realm: on.realm };
  const { listeners, loadBalancer } = request;
  if (listeners.length > 0 && loadBalancer) {
    throw new BerthError(
      'ValidationError',
      'You must specify either listeners or a load balancer: expected one of them, not both.',
    );
  }
  const records = listenersAskedFor(place, listeners, loadBalancer);
  const { items, nextMarker } = markedPage(
    records,
    ({ port }) => sortable(port),
    ['DescribeListeners', loadBalancer, ...listeners],
    request,
  );
  return {
    listeners: items.map((record) => listenerView(on.cache, on.realm, record)),
    nextMarker,
  };
}

function listenersAskedFor(
  place: Place,
  named: readonly string[],
  balancer: string | undefined,
): ListenerRecord[] {
  if (named.length > 0) {
    const found = named.map((text) => requireListener(place, text));
    return [...new Map(found.map(({ key, value }) => [key, value])).values()];
  }
  const found = balancer
    ? listenersOf(place.state, requireLoadBalancer(place, balancer).value.name)
    : [...place.state.list(collections.listeners)];
  return found.map(({ value }) => value);
}

/** With its rules. A listener with very many loses the rest of them right after it is gone. */
export async function deleteListener(
  on: OperationContext,
  request: DeleteListenerRequest,
  { signal }: CallContext,
): Promise<DeleteListenerResponse> {
  const attempted = `delete listener ${request.listener}`;
  const id = await write(on, { signal, attempted, turn: TURN }, (state) => {
    const found = requireListener({ state, realm: on.realm }, request.listener);
    return {
      // A rule that is added meanwhile touches the listener.
      guards: [guardUnchanged(found)],
      deletes: [found.key, ...portsOf(state, found), ...firstRules(state, found.value.id)],
      result: () => found.value.id,
    };
  });
  await sweepRules(on, [id], signal);
  return {};
}

function portsOf(state: State, { value }: Stored<ListenerRecord>): string[] {
  const held = state.get(collections.listenerPorts, String(value.port));
  return held?.value.listenerId === value.id ? [held.key] : [];
}

export function describeListenerAttributes(
  on: OperationContext,
  request: DescribeListenerAttributesRequest,
): AttributesResponse {
  const place = { state: on.cache, realm: on.realm };
  const { value } = requireListener(place, request.listener);
  return { attributes: attributesOf(listenerPlace(value), value.attributes) };
}

/** All or nothing; what is not given stays. */
export async function modifyListenerAttributes(
  on: OperationContext,
  request: ModifyListenerAttributesRequest,
  { signal }: CallContext,
): Promise<AttributesResponse> {
  const attempted = `modify the attributes of listener ${request.listener}`;
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const found = requireListener({ state, realm: on.realm }, request.listener);
    const of = listenerPlace(found.value);
    const attributes = acceptAttributes(of, request.attributes, found.value.attributes);
    const { guard, put } = replace(collections.listeners, found, { ...found.value, attributes });
    return {
      guards: [guard],
      puts: [put],
      result: () => ({ attributes: attributesOf(of, attributes) }),
    };
  });
}
