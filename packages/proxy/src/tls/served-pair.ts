// A certificate with its key, read and understood: for which names it stands and how good it is.
import { type KeyObject, X509Certificate, createPrivateKey } from 'node:crypto';

export interface ServedPair {
  readonly arn: string;
  readonly chainPem: string;
  readonly keyPem: string;
  /** DNS names in lower case; `*.` begins a wildcard. */
  readonly names: readonly string[];
  readonly kind: 'ecdsa' | 'rsa';
  /** Its signature rests on a hash that is not broken. */
  readonly sound: boolean;
  readonly bits: number;
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256 of the leaf. */
  readonly fingerprint: string;
}

const CURVE_BITS: Readonly<Record<string, number>> = {
  prime256v1: 256,
  secp384r1: 384,
  secp521r1: 521,
};
const DNS_NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/;

/**
 * @param chainPem the leaf first
 * @throws Error that says why it can't be served
 */
export function readPair(arn: string, chainPem: string, keyPem: string): ServedPair {
  let leaf: X509Certificate;
  let key: KeyObject;
  try {
    leaf = new X509Certificate(chainPem);
  } catch {
    throw new Error('the chain does not begin with a certificate in PEM');
  }
  try {
    key = createPrivateKey(keyPem);
  } catch {
    throw new Error('the key is no private key in PEM, or it is locked by a passphrase');
  }
  if (!leaf.checkPrivateKey(key)) throw new Error('the key is not that of the certificate');
  const type = key.asymmetricKeyType;
  if (type !== 'ec' && type !== 'rsa') {
    throw new Error(`keys of type ${type ?? 'unknown'} are not served: use ECDSA or RSA`);
  }
  const details = key.asymmetricKeyDetails;
  return {
    arn,
    chainPem,
    keyPem,
    names: namesOf(leaf),
    kind: type === 'ec' ? 'ecdsa' : 'rsa',
    sound: !/sha1|md5/i.test(leaf.signatureAlgorithm ?? ''),
    bits: details?.modulusLength ?? CURVE_BITS[details?.namedCurve ?? ''] ?? 0,
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    fingerprint: leaf.fingerprint256,
  };
}

/** The subject's common name counts only where there are no alternative names. Source: RFC 6125, section 6.4.4. */
function namesOf(leaf: X509Certificate): string[] {
  const alternatives = (leaf.subjectAltName ?? '').split(', ');
  const names = alternatives
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice(4).toLowerCase());
  if (leaf.subjectAltName === undefined) {
    const common = /^CN=(.+)$/m.exec(leaf.subject)?.[1];
    if (common !== undefined) names.push(common.toLowerCase());
  }
  return [...new Set(names.filter((name) => DNS_NAME.test(name)))];
}
