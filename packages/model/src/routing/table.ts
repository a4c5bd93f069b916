// The routing table: an immutable value built from records, with everything compiled that a request needs. A proxy
// swaps one table for the next in one assignment. What an update did not touch is shared with the table before.
import type {
  Action,
  FixedResponseAction,
  ListenerRecord,
  RedirectAction,
  RoutingUpdate,
  RuleRecord,
  TargetGroupRecord,
  TargetRecord,
} from '../generated/messages.ts';
import { nameOf } from '../resources/arn.ts';

import { type Condition, compileCondition } from './conditions.ts';
import { type GroupSettings, groupSettings } from './group-settings.ts';
import { NO_RECORDS, type RoutingRecords, applyUpdate } from './records.ts';
import { weightCycle } from './weights.ts';

export type RouteAction =
  | {
      readonly kind: 'forward';
      readonly groups: readonly { readonly group: string; readonly weight: number }[];
      /** Indices into `groups`, to be walked round and round; empty when all weights are zero. */
      readonly cycle: readonly number[];
    }
  | { readonly kind: 'redirect'; readonly redirect: RedirectAction }
  | { readonly kind: 'fixed-response'; readonly response: FixedResponseAction }
  /** A record that says nothing usable; answered with an error. */
  | { readonly kind: 'broken'; readonly reason: string };

export interface Route {
  /** LISTENER/RULE, or LISTENER/default. */
  readonly key: string;
  readonly priority: number | 'default';
  /** All must hold; the default rule has none. */
  readonly conditions: readonly Condition[];
  readonly action: RouteAction;
}

export interface ListenerRoutes {
  readonly record: ListenerRecord;
  /** In the order in which they are tried; the default rule last. */
  readonly routes: readonly Route[];
}

export interface GroupRoutes {
  readonly record: TargetGroupRecord;
  readonly settings: GroupSettings;
  /** Some rule forwards to it: its targets are checked. */
  readonly inUse: boolean;
  /** Ordered by id. */
  readonly targets: readonly TargetRecord[];
}

export interface RouteTable {
  readonly records: RoutingRecords;
  /** By port. Of two listeners on one port the older counts. */
  readonly listeners: ReadonlyMap<number, ListenerRoutes>;
  /** By name. */
  readonly groups: ReadonlyMap<string, GroupRoutes>;
}

export const EMPTY_TABLE: RouteTable = {
  records: NO_RECORDS,
  listeners: new Map(),
  groups: new Map(),
};

/** The table after an update: the same value as one built afresh. Pure. */
export function updateTable(table: RouteTable, update: RoutingUpdate): RouteTable {
  return buildTable(applyUpdate(table.records, update), table);
}

/** @param previous a table whose parts are shared where their records are the same. Pure. */
export function buildTable(records: RoutingRecords, previous?: RouteTable): RouteTable {
  const listeners = new Map<number, ListenerRoutes>();
  for (const record of [...records.listeners.values()].sort(olderFirst)) {
    if (listeners.has(record.port)) continue;
    listeners.set(record.port, listenerRoutes(record, records, previous));
  }
  const used = usedGroups(listeners);
  const groups = new Map<string, GroupRoutes>();
  for (const record of [...records.targetGroups.values()].sort(byName)) {
    groups.set(record.name, groupRoutes(record, used.has(record.name), records, previous));
  }
  return { records, listeners, groups };
}

const olderFirst = (a: ListenerRecord, b: ListenerRecord): number =>
  a.createdAt - b.createdAt || compare(a.id, b.id);
const byName = (a: TargetGroupRecord, b: TargetGroupRecord): number => compare(a.name, b.name);
const byId = (a: TargetRecord, b: TargetRecord): number => compare(a.id, b.id);
const byPriority = (a: RuleRecord, b: RuleRecord): number =>
  a.priority - b.priority || compare(a.id, b.id);

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function listenerRoutes(
  record: ListenerRecord,
  records: RoutingRecords,
  previous: RouteTable | undefined,
): ListenerRoutes {
  const rules = records.rules.get(record.id);
  const before = previous?.listeners.get(record.port);
  if (before?.record === record && previous?.records.rules.get(record.id) === rules) return before;
  const routes = [...(rules?.values() ?? [])].sort(byPriority).map((rule): Route => ({
    key: `${record.id}/${rule.id}`,
    priority: rule.priority,
    conditions: rule.conditions.map(compileCondition),
    action: compileAction(rule.actions),
  }));
  routes.push({
    key: `${record.id}/default`,
    priority: 'default',
    conditions: [],
    action: compileAction(record.defaultActions),
  });
  return { record, routes };
}

/** The routing action is the last one. */
function compileAction(actions: readonly Action[]): RouteAction {
  const action = actions.at(-1);
  switch (action?.type) {
    case 'forward': {
      const groups = (action.forward?.targetGroups ?? []).map((tuple) => ({
        group: nameOf(tuple.targetGroupArn),
        weight: tuple.weight ?? 1,
      }));
      if (groups.length === 0) return { kind: 'broken', reason: 'forward without a target group' };
      // The weight of a single group is irrelevant.
      const cycle = groups.length === 1 ? [0] : weightCycle(groups.map((group) => group.weight));
      return { kind: 'forward', groups, cycle };
    }
    case 'redirect':
      if (action.redirect === undefined)
        return { kind: 'broken', reason: 'redirect without settings' };
      return { kind: 'redirect', redirect: action.redirect };
    case 'fixed-response':
      if (action.fixedResponse === undefined) {
        return { kind: 'broken', reason: 'fixed-response without settings' };
      }
      return { kind: 'fixed-response', response: action.fixedResponse };
    case 'authenticate-oidc':
    case 'jwt-validation':
      return { kind: 'broken', reason: `${action.type} without a routing action` };
    case undefined:
      return { kind: 'broken', reason: 'no action' };
  }
}

function usedGroups(listeners: ReadonlyMap<number, ListenerRoutes>): Set<string> {
  const used = new Set<string>();
  for (const { routes } of listeners.values()) {
    for (const { action } of routes) {
      if (action.kind === 'forward') for (const { group } of action.groups) used.add(group);
    }
  }
  return used;
}

function groupRoutes(
  record: TargetGroupRecord,
  inUse: boolean,
  records: RoutingRecords,
  previous: RouteTable | undefined,
): GroupRoutes {
  const targets = records.targets.get(record.name);
  const before = previous?.groups.get(record.name);
  if (
    before?.record === record &&
    before.inUse === inUse &&
    previous?.records.targets.get(record.name) === targets
  ) {
    return before;
  }
  return {
    record,
    settings: before?.record === record ? before.settings : groupSettings(record),
    inUse,
    targets: [...(targets?.values() ?? [])].sort(byId),
  };
}
