// Certificates for tests: authorities, what they issue, and lists of what they have revoked.
import 'reflect-metadata'; // asked for by a dependency of @peculiar/x509; must come first
import { webcrypto } from 'node:crypto';

import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509';

const DAY_MS = 86_400_000;
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
} as const;

export interface Made {
  readonly pem: string;
  readonly keyPem: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly serial: string;
}

export interface Wanted {
  readonly names?: readonly string[];
  readonly subject?: string;
  readonly kind?: 'ecdsa' | 'rsa';
  readonly issuer?: Made;
  readonly authority?: boolean;
  readonly fromDays?: number;
  readonly days?: number;
  readonly purposes?: readonly string[];
}

let serials = 0x10;

export async function certificate(wanted: Wanted = {}): Promise<Made> {
  const algorithm = wanted.kind === 'rsa' ? RSA : EC;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  serials += 1;
  const serial = `4${serials.toString(16).padStart(5, '0')}`;
  const now = Date.now();
  const subject = wanted.subject ?? `CN=${wanted.names?.[0] ?? `test ${serial}`}`;
  const { issuer } = wanted;
  const made = await X509CertificateGenerator.create({
    serialNumber: serial,
    subject,
    issuer: issuer === undefined ? subject : new X509Certificate(issuer.pem).subject,
    notBefore: new Date(now + (wanted.fromDays ?? -1) * DAY_MS),
    notAfter: new Date(now + (wanted.days ?? 30) * DAY_MS),
    signingAlgorithm: issuer === undefined ? algorithm : signing(issuer),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    extensions: [
      new BasicConstraintsExtension(wanted.authority === true, undefined, true),
      ...(wanted.names === undefined
        ? []
        : [
            new SubjectAlternativeNameExtension(
              wanted.names.map((value) => ({ type: 'dns', value })),
            ),
          ]),
      ...(wanted.purposes === undefined
        ? []
        : [new ExtendedKeyUsageExtension([...wanted.purposes])]),
    ],
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    pem: `${made.toString('pem')}\n`,
    keyPem: `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`,
    keys,
    serial,
  };
}

/** @param signer whose key signs it, where that is not the issuer's */
export async function revocationList(
  issuer: Made,
  revoked: readonly Made[],
  signer: Made = issuer,
): Promise<string> {
  const list = await X509CrlGenerator.create({
    issuer: new X509Certificate(issuer.pem).subject,
    thisUpdate: new Date(Date.now() - DAY_MS),
    nextUpdate: new Date(Date.now() + DAY_MS),
    signingAlgorithm: signing(signer),
    signingKey: signer.keys.privateKey,
    entries: revoked.map(({ serial }) => ({ serialNumber: serial })),
  });
  return `${list.toString('pem')}\n`;
}

/** Its name as DER. */
export function subjectOf({ pem }: Made): Buffer {
  return Buffer.from(new X509Certificate(pem).subjectName.toArrayBuffer());
}

function signing(issuer: Made): typeof EC | typeof RSA {
  return issuer.keys.privateKey.algorithm.name === 'ECDSA' ? EC : RSA;
}
