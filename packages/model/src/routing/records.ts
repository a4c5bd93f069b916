// The routing records that a proxy holds: what a session's snapshot and changes add up to. Immutable: an update
// makes new records that share what it did not touch, so that the table built from them can share it too.
import type {
  AcmeChallenge,
  CookieKey,
  ListenerRecord,
  LoadBalancerRecord,
  RoutingUpdate,
  RuleRecord,
  ServedCertificate,
  TargetGroupRecord,
  TargetRecord,
  TrustStoreRecord,
} from '../generated/messages.ts';

export interface RoutingRecords {
  readonly revision: number;
  /** By listener id. */
  readonly listeners: ReadonlyMap<string, ListenerRecord>;
  /** By listener id, then rule id. */
  readonly rules: ReadonlyMap<string, ReadonlyMap<string, RuleRecord>>;
  /** By name. */
  readonly targetGroups: ReadonlyMap<string, TargetGroupRecord>;
  /** By group name, then target id. */
  readonly targets: ReadonlyMap<string, ReadonlyMap<string, TargetRecord>>;
  /** By name. */
  readonly loadBalancers: ReadonlyMap<string, LoadBalancerRecord>;
  /** By ARN; with their keys in the open. */
  readonly certificates: ReadonlyMap<string, ServedCertificate>;
  /** By name. */
  readonly trustStores: ReadonlyMap<string, TrustStoreRecord>;
  /** The first makes new cookies, all of them read. */
  readonly cookieKeys: readonly CookieKey[];
  readonly acmeChallenges: readonly AcmeChallenge[];
}

export const NO_RECORDS: RoutingRecords = {
  revision: 0,
  listeners: new Map(),
  rules: new Map(),
  targetGroups: new Map(),
  targets: new Map(),
  loadBalancers: new Map(),
  certificates: new Map(),
  trustStores: new Map(),
  cookieKeys: [],
  acmeChallenges: [],
};

/** An update that names nothing. */
export function emptyUpdate(revision: number, snapshot: boolean): RoutingUpdate {
  return {
    revision,
    snapshot,
    listeners: [],
    rules: [],
    targetGroups: [],
    targets: [],
    removedListeners: [],
    removedRules: [],
    removedTargetGroups: [],
    removedTargets: [],
    loadBalancers: [],
    removedLoadBalancers: [],
    certificates: [],
    removedCertificates: [],
    trustStores: [],
    removedTrustStores: [],
    cookieKeys: [],
    acmeChallenges: [],
    acmeChanged: false,
    more: false,
  };
}

/** A snapshot replaces everything, changes are laid over what is there. Removals come before additions. Pure. */
export function applyUpdate(records: RoutingRecords, update: RoutingUpdate): RoutingRecords {
  const base = update.snapshot ? NO_RECORDS : records;
  return {
    revision: update.revision,
    listeners: changed(base.listeners, update.removedListeners, update.listeners, (l) => l.id),
    rules: changedNested(base.rules, update.removedRules, update.rules, (r) => [
      r.listenerId,
      r.id,
    ]),
    targetGroups: changed(
      base.targetGroups,
      update.removedTargetGroups,
      update.targetGroups,
      (g) => g.name,
    ),
    targets: changedNested(base.targets, update.removedTargets, update.targets, (t) => [
      t.group,
      t.id,
    ]),
    loadBalancers: changed(
      base.loadBalancers,
      update.removedLoadBalancers,
      update.loadBalancers,
      (l) => l.name,
    ),
    certificates: changed(
      base.certificates,
      update.removedCertificates,
      update.certificates,
      (c) => c.arn,
    ),
    trustStores: changed(
      base.trustStores,
      update.removedTrustStores,
      update.trustStores,
      (t) => t.name,
    ),
    cookieKeys: update.cookieKeys.length > 0 ? update.cookieKeys : base.cookieKeys,
    acmeChallenges: update.acmeChanged ? update.acmeChallenges : base.acmeChallenges,
  };
}

/** The snapshot that makes these records. Pure. */
export function snapshotOf(records: RoutingRecords): RoutingUpdate {
  const flat = <T>(nested: ReadonlyMap<string, ReadonlyMap<string, T>>): T[] =>
    [...nested.values()].flatMap((inner) => [...inner.values()]);
  return {
    ...emptyUpdate(records.revision, true),
    listeners: [...records.listeners.values()],
    rules: flat(records.rules),
    targetGroups: [...records.targetGroups.values()],
    targets: flat(records.targets),
    loadBalancers: [...records.loadBalancers.values()],
    certificates: [...records.certificates.values()],
    trustStores: [...records.trustStores.values()],
    cookieKeys: records.cookieKeys,
    acmeChallenges: records.acmeChallenges,
    acmeChanged: true,
  };
}

function changed<T>(
  base: ReadonlyMap<string, T>,
  removed: readonly string[],
  put: readonly T[],
  keyOf: (item: T) => string,
): ReadonlyMap<string, T> {
  if (removed.length === 0 && put.length === 0) return base;
  const result = new Map(base);
  for (const key of removed) result.delete(key);
  for (const item of put) result.set(keyOf(item), item);
  return result;
}

type Nested<T> = ReadonlyMap<string, ReadonlyMap<string, T>>;

function changedNested<T>(
  base: Nested<T>,
  removed: readonly string[],
  put: readonly T[],
  keyOf: (item: T) => readonly [string, string],
): Nested<T> {
  if (removed.length === 0 && put.length === 0) return base;
  const touched = new Map<string, Map<string, T>>();
  const inner = (outer: string): Map<string, T> => {
    const found = touched.get(outer) ?? new Map(base.get(outer));
    touched.set(outer, found);
    return found;
  };
  for (const key of removed) {
    const slash = key.indexOf('/');
    inner(key.slice(0, slash)).delete(key.slice(slash + 1));
  }
  for (const item of put) {
    const [outer, key] = keyOf(item);
    inner(outer).set(key, item);
  }
  const result = new Map(base);
  for (const [outer, items] of touched) {
    if (items.size === 0) result.delete(outer);
    else result.set(outer, items);
  }
  return result;
}
