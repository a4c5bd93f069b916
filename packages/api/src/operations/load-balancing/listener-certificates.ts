// The certificates of a listener besides its default one, which servers with other names present. Source: ALB reference, section 1.4.
import { BerthError } from '@berth/model/errors.ts';
import type {
  AddListenerCertificatesRequest,
  AddListenerCertificatesResponse,
  DescribedListenerCertificate,
  DescribeListenerCertificatesRequest,
  DescribeListenerCertificatesResponse,
  DescribeSslPoliciesRequest,
  DescribeSslPoliciesResponse,
  ListenerCertificate,
  RemoveListenerCertificatesRequest,
  RemoveListenerCertificatesResponse,
  SslPolicy,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { MOST_CERTIFICATES } from '@berth/model/resources/quotas.ts';
import { parseCertificateReference } from '@berth/model/resources/reference.ts';
import { TLS_POLICIES, type TlsPolicy, tlsPolicy } from '@berth/model/routing/tls-policies.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { markedPage, sortable } from '@berth/model/validation/markers.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import type { OperationContext } from '../deps.ts';
import { replace, write } from '../write.ts';
import { requireListener } from './find.ts';
import { resolveCertificates, TURN } from './listener-records.ts';

/** Those that the listener has already stay as they are. */
export async function addListenerCertificates(
  on: OperationContext,
  request: AddListenerCertificatesRequest,
  { signal }: CallContext,
): Promise<AddListenerCertificatesResponse> {
  const attempted = `add certificates to listener ${request.listener}`;
  requireSome(request.certificates);
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const place = { state, realm: on.realm };
    const found = requireListener(place, request.listener);
    const { protocol, certificates: before } = found.value;
    if (protocol !== 'HTTPS' && protocol !== 'TLS') {
      throw new BerthError(
        'InvalidConfigurationRequest',
        `Listeners of ${protocol} have no certificates; expected a listener of HTTPS or TLS.`,
      );
    }
    const { certificates: added, parts } = resolveCertificates(
      place,
      request.certificates,
      found.value,
    );
    const merged = new Map([...before, ...added].map((each) => [each.certificateArn, each]));
    if (merged.size > MOST_CERTIFICATES + 1) {
      throw new BerthError(
        'TooManyCertificates',
        `The listener would have ${merged.size} certificates; expected at most ${MOST_CERTIFICATES} besides the default one.`,
      );
    }
    const record = { ...found.value, certificates: [...merged.values()] };
    const all = [replace(collections.listeners, found, record), ...parts];
    return {
      guards: all.map(({ guard }) => guard),
      puts: all.map(({ put }) => put),
      result: () => ({
        certificates: added.map(({ certificateArn }) => ({
          certificateArn,
          isDefault: certificateArn === before[0]?.certificateArn,
        })),
      }),
    };
  });
}

function requireSome(certificates: readonly ListenerCertificate[]): void {
  if (certificates.length > 0) return;
  new Checker('ValidationError').refuse('certificates is empty; expected at least one.');
}

/** Those that the listener does not have are removed already; the default one can only be replaced. */
export async function removeListenerCertificates(
  on: OperationContext,
  request: RemoveListenerCertificatesRequest,
  { signal }: CallContext,
): Promise<RemoveListenerCertificatesResponse> {
  const attempted = `remove certificates from listener ${request.listener}`;
  requireSome(request.certificates);
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const found = requireListener({ state, realm: on.realm }, request.listener);
    const [first, ...others] = found.value.certificates;
    const removed = new Set(
      request.certificates.map(({ certificateArn: text }) => {
        const id = text.startsWith('file:') ? undefined : parseCertificateReference(on.realm, text);
        return id === undefined ? text : arn.certificate(on.realm, id);
      }),
    );
    if (first && removed.has(first.certificateArn)) {
      throw new BerthError(
        'OperationNotPermitted',
        `Default certificate '${first.certificateArn}' cannot be removed; modify the listener to give it another.`,
      );
    }
    const kept = others.filter(({ certificateArn }) => !removed.has(certificateArn));
    const certificates = first ? [first, ...kept] : kept;
    const record = { ...found.value, certificates };
    const { guard, put } = replace(collections.listeners, found, record);
    return { guards: [guard], puts: [put], result: () => ({}) };
  });
}

/** The default one first. */
export function describeListenerCertificates(
  on: OperationContext,
  request: DescribeListenerCertificatesRequest,
): DescribeListenerCertificatesResponse {
  const place = { state: on.cache, realm: on.realm };
  const { value: listener } = requireListener(place, request.listener);
  const all = listener.certificates.map(
    ({ certificateArn }, index): DescribedListenerCertificate & { readonly index: number } => ({
      certificateArn,
      isDefault: index === 0,
      index,
    }),
  );
  const question = ['DescribeListenerCertificates', listener.id];
  const page = markedPage(all, ({ index }) => sortable(index), question, request);
  return {
    certificates: page.items.map(({ certificateArn, isDefault }) => ({
      certificateArn,
      isDefault,
    })),
    nextMarker: page.nextMarker,
  };
}

/** The named ones, or all. */
export function describeSslPolicies(
  _on: OperationContext,
  request: DescribeSslPoliciesRequest,
): DescribeSslPoliciesResponse {
  const policies = request.names.length > 0 ? request.names.map(requirePolicy) : [...TLS_POLICIES];
  const unique = new Map(policies.map((policy) => [policy.name, policy]));
  const question = ['DescribeSSLPolicies', ...request.names];
  const page = markedPage(unique.values(), ({ name }) => name, question, request);
  return { sslPolicies: page.items.map(policyView), nextMarker: page.nextMarker };
}

function requirePolicy(name: string): TlsPolicy {
  const policy = tlsPolicy(name);
  if (policy) return policy;
  throw new BerthError('SSLPolicyNotFound', `SSL policy '${name}' not found`);
}

/** Each is for both kinds of load balancers. */
function policyView({ name, protocols, ciphers }: TlsPolicy): SslPolicy {
  return {
    name,
    sslProtocols: protocols,
    ciphers,
    supportedLoadBalancerTypes: ['application', 'network'],
  };
}
