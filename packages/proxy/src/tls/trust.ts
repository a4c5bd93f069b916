// Whose client certificates a listener accepts, and what targets are told of them. OpenSSL proves that the client has the key; the
// chain is judged here, since Node.js hides it once OpenSSL has found it good, and lists of revoked certificates can't be given to
// OpenSSL for some authorities only. What is not understood is refused.
// Source: ALB reference, section 4.8; RFC 5280, section 6.1.
import 'reflect-metadata'; // asked for by a dependency of @peculiar/x509; must come first
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate } from 'node:tls';

import type { MutualAuthentication, TrustStoreRecord } from '@berth/model/generated/messages.ts';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as ParsedCertificate,
} from '@peculiar/x509';

import { pemBlocks } from './pem-blocks.ts';
import { type Revocations, readRevocations, revocationOf } from './revocations.ts';

export interface TrustSettings {
  readonly mode: 'passthrough' | 'verify';
  readonly overlookExpiry: boolean;
  readonly store: TrustStore | undefined;
  /** Tell clients the names of the store's authorities. */
  readonly tellNames: boolean;
}

export interface TrustStore {
  readonly anchors: readonly X509Certificate[];
  readonly revocations: Revocations;
}

/** No chain that people use is longer; what a client sends beyond is not looked at. */
const LONGEST_CHAIN = 10;
/** Some authorities forget to mark them as critical; they are not judged here. */
const NAME_CONSTRAINTS = '2.5.29.30';
const UNDERSTOOD: ReadonlySet<string> = new Set([
  '2.5.29.15', // key usage
  '2.5.29.17', // subject alternative name
  '2.5.29.19', // basic constraints
  '2.5.29.37', // extended key usage
]);

/** @returns undefined when the listener asks for no client certificate. @throws Error for a trust store that can't be read */
export function trustSettings(
  mutual: MutualAuthentication | undefined,
  stores: ReadonlyMap<string, TrustStoreRecord>,
): TrustSettings | undefined {
  if (mutual === undefined || (mutual.mode !== 'passthrough' && mutual.mode !== 'verify')) {
    return undefined;
  }
  const overlookExpiry = mutual.ignoreClientCertificateExpiry === true;
  if (mutual.mode === 'passthrough') {
    return { mode: 'passthrough', overlookExpiry, store: undefined, tellNames: false };
  }
  const record = stores.get(storeName(mutual.trustStore ?? ''));
  if (record === undefined) throw new Error(`there is no trust store ${mutual.trustStore ?? ''}`);
  const tellNames = mutual.advertiseTrustStoreCaNames === 'on';
  return { mode: 'verify', overlookExpiry, store: readTrustStore(record), tellNames };
}

function storeName(reference: string): string {
  return /:truststore\/([^/]+)\//.exec(reference)?.[1] ?? reference;
}

/** @throws Error that says what can't be read */
export function readTrustStore(record: TrustStoreRecord): TrustStore {
  const anchors = pemBlocks(record.bundlePem, 'CERTIFICATE').map((pem) => new X509Certificate(pem));
  if (anchors.length === 0) throw new Error(`trust store ${record.name} holds no certificate`);
  return { anchors, revocations: readRevocations(record) };
}

/**
 * Whether a client that has shown these certificates, its own first, may go on.
 * @param now wall time in ms
 * @returns why not
 */
export function refusalOf(
  chain: readonly X509Certificate[],
  trust: TrustSettings,
  now: number,
): string | undefined {
  const { store } = trust;
  if (trust.mode === 'passthrough' || store === undefined) return undefined;
  const [leaf] = chain;
  if (leaf === undefined) return 'no certificate';
  if (!mayIdentify(leaf)) return 'not a certificate for clients';
  const path = pathToAnchor(chain, store.anchors);
  if (path === undefined) return 'not issued by the trust store';
  if (path.some((one) => one.validFromDate.getTime() > now)) return 'not valid yet';
  if (!trust.overlookExpiry && path.some((one) => one.validToDate.getTime() <= now)) {
    return 'expired';
  }
  return revocationIn(path, store);
}

/** The anchor itself is judged where its own issuer is known. */
function revocationIn(path: readonly X509Certificate[], store: TrustStore): string | undefined {
  for (const [index, one] of path.entries()) {
    const issuer =
      path[index + 1] ??
      store.anchors.find((other) => one.checkIssued(other) && one.verify(other.publicKey));
    const refusal = issuer && revocationOf(one, issuer, store.revocations);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** From the leaf up to the anchor, which is part of it. What was sent and leads nowhere is passed over. */
function pathToAnchor(
  sent: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): X509Certificate[] | undefined {
  const path: X509Certificate[] = [];
  for (let next = sent[0]; next !== undefined && path.length < LONGEST_CHAIN;) {
    const below: X509Certificate = next;
    const between = path.length;
    path.push(below);
    const issued = (issuer: X509Certificate): boolean => issues(issuer, below, between);
    const anchor = anchors.find(issued);
    if (anchor !== undefined) return [...path, anchor];
    next = sent.find((other) => !path.includes(other) && issued(other));
  }
  return undefined;
}

/** @param between certificates of authorities between the issuer and the leaf */
function issues(issuer: X509Certificate, below: X509Certificate, between: number): boolean {
  if (!issuer.ca || /md5|sha1/i.test(below.signatureAlgorithm ?? 'md5')) return false;
  if (!below.checkIssued(issuer) || !below.verify(issuer.publicKey)) return false;
  const parsed = new ParsedCertificate(new Uint8Array(issuer.raw));
  const basic = parsed.getExtension(BasicConstraintsExtension);
  if (!understood(parsed) || basic?.ca !== true) return false;
  if ((basic.pathLength ?? LONGEST_CHAIN) < between) return false;
  const usage = parsed.getExtension(KeyUsagesExtension);
  return usage === null || (usage.usages & KeyUsageFlags.keyCertSign) !== 0;
}

function mayIdentify(leaf: X509Certificate): boolean {
  const parsed = new ParsedCertificate(new Uint8Array(leaf.raw));
  const purposes = parsed.getExtension(ExtendedKeyUsageExtension)?.usages;
  const forClients = purposes === undefined || purposes.includes(ExtendedKeyUsage.clientAuth);
  return forClients && understood(parsed);
}

function understood(certificate: ParsedCertificate): boolean {
  return certificate.extensions.every(
    ({ critical, type }) => (!critical || UNDERSTOOD.has(type)) && type !== NAME_CONSTRAINTS,
  );
}

/** What targets are told of the client. */
export function identityHeaders(
  chain: readonly X509Certificate[],
  mode: TrustSettings['mode'],
): (readonly [name: string, value: string])[] {
  const [leaf] = chain;
  if (leaf === undefined) return [];
  if (mode === 'passthrough') {
    return [['X-Amzn-Mtls-Clientcert', chain.map((one) => encodePem(one.toString())).join('')]];
  }
  const validity = `NotBefore=${instant(leaf.validFromDate)};NotAfter=${instant(leaf.validToDate)}`;
  return [
    ['X-Amzn-Mtls-Clientcert-Serial-Number', leaf.serialNumber],
    ['X-Amzn-Mtls-Clientcert-Issuer', distinguishedName(leaf.issuer)],
    ['X-Amzn-Mtls-Clientcert-Subject', distinguishedName(leaf.subject)],
    ['X-Amzn-Mtls-Clientcert-Validity', validity],
    ['X-Amzn-Mtls-Clientcert-Leaf', encodePem(leaf.toString())],
  ];
}

/** The certificates that the other side has sent, the leaf first. */
export function chainOf(peer: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<string>();
  // Without a certificate it is an object without members.
  let one: Partial<DetailedPeerCertificate> | undefined = peer;
  while (one?.raw !== undefined && chain.length < LONGEST_CHAIN) {
    const certificate = new X509Certificate(one.raw);
    if (seen.has(certificate.fingerprint256)) break;
    seen.add(certificate.fingerprint256);
    chain.push(certificate);
    one = one.issuerCertificate;
  }
  return chain;
}

function encodePem(pem: string): string {
  return encodeURIComponent(pem)
    .replaceAll('%2B', '+')
    .replaceAll('%3D', '=')
    .replaceAll('%2F', '/');
}

function instant(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z');
}

/** The last part first, as RFC 2253 writes it. @param lines as Node.js writes it: a part a line, already escaped */
function distinguishedName(lines: string): string {
  const text = lines.split('\n').reverse().join(',');
  // Headers are ASCII: other characters are written as the bytes of their UTF-8. Source: RFC 2253, section 2.4.
  return text.replace(/[^\x20-\x7e]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `\\${byte.toString(16).padStart(2, '0').toUpperCase()}`)
      .join(''),
  );
}
