// What a load-balancing request names, or ALB's error where there is no such thing. Pure.
// Source: ALB reference, sections 1.2 and 1.5.
import { BerthError } from '@berth/model/errors.ts';
import type {
  CertificateRecord,
  ListenerRecord,
  LoadBalancerRecord,
  RuleRecord,
  TargetGroupRecord,
  TrustStoreRecord,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { parseCertificateReference, parseElbReference } from '@berth/model/resources/reference.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { balancerOf } from '../../views/balancer.ts';
import type { Place } from '../resolve.ts';

/** By name or ARN. */
export function findLoadBalancer(
  { state, realm }: Place,
  text: string,
): Stored<LoadBalancerRecord> | undefined {
  const path = parseElbReference(realm, 'loadbalancer', text) ?? [];
  const name = path.length === 3 ? path[1] : path.length === 1 ? path[0] : undefined;
  const found = name === undefined ? undefined : state.get(collections.loadBalancers, name);
  if (!found || path.length === 1) return found;
  return arn.loadBalancer(realm, found.value) === text ? found : undefined;
}

/** @throws BerthError LoadBalancerNotFound */
export function requireLoadBalancer(place: Place, text: string): Stored<LoadBalancerRecord> {
  const found = findLoadBalancer(place, text);
  if (found) return found;
  throw new BerthError(
    'LoadBalancerNotFound',
    `One or more load balancers not found (load balancer "${text}")`,
  );
}

/** By name or ARN. An ARN's id has to be the group's own: a group that was made anew is another. */
export function findTargetGroup(
  { state, realm }: Place,
  text: string,
): Stored<TargetGroupRecord> | undefined {
  const [name, id] = parseElbReference(realm, 'targetgroup', text) ?? [];
  const found = name === undefined ? undefined : state.get(collections.targetGroups, name);
  return id === undefined || found?.value.id === id ? found : undefined;
}

/** @throws BerthError TargetGroupNotFound */
export function requireTargetGroup(place: Place, text: string): Stored<TargetGroupRecord> {
  const found = findTargetGroup(place, text);
  if (found) return found;
  throw new BerthError(
    'TargetGroupNotFound',
    `One or more target groups not found (target group "${text}")`,
  );
}

/** By id, ARN or port. @throws BerthError ListenerNotFound */
export function requireListener({ state, realm }: Place, text: string): Stored<ListenerRecord> {
  const id = parseElbReference(realm, 'listener', text)?.at(-1);
  const exact = id === undefined ? undefined : state.get(collections.listeners, id);
  const found = exact ?? (/^\d{1,5}$/.test(text) ? listenerOn(state, Number(text)) : undefined);
  const named =
    found &&
    (!text.startsWith('arn:') ||
      arn.listener(realm, balancerOf(state, found.value), found.value.id) === text);
  if (found && named) return found;
  throw new BerthError('ListenerNotFound', `One or more listeners not found (listener "${text}")`);
}

export function listenerOn(state: State, port: number): Stored<ListenerRecord> | undefined {
  for (const listener of state.list(collections.listeners)) {
    if (listener.value.port === port) return listener;
  }
  return undefined;
}

export type FoundRule =
  | {
      readonly kind: 'rule';
      readonly rule: Stored<RuleRecord>;
      readonly listener: Stored<ListenerRecord>;
    }
  /** The default rule, which is part of its listener. */
  | { readonly kind: 'default'; readonly listener: Stored<ListenerRecord> };

/** By id or ARN; a default rule has the id of its listener. @throws BerthError RuleNotFound */
export function requireRule({ state, realm }: Place, text: string): FoundRule {
  const id = parseElbReference(realm, 'listener-rule', text)?.at(-1);
  const found = id === undefined ? undefined : findRule(state, id);
  if (found) {
    const { value: listener } = found.listener;
    const own = found.kind === 'rule' ? found.rule.value.id : listener.id;
    const named = arn.rule(realm, balancerOf(state, listener), listener.id, own);
    if (!text.startsWith('arn:') || named === text) return found;
  }
  throw new BerthError('RuleNotFound', `One or more rules not found (rule "${text}")`);
}

/** A rule whose listener is gone is as good as gone itself. */
function findRule(state: State, id: string): FoundRule | undefined {
  const own = state.get(collections.listeners, id);
  if (own) return { kind: 'default', listener: own };
  for (const rule of state.rulesById(id)) {
    const listener = state.get(collections.listeners, rule.value.listenerId);
    if (listener) return { kind: 'rule', rule, listener };
  }
  return undefined;
}

/** By name or ARN. @throws BerthError TrustStoreNotFound */
export function requireTrustStore({ state, realm }: Place, text: string): Stored<TrustStoreRecord> {
  const [name, id] = parseElbReference(realm, 'truststore', text) ?? [];
  const found = name === undefined ? undefined : state.get(collections.trustStores, name);
  if (found && (id === undefined || found.value.id === id)) return found;
  throw new BerthError(
    'TrustStoreNotFound',
    `One or more trust stores not found (trust store "${text}")`,
  );
}

/** By id or ARN. @throws BerthError CertificateNotFound */
export function requireCertificate(
  { state, realm }: Place,
  text: string,
): Stored<CertificateRecord> {
  const id = parseCertificateReference(realm, text);
  const found = id === undefined ? undefined : state.get(collections.certificates, id);
  if (found) return found;
  throw new BerthError('CertificateNotFound', `Certificate '${text}' not found`);
}
