// What trust stores are made of: certificates of authorities, and lists of certificates that were revoked.
// Source: RFC 5280, sections 4 and 5; AWS's rules for trust stores.
import { createHash, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

import { BerthError } from '@berth/model/errors.ts';

import { derOf, type PemBlock, pemBlocks } from './pem.ts';

/** Together with its lists a trust store has to fit into one record. */
export const LONGEST_BUNDLE = 256 * 1024;
export const LONGEST_REVOCATIONS = 512 * 1024;

/** The bundle in normal form. @throws BerthError InvalidCaCertificatesBundle */
export function acceptBundle(pem: string): string {
  const blocks = pemBlocks(pem);
  const refuse = (message: string, cause?: unknown): never => {
    throw new BerthError('InvalidCaCertificatesBundle', message, { cause });
  };
  if (pem.length > LONGEST_BUNDLE) {
    refuse(`The bundle has ${pem.length} characters; expected at most ${LONGEST_BUNDLE}.`);
  }
  if (blocks.length === 0) refuse('The bundle holds no certificate; expected PEM.');
  for (const [index, { label, text }] of blocks.entries()) {
    const which = `Block ${index + 1} of the bundle`;
    if (label !== 'CERTIFICATE') refuse(`${which} is ${label}; expected CERTIFICATE.`);
    try {
      if (new X509Certificate(text).ca) continue;
    } catch (cause) {
      refuse(`${which} can't be read.`, cause);
    }
    refuse(`${which} is not the certificate of an authority.`);
  }
  return blocks.map(({ text }) => text).join('');
}

export function countCertificates(pem: string): number {
  return pemBlocks(pem).length;
}

export interface Revocation {
  /** Of its content: the same list has the same id everywhere. */
  readonly id: number;
  readonly entries: number;
  readonly pem: string;
}

/** The lists of the texts, each once. @throws BerthError InvalidRevocationContent */
export function acceptRevocations(pems: readonly string[]): Revocation[] {
  const lists = pems.flatMap((pem, index) => {
    const blocks = pemBlocks(pem);
    if (blocks.length === 0) {
      throw new BerthError(
        'InvalidRevocationContent',
        `Text ${index + 1} holds no certificate revocation list; expected PEM.`,
      );
    }
    return blocks.map((block) => acceptRevocation(block, index));
  });
  return [...new Map(lists.map((list) => [list.id, list])).values()];
}

function acceptRevocation(block: PemBlock, index: number): Revocation {
  const which = `A list of text ${index + 1}`;
  if (block.label !== 'X509 CRL') {
    throw new BerthError(
      'InvalidRevocationContent',
      `${which} is ${block.label}; expected X509 CRL.`,
    );
  }
  try {
    createSecureContext({ crl: block.text });
    return readRevocation(block);
  } catch (cause) {
    throw new BerthError('InvalidRevocationContent', `${which} can't be read.`, { cause });
  }
}

/** @param pem a list that was accepted */
export function readRevocation(pem: PemBlock | string): Revocation {
  const [block] = typeof pem === 'string' ? pemBlocks(pem) : [pem];
  if (!block) throw new RangeError('no block');
  const der = derOf(block);
  const hash = createHash('sha256').update(der).digest();
  return { id: hash.readUIntBE(0, 6), entries: countEntries(der), pem: block.text };
}

const SEQUENCE = 0x30;
const TIMES = [0x17, 0x18];

/** CertificateList -> tbsCertList -> the sequence after thisUpdate and nextUpdate. */
function countEntries(der: Buffer): number {
  const [list] = elements(der);
  const [signed] = list ? elements(list.content) : [];
  if (signed?.tag !== SEQUENCE) throw new RangeError('no certificate list');
  const parts = elements(signed.content);
  const times = parts.findLastIndex(({ tag }) => TIMES.includes(tag));
  const revoked = parts[times + 1];
  return times >= 0 && revoked?.tag === SEQUENCE ? elements(revoked.content).length : 0;
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/** The elements of a DER value, one after the other. @throws RangeError when they do not fill it */
function elements(der: Buffer): Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at < der.length) {
    const tag = der.readUInt8(at);
    const first = der.readUInt8(at + 1);
    const extra = first < 0x80 ? 0 : first & 0x7f;
    const length = extra === 0 ? first : der.readUIntBE(at + 2, extra);
    const start = at + 2 + extra;
    if (start + length > der.length) throw new RangeError('cut short');
    found.push({ tag, content: der.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}
