// Listeners. Source: ALB reference, sections 1.4 and 1.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  CreateListenerRequest,
  CreateListenerResponse,
  DeleteListenerRequest,
  DeleteListenerResponse,
  DescribeListenersRequest,
  DescribeListenersResponse,
  ListenerRecord,
  ModifyListenerRequest,
  ModifyListenerResponse,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { fingerprint } from '@berth/model/resources/ids.ts';
import { acceptCreateListener, acceptModifyListener } from '@berth/model/validation/listener.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';
import type { Guard } from '@berth/store/store.ts';

import { listenerView } from '../../views/load-balancing-view.ts';
import type { OperationContext } from '../deps.ts';
import { replace, touch, write } from '../write.ts';
import { listenerOn, requireListener, resolveActions } from './find.ts';

/** All changes of listeners and rules of a process take turns. */
export const TURN = 'load-balancing';
const MOST_LISTENERS = 50;

/** Idempotent: the same actions on the same port give the listener that there is. */
export async function createListener(
  on: OperationContext,
  request: CreateListenerRequest,
  { signal }: CallContext,
): Promise<CreateListenerResponse> {
  const order = acceptCreateListener(request);
  const attempted = `create a listener on port ${order.port}`;
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const { actions, groups } = resolveActions({ state, realm: on.realm }, order.defaultActions);
    const existing = listenerOn(state, order.port);
    if (existing) {
      const same = JSON.stringify(existing.value.defaultActions) === JSON.stringify(actions);
      if (!same) throw duplicate(on, existing.value);
      return { result: (seen) => ({ listener: listenerView(seen, on.realm, existing.value) }) };
    }
    refuseTooMany(state);
    const id = freeId(state, order.port);
    const record: ListenerRecord = {
      id,
      port: order.port,
      protocol: order.protocol,
      defaultActions: actions,
      createdAt: on.clock.now(),
      tags: order.tags,
      certificates: [],
      attributes: {},
    };
    const touched = groups.map((group) => touch(collections.targetGroups, group));
    return {
      guards: [...portGuards(state, order.port), ...touched.map(({ guard }) => guard)],
      puts: [putRecord(collections.listeners, [id], record), ...touched.map(({ put }) => put)],
      result: (seen) => ({ listener: listenerView(seen, on.realm, record) }),
    };
  });
}

function duplicate(on: OperationContext, existing: ListenerRecord): BerthError {
  return new BerthError(
    'DuplicateListener',
    `A listener already exists on port ${existing.port}: '${arn.listener(on.realm, existing.id)}'`,
  );
}

function refuseTooMany(state: State): void {
  const count = [...state.list(collections.listeners)].length;
  if (count < MOST_LISTENERS) return;
  throw new BerthError(
    'TooManyListeners',
    `There are ${count} listeners already; expected at most ${MOST_LISTENERS}.`,
  );
}

/**
 * Ports are unique although keys are ids: nobody else may have changed a listener meanwhile, nor made one on this
 * port, which would have taken the same id.
 */
function portGuards(state: State, port: number, except?: Stored<ListenerRecord>): Guard[] {
  const others = [...state.list(collections.listeners)].filter(({ key }) => key !== except?.key);
  return [...others.map(guardUnchanged), guardAbsent(collections.listeners, freeId(state, port))];
}

/** The first of a port's ids that no listener has: all replicas with the same view choose the same. */
function freeId(state: State, port: number): string {
  for (let turn = 0; ; turn += 1) {
    const id = fingerprint(`listener ${port} ${turn}`);
    if (!state.get(collections.listeners, id)) return id;
  }
}

/** What is not given stays. */
export async function modifyListener(
  on: OperationContext,
  request: ModifyListenerRequest,
  { signal }: CallContext,
): Promise<ModifyListenerResponse> {
  const change = acceptModifyListener(request);
  const attempted = `modify listener ${request.listener}`;
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const place = { state, realm: on.realm };
    const found = requireListener(place, request.listener);
    const port = change.port ?? found.value.port;
    const moves = port !== found.value.port;
    const other = moves ? listenerOn(state, port) : undefined;
    if (other) throw duplicate(on, other.value);
    const resolved = change.defaultActions && resolveActions(place, change.defaultActions);
    const record: ListenerRecord = {
      ...found.value,
      port,
      defaultActions: resolved?.actions ?? found.value.defaultActions,
    };
    const { guard, put } = replace(collections.listeners, found, record);
    const touched = (resolved?.groups ?? []).map((group) => touch(collections.targetGroups, group));
    return {
      guards: [
        guard,
        ...(moves ? portGuards(state, port, found) : []),
        ...touched.map((each) => each.guard),
      ],
      puts: [put, ...touched.map((each) => each.put)],
      result: (seen) => ({ listener: listenerView(seen, on.realm, record) }),
    };
  });
}

/** The named ones, or all, by port. */
export function describeListeners(
  on: OperationContext,
  request: DescribeListenersRequest,
): DescribeListenersResponse {
  const place = { state: on.cache, realm: on.realm };
  const records =
    request.listeners.length > 0
      ? request.listeners.map((text) => requireListener(place, text).value)
      : Array.from(on.cache.list(collections.listeners), ({ value }) => value).sort(
          (a, b) => a.port - b.port,
        );
  return { listeners: records.map((record) => listenerView(on.cache, on.realm, record)) };
}

/** With its rules, at once. */
export async function deleteListener(
  on: OperationContext,
  request: DeleteListenerRequest,
  { signal }: CallContext,
): Promise<DeleteListenerResponse> {
  const attempted = `delete listener ${request.listener}`;
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const found = requireListener({ state, realm: on.realm }, request.listener);
    const rules = [...state.list(collections.rules, found.value.id)];
    return {
      // A rule that is added meanwhile touches the listener.
      guards: [guardUnchanged(found)],
      deletes: [found.key, ...rules.map(({ key }) => key)],
      result: () => ({}),
    };
  });
}
