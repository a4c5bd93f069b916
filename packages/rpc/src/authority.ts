// The cluster's certificate authority, and the identities that it vouches for. Keys are ECDSA P-256;
// certificates serve for both ends of a connection and are accepted by OpenSSL and Go (etcd) alike.
import 'reflect-metadata'; // asked for by a dependency of @peculiar/x509; must come first
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

import { BerthError } from '@berth/model/errors.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

import type { CertifiedIdentity, TlsIdentity } from './api.ts';
import { IDENTITY_NAME, IDENTITY_ROLES } from './identity.ts';

export { identityOf } from './identity.ts';

export interface Authority {
  readonly certificate: string;
  readonly key: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
/** Clocks of a cluster's machines may differ by this much. */
const SKEW_MS = 600_000;

/** A new authority with a key of its own, valid for ten years. @param now wall time in ms */
export async function createAuthority(now: number): Promise<Authority> {
  const keys = await generateKeys();
  const serial = serialNumber();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    name: `CN=Berth cluster authority ${serial.slice(-8)}`,
    notBefore: new Date(now - SKEW_MS),
    notAfter: new Date(now + AUTHORITY_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
}

/**
 * A certificate for client and server use that names its holder: URI berth://ROLE/NAME, and the given DNS names and addresses.
 * @throws BerthError InvalidParameterException when the holder's name can't stand in a certificate
 */
export async function issue(
  authority: Authority,
  identity: CertifiedIdentity,
  names: readonly string[],
  now: number,
  days: number,
): Promise<TlsIdentity> {
  if (!IDENTITY_ROLES.includes(identity.role) || !IDENTITY_NAME.test(identity.name)) {
    throw new BerthError(
      'InvalidParameterException',
      `Can't issue a certificate to ${identity.role} "${identity.name}": a name has 1 to 128 letters, digits, dots, hyphens or underscores.`,
    );
  }
  const issuer = new X509Certificate(authority.certificate);
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [identity.name.slice(0, 64)] }, { OU: [identity.role] }],
    issuer: issuer.subject,
    notBefore: new Date(now - SKEW_MS),
    notAfter: new Date(Math.min(now + days * DAY_MS, issuer.notAfter.getTime())),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.key),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([
        { type: 'url', value: `berth://${identity.role}/${identity.name}` },
        ...names.map((name) => ({
          type: isIP(name) ? ('ip' as const) : ('dns' as const),
          value: name,
        })),
      ]),
      await AuthorityKeyIdentifierExtension.create(issuer),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: await exportKey(keys.privateKey),
    authority: authority.certificate,
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** Positive and within 20 octets, as RFC 5280 asks. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}
