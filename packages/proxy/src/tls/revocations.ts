// Lists of revoked certificates. A list is believed only of the authority that has signed it; one that names an authority and was not
// signed by it leaves open what the authority has revoked, and then nobody of it is let in.
// Source: RFC 5280, sections 5.1, 5.2.1 and 6.3.3.
import 'reflect-metadata'; // asked for by a dependency of @peculiar/x509; must come first
import { type X509Certificate, constants, verify } from 'node:crypto';

import type { TrustStoreRecord } from '@berth/model/generated/messages.ts';
import {
  AuthorityKeyIdentifierExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as ParsedCertificate,
  SubjectKeyIdentifierExtension,
  X509Crl,
} from '@peculiar/x509';

import { pemBlocks } from './pem-blocks.ts';

export interface RevocationList {
  /** Of the authority's key, where the list names it. */
  readonly keyId: string | undefined;
  /** In lower-case hexadecimal, without leading zeros. */
  readonly serials: ReadonlySet<string>;
  readonly isSignedBy: (issuer: X509Certificate) => boolean;
}

/** By issuer, as the DER of its name in base64. */
export type Revocations = ReadonlyMap<string, readonly RevocationList[]>;

const HASHES: ReadonlySet<string> = new Set(['SHA-256', 'SHA-384', 'SHA-512']);
const REMEMBERED = 64;

/** @throws Error that says what can't be read */
export function readRevocations(record: TrustStoreRecord): Revocations {
  const byIssuer = new Map<string, RevocationList[]>();
  for (const text of record.revocationsPem) {
    for (const pem of pemBlocks(text, 'X509 CRL', 'CRL')) {
      const list = new X509Crl(pem);
      // The parser takes a list without it for an empty one. Source: RFC 5280, section 5.1.2.5: it must be there.
      if (list.nextUpdate === undefined) {
        throw new Error(`a revocation list of trust store ${record.name} names no next update`);
      }
      const issuer = base64(list.issuerName.toArrayBuffer());
      const read = readList(list);
      const others = byIssuer.get(issuer);
      if (others) others.push(read);
      else byIssuer.set(issuer, [read]);
    }
  }
  return byIssuer;
}

function readList(list: X509Crl): RevocationList {
  const known = new Map<string, boolean>();
  return {
    keyId: list.getExtension(AuthorityKeyIdentifierExtension)?.keyId?.toLowerCase(),
    serials: new Set(list.entries.map(({ serialNumber }) => plainSerial(serialNumber))),
    isSignedBy: (issuer) => {
      const found = known.get(issuer.fingerprint256);
      if (found !== undefined) return found;
      if (known.size >= REMEMBERED) known.clear();
      const signed = verified(list, issuer);
      known.set(issuer.fingerprint256, signed);
      return signed;
    },
  };
}

/**
 * What the lists say of a certificate.
 * @param issuer whose key has signed it
 * @returns why its holder may not go on
 */
export function revocationOf(
  certificate: X509Certificate,
  issuer: X509Certificate,
  revocations: Revocations,
): string | undefined {
  if (revocations.size === 0) return undefined;
  const parsed = new ParsedCertificate(new Uint8Array(certificate.raw));
  const lists = revocations.get(base64(parsed.issuerName.toArrayBuffer())) ?? [];
  if (lists.length === 0) return undefined;
  const issuerKey = keyIdOf(issuer);
  // An authority may have had another key under the same name; its lists are of the other one's certificates.
  const own = lists.filter(
    ({ keyId }) => keyId === undefined || issuerKey === undefined || keyId === issuerKey,
  );
  if (!own.every((list) => list.isSignedBy(issuer))) {
    return 'a revocation list is not signed by the authority that it names';
  }
  const serial = plainSerial(certificate.serialNumber);
  return own.some(({ serials }) => serials.has(serial)) ? 'revoked' : undefined;
}

function keyIdOf(issuer: X509Certificate): string | undefined {
  const parsed = new ParsedCertificate(new Uint8Array(issuer.raw));
  return parsed.getExtension(SubjectKeyIdentifierExtension)?.keyId.toLowerCase();
}

function verified(list: X509Crl, issuer: X509Certificate): boolean {
  const parsed = new ParsedCertificate(new Uint8Array(issuer.raw));
  const usage = parsed.getExtension(KeyUsagesExtension);
  if (usage !== null && (usage.usages & KeyUsageFlags.cRLSign) === 0) return false;
  const key = issuer.publicKey;
  const { hash, name } = algorithmOf(list);
  const hashed = key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ec';
  if (hashed && (hash === undefined || !HASHES.has(hash))) return false;
  const padding =
    name === 'RSA-PSS'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
      : {};
  try {
    const signed = signedPart(Buffer.from(list.rawData));
    const signature = Buffer.from(list.signature);
    return verify(hashed ? hash : undefined, signed, { key, ...padding }, signature);
  } catch {
    // A key of another kind than the signature's.
    return false;
  }
}

function algorithmOf(list: X509Crl): { readonly name: string; readonly hash: string | undefined } {
  // The parser's type says less than there is, and promises a hash where Ed25519 has none.
  const { name, hash } = list.signatureAlgorithm as unknown as {
    readonly name: string;
    readonly hash?: { readonly name: string };
  };
  return { name, hash: hash?.name };
}

/** CertificateList -> tbsCertList, with its own tag and length. @throws RangeError when it is cut short */
function signedPart(der: Buffer): Buffer {
  const start = contentAt(der, 0);
  const content = contentAt(der, start);
  const length =
    content - start > 2 ? der.readUIntBE(start + 2, content - start - 2) : der[start + 1];
  return der.subarray(start, content + (length ?? 0));
}

function contentAt(der: Buffer, at: number): number {
  const first = der.readUInt8(at + 1);
  return at + 2 + (first < 0x80 ? 0 : first & 0x7f);
}

function base64(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString('base64');
}

function plainSerial(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, '');
}
