// Certificates that people bring along, looked at as closely as clients will: the key belongs to the first, each is issued by the
// next, and all are valid now. Source: RFC 5280, section 6; RFC 8446, section 4.4.2.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

import { BerthError } from '@berth/model/errors.ts';

import { pemBlocks } from './pem.ts';

const MOST_CERTIFICATES = 10;
const LONGEST = 128 * 1024;

export interface Chain {
  /** Leaf first, in normal form. */
  readonly chainPem: string;
  readonly keyPem: string;
  readonly domainNames: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** As ACM writes it: RSA_2048, EC_prime256v1 ... */
  readonly keyAlgorithm: string;
}

/** @throws BerthError ValidationError that says what is wrong with which certificate */
export function acceptChain(chainPem: string, keyPem: string, now: number): Chain {
  if (chainPem.length > LONGEST || keyPem.length > LONGEST) {
    throw refused(`The texts have more than ${LONGEST} characters.`);
  }
  const blocks = pemBlocks(chainPem);
  const foreign = blocks.find(({ label }) => label !== 'CERTIFICATE');
  if (foreign) throw refused(`The chain has a block of ${foreign.label}; expected CERTIFICATE.`);
  if (blocks.length === 0) {
    throw refused('The chain holds no certificate; expected PEM, the leaf first.');
  }
  if (blocks.length > MOST_CERTIFICATES) {
    throw refused(
      `The chain has ${blocks.length} certificates; expected at most ${MOST_CERTIFICATES}.`,
    );
  }
  const certificates = blocks.map(({ text }, index) => read(text, index));
  const key = readKey(keyPem);
  checkOrder(certificates);
  checkDates(certificates, now);
  const [leaf] = certificates as [X509Certificate];
  if (!leaf.checkPrivateKey(key)) {
    throw refused('The private key does not belong to the first certificate of the chain.');
  }
  const domainNames = namesOf(leaf);
  if (domainNames.length === 0) {
    throw refused('The first certificate names no host: it has neither alternative names nor CN.');
  }
  return {
    chainPem: blocks.map(({ text }) => text).join(''),
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    domainNames,
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Math.min(...certificates.map(({ validTo }) => Date.parse(validTo))),
    keyAlgorithm: algorithmOf(key),
  };
}

function refused(message: string): BerthError {
  return new BerthError('ValidationError', message);
}

function read(text: string, index: number): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new BerthError(
      'ValidationError',
      `Certificate ${index + 1} of the chain can't be read.`,
      { cause },
    );
  }
}

function readKey(text: string): KeyObject {
  if (/ENCRYPTED/.test(text)) {
    throw refused('The private key is encrypted; expected one without a passphrase.');
  }
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new BerthError('ValidationError', "The private key can't be read; expected PEM.", {
      cause,
    });
  }
}

function checkOrder(certificates: readonly X509Certificate[]): void {
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1];
    if (!issuer) return;
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
      throw refused(
        `Certificate ${index + 1} of the chain (${nameOf(certificate)}) was not issued by the next (${nameOf(issuer)}); expected the leaf first, then each issuer in turn.`,
      );
    }
  }
}

function checkDates(certificates: readonly X509Certificate[], now: number): void {
  for (const [index, certificate] of certificates.entries()) {
    const which = `Certificate ${index + 1} of the chain (${nameOf(certificate)})`;
    if (Date.parse(certificate.validTo) <= now) {
      throw refused(`${which} expired on ${certificate.validTo}.`);
    }
    if (Date.parse(certificate.validFrom) > now) {
      throw refused(`${which} is not valid before ${certificate.validFrom}.`);
    }
  }
}

function nameOf({ subject }: X509Certificate): string {
  return (subject || 'no subject').replaceAll('\n', ', ');
}

/** Its alternative names, or the common name where there are none. */
function namesOf(leaf: X509Certificate): string[] {
  const alternatives = Array.from(
    (leaf.subjectAltName ?? '').matchAll(/(?:^|, )(?:DNS|IP Address):([^,"]+)/g),
    ([, name]) => name ?? '',
  );
  if (alternatives.length > 0) return alternatives.map((name) => name.toLowerCase());
  const common = /^CN=(.+)$/m.exec(leaf.subject ?? '')?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  switch (asymmetricKeyType) {
    case 'rsa': {
      const bits = asymmetricKeyDetails?.modulusLength ?? 0;
      if (bits < 2048) throw refused(`The RSA key has ${bits} bits; expected at least 2048.`);
      return `RSA_${bits}`;
    }
    case 'ec':
      return `EC_${asymmetricKeyDetails?.namedCurve ?? 'unknown'}`;
    case 'ed25519':
      return 'ED25519';
    default:
      throw refused(`The key is of type ${asymmetricKeyType ?? 'unknown'}; expected RSA or EC.`);
  }
}
