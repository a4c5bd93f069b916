// What proxies are told of listeners, rules, target groups, targets and all that these need: the whole, or what has changed
// since. A snapshot followed by its changes is the same as a later snapshot. Secrets are in the open here; of certificates and
// trust stores only those that listeners name are sent.
import type {
  ListenerRecord,
  MessageTypes,
  RoutingUpdate,
  ServedCertificate,
} from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { parseCertificateReference } from '@berth/model/resources/reference.ts';
import { emptyUpdate } from '@berth/model/routing/records.ts';
import { DEFAULT_RULE } from '@berth/model/routing/traffic-weights.ts';
import type { Sealer } from '@berth/process/seal.ts';
import { collections, type CollectionName, keyOf } from '@berth/store/keys.ts';
import type { Change, State } from '@berth/store/state.ts';

import { openSecrets } from '../operations/load-balancing/client-secrets.ts';
import { actingListener, actingRule } from '../views/traffic-weights.ts';
import { COOKIE_KEYS, readCookieKeys } from './cookie-keys.ts';

/** The collections that proxies route by, and where each stands in an update. */
const ROUTING = {
  loadBalancers: { present: 'loadBalancers', removed: 'removedLoadBalancers' },
  listeners: { present: 'listeners', removed: 'removedListeners' },
  rules: { present: 'rules', removed: 'removedRules' },
  targetGroups: { present: 'targetGroups', removed: 'removedTargetGroups' },
  targets: { present: 'targets', removed: 'removedTargets' },
} as const satisfies Partial<
  Record<CollectionName, { present: keyof RoutingUpdate; removed: keyof RoutingUpdate }>
>;

type RoutingCollection = keyof typeof ROUTING;
const NAMES = Object.keys(ROUTING) as RoutingCollection[];

/** What is sent only while listeners name it, or as a whole. */
type Derived = 'certificates' | 'trustStores' | 'cookieKeys' | 'acmeChallenges';

/** Which records have changed, by collection and by what follows its name in their keys. */
export type RoutingChanges = Map<
  string,
  { readonly of: RoutingCollection | Derived; readonly parts: readonly string[] }
>;

/** How secrets are opened. */
export interface RoutingSource {
  readonly sealer: Sealer;
  readonly realm: Realm;
  /** Told of what no key opens; proxies go without it. */
  readonly unreadable: (key: string, error: unknown) => void;
}

/** Note those of the changes that concern routing. @returns true when there were any */
export function noteRoutingChanges(
  changes: readonly Change[],
  realm: Realm,
  into: RoutingChanges,
): boolean {
  const before = into.size;
  let any = false;
  const note = (of: RoutingCollection | Derived, ...parts: string[]): void => {
    into.set(`${of}/${parts.join('/')}`, { of, parts });
    any = true;
  };
  for (const change of changes) {
    const { collection, parts } = change;
    // The weights of a deployment are part of the rule, or of the listener, as proxies see it.
    if (collection === 'trafficWeights') {
      const [listenerId = '', ruleId = ''] = parts;
      if (ruleId === DEFAULT_RULE) note('listeners', listenerId);
      else note('rules', listenerId, ruleId);
    }
    if (Object.hasOwn(ROUTING, collection)) note(collection as RoutingCollection, ...parts);
    if (collection === 'certificates' || collection === 'trustStores') note(collection, ...parts);
    if (collection === 'acmeChallenges') note('acmeChallenges');
    if (collection === 'secrets' && parts[0] === COOKIE_KEYS) note('cookieKeys');
    if (collection !== 'listeners') continue;
    for (const side of [change.before, change.after]) {
      const { certificates, trustStore } = needsOf(
        realm,
        side?.value as ListenerRecord | undefined,
      );
      for (const id of certificates) note('certificates', id);
      if (trustStore !== undefined) note('trustStores', trustStore);
    }
  }
  return any || into.size > before;
}

export function routingSnapshot(state: State, source: RoutingSource): RoutingUpdate {
  const update = mutableUpdate(state.revision, true);
  for (const name of NAMES) {
    for (const { value } of state.list(collections[name])) {
      push(update, name, acting(state, name, value), source);
    }
  }
  const needed = neededBy(state, source.realm);
  for (const id of needed.certificates) {
    const served = servedCertificate(state, id, source);
    if (served) update.certificates.push(served);
  }
  for (const name of needed.trustStores) {
    const store = state.get(collections.trustStores, name)?.value;
    if (store) update.trustStores.push(store);
  }
  update.cookieKeys.push(...cookieKeys(state, source));
  update.acmeChallenges.push(...challenges(state));
  update.acmeChanged = true;
  return update;
}

/** The present form of every record noted; `changes` must hold all since the update sent before. */
export function routingDifference(
  state: State,
  changes: RoutingChanges,
  source: RoutingSource,
): RoutingUpdate {
  const update = mutableUpdate(state.revision, false);
  let needed: Needs | undefined;
  for (const { of, parts } of changes.values()) {
    const [name = ''] = parts;
    switch (of) {
      case 'certificates': {
        needed ??= neededBy(state, source.realm);
        const served = needed.certificates.has(name)
          ? servedCertificate(state, name, source)
          : undefined;
        if (served) update.certificates.push(served);
        else update.removedCertificates.push(arn.certificate(source.realm, name));
        break;
      }
      case 'trustStores': {
        needed ??= neededBy(state, source.realm);
        const store = needed.trustStores.has(name)
          ? state.get(collections.trustStores, name)?.value
          : undefined;
        if (store) update.trustStores.push(store);
        else update.removedTrustStores.push(name);
        break;
      }
      case 'cookieKeys':
        update.cookieKeys.push(...cookieKeys(state, source));
        break;
      case 'acmeChallenges':
        update.acmeChallenges.push(...challenges(state));
        update.acmeChanged = true;
        break;
      default: {
        const record = state.get(collections[of], ...parts)?.value;
        if (record) push(update, of, acting(state, of, record), source);
        else update[ROUTING[of].removed].push(parts.join('/'));
      }
    }
  }
  return update;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

type RoutingRecord = MessageTypes[(typeof collections)[RoutingCollection]['message']];

function push(
  update: Mutable<RoutingUpdate>,
  of: RoutingCollection,
  record: RoutingRecord,
  source: RoutingSource,
): void {
  (update[ROUTING[of].present] as RoutingRecord[]).push(opened(of, record, source));
}

/** `emptyUpdate` makes its lists afresh each time: they may be filled. */
function mutableUpdate(revision: number, snapshot: boolean): Mutable<RoutingUpdate> {
  return emptyUpdate(revision, snapshot) as Mutable<RoutingUpdate>;
}

/** With the weights that deployments have given. */
function acting(state: State, of: RoutingCollection, record: RoutingRecord): RoutingRecord {
  if (of === 'listeners') return actingListener(state, record as ListenerRecord);
  if (of === 'rules') return actingRule(state, record as MessageTypes['RuleRecord']);
  return record;
}

/** With the secrets of its actions in the open. */
function opened(
  of: RoutingCollection,
  record: RoutingRecord,
  source: RoutingSource,
): RoutingRecord {
  if (of === 'listeners') {
    const listener = record as MessageTypes['ListenerRecord'];
    const key = keyOf(collections.listeners, listener.id);
    const defaultActions = openedActions(listener.defaultActions, key, source);
    return defaultActions === listener.defaultActions ? record : { ...listener, defaultActions };
  }
  if (of === 'rules') {
    const rule = record as MessageTypes['RuleRecord'];
    const key = keyOf(collections.rules, rule.listenerId, rule.id);
    const actions = openedActions(rule.actions, key, source);
    return actions === rule.actions ? record : { ...rule, actions };
  }
  return record;
}

function openedActions(
  actions: ListenerRecord['defaultActions'],
  key: string,
  { sealer, unreadable }: RoutingSource,
): ListenerRecord['defaultActions'] {
  if (!actions.some(({ authenticateOidc }) => authenticateOidc)) return actions;
  try {
    return openSecrets(sealer, key, actions);
  } catch (error) {
    unreadable(key, error);
    return actions;
  }
}

interface Needs {
  /** Their ids. */
  readonly certificates: ReadonlySet<string>;
  /** Their names. */
  readonly trustStores: ReadonlySet<string>;
}

function neededBy(state: State, realm: Realm): Needs {
  const certificates = new Set<string>();
  const trustStores = new Set<string>();
  for (const { value } of state.list(collections.listeners)) {
    const needs = needsOf(realm, value);
    for (const id of needs.certificates) certificates.add(id);
    if (needs.trustStore !== undefined) trustStores.add(needs.trustStore);
  }
  return { certificates, trustStores };
}

function needsOf(
  realm: Realm,
  listener: ListenerRecord | undefined,
): { readonly certificates: readonly string[]; readonly trustStore: string | undefined } {
  const certificates = (listener?.certificates ?? []).flatMap(({ certificateArn }) => {
    const id = parseCertificateReference(realm, certificateArn);
    return certificateArn.startsWith('arn:') && id !== undefined ? [id] : [];
  });
  return { certificates, trustStore: listener?.mutualAuthentication?.trustStore || undefined };
}

/** @returns undefined while there is nothing to show: it was not issued yet, or can't be opened */
function servedCertificate(
  state: State,
  id: string,
  { sealer, realm, unreadable }: RoutingSource,
): ServedCertificate | undefined {
  const stored = state.get(collections.certificates, id);
  if (!stored || stored.value.chainPem === '') return undefined;
  try {
    const keyPem = Buffer.from(sealer.open(stored.value.sealedKeyPem, stored.key)).toString();
    return { arn: arn.certificate(realm, id), chainPem: stored.value.chainPem, keyPem };
  } catch (error) {
    unreadable(stored.key, error);
    return undefined;
  }
}

function cookieKeys(
  state: State,
  { sealer, unreadable }: RoutingSource,
): RoutingUpdate['cookieKeys'] {
  try {
    return readCookieKeys(state, sealer);
  } catch (error) {
    unreadable(collections.secrets.name, error);
    return [];
  }
}

function challenges(state: State): RoutingUpdate['acmeChallenges'] {
  return Array.from(
    state.list(collections.acmeChallenges),
    ({ value: { domain, type, token, keyAuthorization } }) => ({
      domain,
      type,
      token,
      keyAuthorization,
    }),
  );
}
