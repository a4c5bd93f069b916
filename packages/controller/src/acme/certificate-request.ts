// A key of a certificate's own and the request for it. Source: RFC 2986; RFC 8555, section 7.4.
import 'reflect-metadata'; // asked for by a dependency of @peculiar/x509; must come first
import { webcrypto } from 'node:crypto';

import {
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  type JsonGeneralName,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export const KEY_ALGORITHM = 'EC_prime256v1';

export interface CertificateRequest {
  /** PKCS #8, PEM. */
  readonly keyPem: string;
  /** DER. */
  readonly request: Buffer;
}

export async function requestFor(domains: readonly string[]): Promise<CertificateRequest> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const names = domains.map((value): JsonGeneralName => ({ type: 'dns', value }));
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new SubjectAlternativeNameExtension(names)],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const lines = pkcs8.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    keyPem: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`,
    request: Buffer.from(request.rawData),
  };
}
