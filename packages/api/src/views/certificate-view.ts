// Certificates and trust stores as the API shows them: never a key. Pure but for reading lists of revoked certificates.
import type {
  Certificate,
  CertificateRecord,
  TrustStore,
  TrustStoreRecord,
  TrustStoreRevocation,
} from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { countCertificates, readRevocation } from '../certificates/trust-bundle.ts';
import { listenerArn } from './load-balancing-view.ts';

/** The ARNs of the listeners of each certificate, by its ARN. */
export function certificateUsers(state: State, realm: Realm): ReadonlyMap<string, string[]> {
  const users = new Map<string, string[]>();
  for (const { value } of state.list(collections.listeners)) {
    for (const { certificateArn } of value.certificates) {
      const known = users.get(certificateArn);
      const user = listenerArn(state, realm, value);
      if (known) known.push(user);
      else users.set(certificateArn, [user]);
    }
  }
  return users;
}

/** @param users as `certificateUsers` finds them */
export function certificateView(
  realm: Realm,
  record: CertificateRecord,
  users: ReadonlyMap<string, readonly string[]>,
  { now, withChain }: { readonly now: number; readonly withChain: boolean },
): Certificate {
  const certificateArn = arn.certificate(realm, record.id);
  const expired = record.status === 'ISSUED' && record.notAfter <= now;
  return {
    certificateArn,
    certificateId: record.id,
    source: record.source,
    status: expired ? 'EXPIRED' : record.status,
    statusReason: record.statusReason,
    domainNames: record.domainNames,
    notBefore: record.notBefore,
    notAfter: record.notAfter,
    keyAlgorithm: record.keyAlgorithm,
    createdAt: record.createdAt,
    renewedAt: record.renewedAt,
    inUseBy: users.get(certificateArn) ?? [],
    chainPem: withChain ? record.chainPem : undefined,
    tags: record.tags,
    failedAttempts: record.failedAttempts,
    nextAttemptAt: record.nextAttemptAt,
  };
}

export function trustStoreView(
  realm: Realm,
  record: TrustStoreRecord,
  withBundle = false,
): TrustStore {
  const entries = record.revocationsPem.map((pem) => readRevocation(pem).entries);
  return {
    trustStoreArn: arn.trustStore(realm, record.name, record.id),
    name: record.name,
    status: 'ACTIVE',
    numberOfCaCertificates: countCertificates(record.bundlePem),
    totalRevokedEntries: entries.reduce((sum, count) => sum + count, 0),
    createdAt: record.createdAt,
    bundlePem: withBundle ? record.bundlePem : undefined,
  };
}

export function revocationView(
  realm: Realm,
  { name, id }: TrustStoreRecord,
  pem: string,
  withContent = false,
): TrustStoreRevocation {
  const list = readRevocation(pem);
  return {
    trustStoreArn: arn.trustStore(realm, name, id),
    revocationId: list.id,
    revocationType: 'CRL',
    numberOfRevokedEntries: list.entries,
    contentPem: withContent ? list.pem : undefined,
  };
}
