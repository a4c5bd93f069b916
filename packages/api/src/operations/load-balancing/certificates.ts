// Certificates that people bring along. Private keys are sealed before they are stored, and shown to nobody but proxies.
import { BerthError } from '@berth/model/errors.ts';
import type {
  CertificateRecord,
  DeleteCertificateRequest,
  DeleteCertificateResponse,
  DescribeCertificatesRequest,
  DescribeCertificatesResponse,
  ImportCertificateRequest,
  ImportCertificateResponse,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { drawUuid } from '@berth/model/resources/ids.ts';
import { checkBalancingTags } from '@berth/model/validation/balancing-tags.ts';
import { markedPage } from '@berth/model/validation/markers.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { Stored } from '@berth/store/state.ts';

import { acceptChain, type Chain } from '../../certificates/chain.ts';
import { certificateUsers, certificateView } from '../../views/certificate-view.ts';
import type { OperationContext } from '../deps.ts';
import type { Place } from '../resolve.ts';
import { replace, write } from '../write.ts';
import { requireCertificate } from './find.ts';

const NO_CHAIN = { withChain: false } as const;

/** A new one, or another in the place of one that there is: whoever serves that serves the new one at once. */
export async function importCertificate(
  on: OperationContext,
  request: ImportCertificateRequest,
  { signal }: CallContext,
): Promise<ImportCertificateResponse> {
  const now = on.clock.now();
  checkBalancingTags(request.tags);
  const chain = acceptChain(request.chainPem, request.keyPem, now);
  const drawn = drawUuid(on.random);
  const attempted = `import the certificate of ${chain.domainNames.join(', ')}`;
  return write(on, { signal, attempted }, (state) => {
    const place = { state, realm: on.realm };
    const existing = request.certificate
      ? requireCertificate(place, request.certificate)
      : undefined;
    const record = recordOf(on, chain, request, existing?.value ?? drawn, now);
    const result = () => {
      const users = certificateUsers(state, on.realm);
      return { certificate: certificateView(on.realm, record, users, { now, ...NO_CHAIN }) };
    };
    if (existing) {
      const { guard, put } = replace(collections.certificates, existing, record);
      return { guards: [guard], puts: [put], result };
    }
    return {
      guards: [guardAbsent(collections.certificates, drawn)],
      puts: [putRecord(collections.certificates, [drawn], record)],
      result,
    };
  });
}

/** @param before the record that there is, or the id of a new one */
function recordOf(
  { sealer }: OperationContext,
  chain: Chain,
  { tags }: ImportCertificateRequest,
  before: CertificateRecord | string,
  now: number,
): CertificateRecord {
  const id = typeof before === 'string' ? before : before.id;
  const key = keyOf(collections.certificates, id);
  if (typeof before !== 'string' && before.source !== 'imported') {
    throw new BerthError(
      'OperationNotPermitted',
      `Certificate ${id} was issued for Berth, which renews it; expected one that was imported.`,
    );
  }
  return {
    ...(typeof before === 'string'
      ? complete('CertificateRecord', { createdAt: now })
      : { ...before, renewedAt: now }),
    id,
    source: 'imported',
    status: 'ISSUED',
    domainNames: chain.domainNames,
    chainPem: chain.chainPem,
    sealedKeyPem: sealer.seal(Buffer.from(chain.keyPem), key),
    notBefore: chain.notBefore,
    notAfter: chain.notAfter,
    keyAlgorithm: chain.keyAlgorithm,
    tags: typeof before === 'string' || tags.length > 0 ? tags : before.tags,
  };
}

/** The named ones, or all. */
export function describeCertificates(
  on: OperationContext,
  request: DescribeCertificatesRequest,
): DescribeCertificatesResponse {
  const place = { state: on.cache, realm: on.realm };
  const found =
    request.certificates.length > 0
      ? request.certificates.flatMap((text) => byReference(place, text))
      : [...on.cache.list(collections.certificates)];
  const unique = new Map(found.map(({ value }) => [value.id, value]));
  const question = ['DescribeCertificates', ...request.certificates];
  const page = markedPage(unique.values(), ({ id }) => id, question, request);
  const users = certificateUsers(on.cache, on.realm);
  const options = { now: on.clock.now(), withChain: request.includeChain };
  return {
    certificates: page.items.map((record) => certificateView(on.realm, record, users, options)),
    nextMarker: page.nextMarker,
  };
}

/** A domain name may be that of several. */
function byReference(place: Place, text: string): Stored<CertificateRecord>[] {
  const named = [...place.state.list(collections.certificates)].filter(({ value }) =>
    value.domainNames.includes(text.toLowerCase()),
  );
  return named.length > 0 ? named : [requireCertificate(place, text)];
}

/** Refused while a listener has it. */
export async function deleteCertificate(
  on: OperationContext,
  request: DeleteCertificateRequest,
  { signal }: CallContext,
): Promise<DeleteCertificateResponse> {
  const attempted = `delete certificate ${request.certificate}`;
  return write(on, { signal, attempted }, (state) => {
    const found = requireCertificate({ state, realm: on.realm }, request.certificate);
    const name = arn.certificate(on.realm, found.value.id);
    const users = certificateUsers(state, on.realm).get(name) ?? [];
    if (users.length > 0) {
      throw new BerthError(
        'ResourceInUse',
        `Certificate '${name}' is currently in use by ${users.join(', ')}`,
      );
    }
    return { guards: [guardUnchanged(found)], deletes: [found.key], result: () => ({}) };
  });
}
