// Answers to an ACME server that looks whether a domain is really served here.
// Source: RFC 8555, section 8.3 (http-01); RFC 8737 (tls-alpn-01).
import 'reflect-metadata'; // asked for by a dependency of @peculiar/x509; must come first
import { createHash, webcrypto } from 'node:crypto';
import { type SecureContext, createSecureContext } from 'node:tls';

import type { AcmeChallenge } from '@berth/model/generated/messages.ts';
import {
  Extension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

import type { ClientHello } from './client-hello.ts';

export const ACME_PROTOCOL = 'acme-tls/1';

const WELL_KNOWN = '/.well-known/acme-challenge/';
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;

/** @param host without its port. @returns the body of the answer; undefined for a request that is none of ACME's. Pure. */
export function acmeAnswer(
  challenges: readonly AcmeChallenge[],
  host: string,
  path: string,
): string | undefined {
  if (challenges.length === 0 || !path.startsWith(WELL_KNOWN)) return undefined;
  const token = path.slice(WELL_KNOWN.length);
  const asked = host.toLowerCase();
  return challenges.find(
    (one) => one.type === 'http-01' && one.token === token && one.domain.toLowerCase() === asked,
  )?.keyAuthorization;
}

/** The challenge that a client hello is about. Pure. */
export function acmeChallengeOf(
  challenges: readonly AcmeChallenge[],
  { serverName, protocols }: ClientHello,
): AcmeChallenge | undefined {
  if (serverName === undefined || protocols.length !== 1 || protocols[0] !== ACME_PROTOCOL) {
    return undefined;
  }
  const asked = serverName.toLowerCase();
  return challenges.find((one) => one.type === 'tls-alpn-01' && one.domain.toLowerCase() === asked);
}

/** What such a client is shown: a certificate for the domain, made on the spot, that proves knowledge of the challenge. */
export async function acmeContext(challenge: AcmeChallenge, now: number): Promise<SecureContext> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const digest = createHash('sha256').update(challenge.keyAuthorization).digest();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: [{ CN: [challenge.domain.slice(0, 64)] }],
    notBefore: new Date(now - HOUR_MS),
    notAfter: new Date(now + HOUR_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new SubjectAlternativeNameExtension([{ type: 'dns', value: challenge.domain }]),
      // An OCTET STRING of 32 bytes.
      new Extension(ACME_IDENTIFIER, true, Buffer.concat([Buffer.of(4, 32), digest])),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return createSecureContext({ cert: certificate.toString('pem'), key: keyPem });
}
