// The routing table: an immutable value built from records, with everything compiled that a request needs. A proxy
// swaps one table for the next in one assignment. What an update did not touch is shared with the table before.
import type {
  ListenerRecord,
  LoadBalancerRecord,
  RoutingUpdate,
  RuleRecord,
  TargetGroupRecord,
  TargetRecord,
} from '../generated/messages.ts';

import { familyOf } from './attributes.ts';
import { type GroupSettings, groupSettings } from './group-settings.ts';
import { type ListenerSettings, listenerSettings } from './listener-settings.ts';
import { type LoadBalancerSettings, loadBalancerSettings } from './load-balancer-settings.ts';
import { NO_RECORDS, type RoutingRecords, applyUpdate } from './records.ts';
import { type Route, compareRoutes, compileDefaultRule, compileRule, groupsOf } from './route.ts';
import { EMPTY_INDEX, type RuleIndex, changeIndex } from './rule-index.ts';

export type { ForwardRoute, Route, RouteAction } from './route.ts';

export interface ListenerRoutes {
  readonly record: ListenerRecord;
  readonly settings: ListenerSettings;
  /** Undefined: its record has not come. */
  readonly loadBalancer: LoadBalancerRecord | undefined;
  readonly loadBalancerSettings: LoadBalancerSettings;
  /** In the order in which they are tried; the default rule last. */
  readonly routes: readonly Route[];
  readonly defaultRoute: Route;
  readonly index: RuleIndex;
  /** Names of the target groups that its rules send to, copies included. */
  readonly groups: ReadonlySet<string>;
}

export interface GroupRoutes {
  readonly record: TargetGroupRecord;
  readonly settings: GroupSettings;
  /** Some rule forwards to it: its targets are checked. */
  readonly inUse: boolean;
  /** Targets of all zones get requests, not only those of the proxy's own. */
  readonly crossZone: boolean;
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
  for (const name of groupNames(records, previous)) {
    const record = records.targetGroups.get(name) as TargetGroupRecord;
    groups.set(name, groupRoutes(record, used.get(name), records, previous));
  }
  return { records, listeners, groups };
}

const olderFirst = (a: ListenerRecord, b: ListenerRecord): number =>
  a.createdAt - b.createdAt || compare(a.id, b.id);
const byId = (a: TargetRecord, b: TargetRecord): number => compare(a.id, b.id);

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function listenerRoutes(
  record: ListenerRecord,
  records: RoutingRecords,
  previous: RouteTable | undefined,
): ListenerRoutes {
  const rules = records.rules.get(record.id);
  const rulesBefore = previous?.records.rules.get(record.id);
  const known = previous?.listeners.get(record.port);
  const before = known?.record.id === record.id ? known : undefined;
  const loadBalancer = records.loadBalancers.get(record.loadBalancer ?? '');
  const sameRecord = before?.record === record;
  const sameRules = before !== undefined && rules === rulesBefore;
  if (sameRecord && sameRules && before.loadBalancer === loadBalancer) return before;
  const balancer = {
    loadBalancer,
    loadBalancerSettings: balancerSettings(record, loadBalancer, before),
  };
  if (sameRecord && sameRules) return { ...before, ...balancer };
  const defaultRoute = sameRecord ? before.defaultRoute : compileDefaultRule(record);
  const { ordered, index } = sameRules
    ? { ordered: before.routes.slice(0, -1), index: before.index }
    : changedRules(rules, rulesBefore, before);
  const routes = [...ordered, defaultRoute];
  return {
    record,
    settings: sameRecord ? before.settings : listenerSettings(record),
    ...balancer,
    routes,
    defaultRoute,
    index,
    groups: new Set(routes.flatMap(groupsOf)),
  };
}

function balancerSettings(
  listener: ListenerRecord,
  record: LoadBalancerRecord | undefined,
  before: ListenerRoutes | undefined,
): LoadBalancerSettings {
  if (before !== undefined && before.loadBalancer === record) return before.loadBalancerSettings;
  if (record !== undefined) return loadBalancerSettings(record);
  const type = familyOf(listener.protocol);
  return loadBalancerSettings({ type, scheme: 'internet-facing', attributes: {} });
}

/** Compiles what is new only. */
function changedRules(
  rules: ReadonlyMap<string, RuleRecord> | undefined,
  rulesBefore: ReadonlyMap<string, RuleRecord> | undefined,
  before: ListenerRoutes | undefined,
): { readonly ordered: readonly Route[]; readonly index: RuleIndex } {
  const kept: Route[] = [];
  const gone: Route[] = [];
  for (const route of before?.routes ?? []) {
    if (route.record === undefined) continue;
    (rules?.get(route.record.id) === route.record ? kept : gone).push(route);
  }
  const come: Route[] = [];
  for (const [id, record] of rules ?? []) {
    if (before === undefined || rulesBefore?.get(id) !== record) come.push(compileRule(record));
  }
  come.sort(compareRoutes);
  return {
    ordered: merged(kept, come, compareRoutes),
    index: changeIndex(before?.index ?? EMPTY_INDEX, gone, come),
  };
}

/** Two ordered lists as one. */
function merged<T>(left: readonly T[], right: readonly T[], order: (a: T, b: T) => number): T[] {
  if (right.length === 0) return [...left];
  const all: T[] = [];
  let taken = 0;
  for (const item of left) {
    while (taken < right.length && order(right[taken] as T, item) < 0) {
      all.push(right[taken] as T);
      taken += 1;
    }
    all.push(item);
  }
  return [...all, ...right.slice(taken)];
}

/** Whether the load balancer of a listener that sends to a group says to use targets of all zones. */
function usedGroups(listeners: ReadonlyMap<number, ListenerRoutes>): Map<string, boolean> {
  const used = new Map<string, boolean>();
  for (const { groups, loadBalancerSettings } of listeners.values()) {
    for (const group of groups) {
      if (!used.has(group)) used.set(group, loadBalancerSettings.crossZone);
    }
  }
  return used;
}

function groupNames(records: RoutingRecords, previous: RouteTable | undefined): Iterable<string> {
  if (previous !== undefined && previous.records.targetGroups === records.targetGroups) {
    return previous.groups.keys();
  }
  return [...records.targetGroups.keys()].sort(compare);
}

function groupRoutes(
  record: TargetGroupRecord,
  crossZoneByDefault: boolean | undefined,
  records: RoutingRecords,
  previous: RouteTable | undefined,
): GroupRoutes {
  const before = previous?.groups.get(record.name);
  const targets = records.targets.get(record.name);
  const targetsBefore = previous?.records.targets.get(record.name);
  const sameRecord = before?.record === record;
  const settings = sameRecord ? before.settings : groupSettings(record);
  const inUse = crossZoneByDefault !== undefined;
  const crossZone = settings.crossZone ?? crossZoneByDefault ?? true;
  const sameTargets = before !== undefined && targets === targetsBefore;
  if (sameRecord && sameTargets && before.inUse === inUse && before.crossZone === crossZone) {
    return before;
  }
  return {
    record,
    settings,
    inUse,
    crossZone,
    targets: sameTargets ? before.targets : changedTargets(targets, targetsBefore, before),
  };
}

function changedTargets(
  targets: ReadonlyMap<string, TargetRecord> | undefined,
  targetsBefore: ReadonlyMap<string, TargetRecord> | undefined,
  before: GroupRoutes | undefined,
): readonly TargetRecord[] {
  const kept = (before?.targets ?? []).filter((target) => targets?.get(target.id) === target);
  const come: TargetRecord[] = [];
  for (const [id, record] of targets ?? []) {
    if (before === undefined || targetsBefore?.get(id) !== record) come.push(record);
  }
  return merged(kept, come.sort(byId), byId);
}
