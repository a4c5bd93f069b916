// Certificates from an ACME authority: which authority, and for which names. The controller gets and renews them.
import { X509Certificate } from 'node:crypto';

import { BerthError } from '@berth/model/errors.ts';
import type {
  AcmeSettingsRecord,
  CertificateRecord,
  DescribeAcmeSettingsResponse,
  PutAcmeSettingsRequest,
  PutAcmeSettingsResponse,
  RequestCertificateRequest,
  RequestCertificateResponse,
} from '@berth/model/generated/messages.ts';
import { drawUuid } from '@berth/model/resources/ids.ts';
import {
  NO_AUTHORITY,
  acceptAcmeSettings,
  acceptDomainNames,
} from '@berth/model/validation/acme.ts';
import { checkBalancingTags } from '@berth/model/validation/balancing-tags.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';

import { certificateUsers, certificateView } from '../../views/certificate-view.ts';
import type { OperationContext } from '../deps.ts';
import { replace, write } from '../write.ts';

const SETTINGS = 'settings';
const NOT_ISSUED: ReadonlySet<CertificateRecord['status']> = new Set([
  'PENDING_VALIDATION',
  'FAILED',
]);

export function requestCertificate(
  on: OperationContext,
  request: RequestCertificateRequest,
  { signal }: CallContext,
): Promise<RequestCertificateResponse> {
  const domainNames = acceptDomainNames(request);
  checkBalancingTags(request.tags);
  const id = drawUuid(on.random);
  const now = on.clock.now();
  const attempted = `request a certificate for ${domainNames.join(', ')}`;
  return write(on, { signal, attempted }, (state) => {
    const record = complete('CertificateRecord', {
      id,
      source: 'acme',
      status: 'PENDING_VALIDATION',
      statusReason: state.get(collections.acme, SETTINGS) === undefined ? NO_AUTHORITY : undefined,
      domainNames,
      createdAt: now,
      tags: request.tags,
    });
    return {
      guards: [guardAbsent(collections.certificates, id)],
      puts: [putRecord(collections.certificates, [id], record)],
      result: (seen) => ({
        certificate: certificateView(on.realm, record, certificateUsers(seen, on.realm), {
          now,
          withChain: false,
        }),
      }),
    };
  });
}

export function putAcmeSettings(
  on: OperationContext,
  request: PutAcmeSettingsRequest,
  { signal }: CallContext,
): Promise<PutAcmeSettingsResponse> {
  const content = acceptAcmeSettings(request);
  if (content.authorityPem !== undefined) refuseUnreadable(content.authorityPem);
  const settings: AcmeSettingsRecord = { ...content, agreedAt: on.clock.now() };
  return write(on, { signal, attempted: 'set the ACME authority', turn: 'acme' }, (state) => {
    const found = state.get(collections.acme, SETTINGS);
    const waiting = [...state.list(collections.certificates)]
      .filter(({ value }) => value.source === 'acme' && NOT_ISSUED.has(value.status))
      .filter(({ value }) => value.nextAttemptAt !== undefined)
      .map((certificate) =>
        replace(collections.certificates, certificate, {
          ...certificate.value,
          statusReason: undefined,
          failedAttempts: 0,
          nextAttemptAt: undefined,
        }),
      );
    return {
      guards: [
        found ? guardUnchanged(found) : guardAbsent(collections.acme, SETTINGS),
        ...waiting.map(({ guard }) => guard),
      ],
      puts: [putRecord(collections.acme, [SETTINGS], settings), ...waiting.map(({ put }) => put)],
      result: () => ({ settings }),
    };
  });
}

/** Without settings where none are set. */
export function describeAcmeSettings({ cache }: OperationContext): DescribeAcmeSettingsResponse {
  return { settings: cache.get(collections.acme, SETTINGS)?.value };
}

function refuseUnreadable(pem: string): void {
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new BerthError('ValidationError', 'authorityPem holds no certificate that can be read', {
      cause,
    });
  }
}
