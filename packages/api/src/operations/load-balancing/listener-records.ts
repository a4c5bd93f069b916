// How listeners, their ports and their rules hang together in the store. A port's record keeps it from having two listeners;
// whoever adds a listener touches its load balancer, whoever changes the set of a listener's rules touches the listener.
import { BerthError } from '@berth/model/errors.ts';
import type {
  ListenerCertificate,
  ListenerRecord,
  LoadBalancerRecord,
  MutualAuthentication,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { attributesOf } from '@berth/model/routing/attributes.ts';
import { balancerPlace } from '@berth/model/validation/load-balancer.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';
import type { Guard, Put } from '@berth/store/store.ts';

import { DEFAULT_BALANCER, defaultBalancer, listenersOf } from '../../views/balancer.ts';
import { listenerArn } from '../../views/load-balancing-view.ts';
import type { OperationContext } from '../deps.ts';
import type { Place } from '../resolve.ts';
import { touch } from '../write.ts';
import { requireCertificate, requireLoadBalancer, requireTrustStore } from './find.ts';

/** All changes of load balancers, listeners and rules of a process take turns. */
export const TURN = 'load-balancing';
/** Of one transaction, which may have 128 operations. */
const RULES_AT_ONCE = 100;

/** Something to be committed together with the rest. */
export interface Part {
  readonly guard: Guard;
  readonly put: Put;
}

/** The load balancer that a new listener is for; `berth` is made where there is none yet. */
export function balancerFor(
  { state, realm }: Place,
  asked: string | undefined,
  now: number,
): { readonly record: LoadBalancerRecord; readonly part: Part } {
  const wanted = asked || DEFAULT_BALANCER;
  if (wanted !== DEFAULT_BALANCER || state.get(collections.loadBalancers, wanted)) {
    const found = requireLoadBalancer({ state, realm }, wanted);
    return { record: found.value, part: touch(collections.loadBalancers, found) };
  }
  const record = defaultBalancer(realm, now);
  return {
    record,
    part: {
      guard: guardAbsent(collections.loadBalancers, wanted),
      put: putRecord(collections.loadBalancers, [wanted], record),
    },
  };
}

export function portKey(port: number): string {
  return keyOf(collections.listenerPorts, String(port));
}

/** Takes a port, if no listener has it. */
export function portPart(state: State, port: number, listenerId: string): Part {
  const parts = [String(port)];
  const held = state.get(collections.listenerPorts, ...parts);
  const holder = held && state.get(collections.listeners, held.value.listenerId)?.value;
  const stale = held && holder?.port !== port;
  return {
    guard: stale ? guardUnchanged(held) : guardAbsent(collections.listenerPorts, ...parts),
    put: putRecord(collections.listenerPorts, parts, { port, listenerId }),
  };
}

/** @param balancer that the other listener would be of */
export function duplicateListener(
  { state, realm }: Place,
  existing: ListenerRecord,
  balancer: string,
): BerthError {
  const taken = `A listener already exists on port ${existing.port}: '${listenerArn(state, realm, existing)}'`;
  const other = (existing.loadBalancer ?? DEFAULT_BALANCER) !== balancer;
  return new BerthError(
    'DuplicateListener',
    other
      ? `${taken} of another load balancer. All load balancers are served by the same proxies, so that a port belongs to one listener.`
      : taken,
  );
}

/** How many rules the listeners of a load balancer have, without default rules. */
export function countRules(state: State, balancer: string): number {
  let count = 0;
  for (const { value } of listenersOf(state, balancer)) {
    count += [...state.list(collections.rules, value.id)].length;
  }
  return count;
}

/** @throws BerthError TooManyRules */
export function refuseTooManyRules({ state }: Place, balancer: LoadBalancerRecord): void {
  const attributes = attributesOf(balancerPlace(balancer), balancer.attributes);
  const most = Number(attributes['berth.quotas.rules']);
  const count = countRules(state, balancer.name);
  if (count < most) return;
  throw new BerthError(
    'TooManyRules',
    `The load balancer ${balancer.name} has ${count} rules already; expected at most ${most}. Its attribute berth.quotas.rules raises that.`,
  );
}

/**
 * Certificates by their ARNs, or as files of the proxies; with what to touch so that none is deleted meanwhile.
 * @param listener that may have some of them already: those can't be deleted
 */
export function resolveCertificates(
  place: Place,
  asked: readonly ListenerCertificate[],
  listener?: ListenerRecord,
): { readonly certificates: ListenerCertificate[]; readonly parts: Part[] } {
  const parts = new Map<string, Part>();
  const certificates = asked.map(({ certificateArn: text }) => {
    if (/^file:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(text)) return { certificateArn: text };
    const found = requireCertificate(place, text);
    const certificateArn = arn.certificate(place.realm, found.value.id);
    const known = listener?.certificates.some((each) => each.certificateArn === certificateArn);
    if (known !== true) parts.set(found.key, touch(collections.certificates, found));
    return { certificateArn };
  });
  return { certificates, parts: [...parts.values()] };
}

/** With the trust store by its name. */
export function resolveMutual(
  place: Place,
  mutual: MutualAuthentication | undefined,
): { readonly mutualAuthentication: MutualAuthentication | undefined; readonly parts: Part[] } {
  if (!mutual?.trustStore) return { mutualAuthentication: mutual, parts: [] };
  const store = requireTrustStore(place, mutual.trustStore);
  return {
    mutualAuthentication: { ...mutual, trustStore: store.value.name },
    parts: [touch(collections.trustStores, store)],
  };
}

/** The rules that can be deleted together with their listener. */
export function firstRules(state: State, listener: string): string[] {
  return [...state.list(collections.rules, listener)].slice(0, RULES_AT_ONCE).map(({ key }) => key);
}

/**
 * Delete the rules of listeners that are gone. Nothing looks at them any more and none can be added; what a crash leaves, the
 * controller deletes.
 */
export async function sweepRules(
  { store, cache }: OperationContext,
  listeners: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const listener of listeners) {
    for (;;) {
      const deletes = firstRules(cache, listener);
      if (deletes.length === 0) break;
      const { revision } = await store.commit({ guards: [], puts: [], deletes }, signal);
      await cache.reached(revision, signal);
    }
  }
}
