// Ends TLS for the connections of one listener: certificates by name, the listener's policy, client certificates, session tickets.
// What it needs is built when the first connection wants it and again when something has changed; connections that stand are
// never touched by that. Source: ALB reference, sections 4.7 and 4.8.
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  type SecureContext,
  type SecureContextOptions,
  Server as TlsServer,
  TLSSocket,
  createSecureContext,
} from 'node:tls';

import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type {
  AcmeChallenge,
  CookieKey,
  ListenerRecord,
  TrustStoreRecord,
} from '@berth/model/generated/messages.ts';
import { type TlsPolicy, tlsPolicyOf } from '@berth/model/routing/tls-policies.ts';

import type { ClientTls } from '../exchange-sides.ts';
import { ACME_PROTOCOL, acmeChallengeOf, acmeContext } from './acme.ts';
import { certificatesOfNames } from './authority-names.ts';
import type { CertificateStore } from './certificate-store.ts';
import { type PairChoice, type PairIndex, choosePairs, indexPairs } from './choose-pair.ts';
import { LONGEST_HELLO, readClientHello } from './client-hello.ts';
import type { HandshakeOutcome, TlsMetrics } from './metrics.ts';
import type { ServedPair } from './served-pair.ts';
import { ticketKeys } from './ticket-keys.ts';
import { type TrustSettings, chainOf, identityHeaders, refusalOf, trustSettings } from './trust.ts';

/** What of the routing table TLS rests on, beside the listener itself. */
export interface TlsMaterial {
  readonly trustStores: ReadonlyMap<string, TrustStoreRecord>;
  readonly cookieKeys: readonly CookieKey[];
  readonly acmeChallenges: readonly AcmeChallenge[];
}

export interface TlsSurroundings {
  readonly certificates: CertificateStore;
  readonly metrics: TlsMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly handshakeTimeoutMs: number;
}

/** Who takes a connection once it is secure. */
export type OnSecure = (socket: TLSSocket, tls: ClientTls) => void;

/** A server for one state of the listener and its certificates. */
interface Built {
  readonly record: ListenerRecord;
  readonly version: number;
  readonly material: TlsMaterial;
  readonly protocols: readonly string[];
  readonly index: PairIndex;
  readonly trust: TrustSettings | undefined;
  /** @param name what the client asks for; undefined: its hello has not been read */
  readonly serverFor: (name: string | undefined) => TlsServer;
}

interface Handshake {
  readonly raw: Socket;
  readonly startedAt: number;
  readonly onSecure: OnSecure;
}

/** Node.js names the default certificate's context by no name. */
const NO_NAME = '';
const PLAIN_HTTP_TEXT = 'This port speaks HTTPS: use https:// in the URL';
const PLAIN_HTTP_ANSWER = `HTTP/1.1 400 Bad Request\r\nServer: awselb/2.0\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ${PLAIN_HTTP_TEXT.length}\r\n\r\n${PLAIN_HTTP_TEXT}`;
const REMEMBERED = 1_024;

export class TlsTermination {
  readonly #with: TlsSurroundings;
  /** By the two ends of their connection. */
  readonly #handshakes = new Map<string, Handshake>();
  #built: Built | undefined;
  #problem: string | undefined;

  constructor(surroundings: TlsSurroundings) {
    this.#with = surroundings;
  }

  /** Why no client can be served now. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Takes over a connection of which nothing has been read, or whose first bytes were put back. `onSecure` is called once its
   * handshake has ended well; else the connection is closed.
   * @param protocols for ALPN, the most preferred first; empty: it is not negotiated
   */
  accept(
    raw: Socket,
    record: ListenerRecord,
    material: TlsMaterial,
    protocols: readonly string[],
    onSecure: OnSecure,
  ): void {
    const handshake = { raw, startedAt: this.#with.clock.monotonic(), onSecure };
    const proving = material.acmeChallenges.some((challenge) => challenge.type === 'tls-alpn-01');
    const built = this.#current(record, material, protocols);
    if (proving || built?.index.mixed === true) this.#look(handshake, built, material);
    else this.#begin(handshake, built, undefined);
  }

  /** @param name what the client asks for, where its hello has been read */
  #begin(handshake: Handshake, built: Built | undefined, name: string | undefined): void {
    const { raw } = handshake;
    if (built === undefined) {
      this.#count(handshake, 'no_certificate');
      raw.destroy();
      return;
    }
    const key = endsOf(raw);
    if (key === undefined) {
      raw.destroy();
      return;
    }
    this.#handshakes.set(key, handshake);
    raw.once('close', () => {
      if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key);
    });
    built.serverFor(name).emit('connection', raw);
  }

  /** Made anew when the listener, its certificates or what they rest on has changed. */
  #current(
    record: ListenerRecord,
    material: TlsMaterial,
    protocols: readonly string[],
  ): Built | undefined {
    const { certificates, logger } = this.#with;
    const known = this.#built;
    if (
      known?.record === record &&
      known.version === certificates.version &&
      known.material.trustStores === material.trustStores &&
      known.material.cookieKeys === material.cookieKeys &&
      known.protocols.join() === protocols.join()
    ) {
      return known;
    }
    try {
      this.#built = this.#build(record, material, protocols);
      this.#problem = undefined;
    } catch (error) {
      const problem = `Can't serve TLS on port ${record.port}: ${error instanceof Error ? error.message : String(error)}`;
      if (this.#problem !== problem) logger.error({ port: record.port, err: error }, problem);
      this.#problem = problem;
      // A certificate that is gone, or a trust store that can't be read: never serve without what was asked for.
      this.#built = undefined;
    }
    return this.#built;
  }

  /** @throws Error when the listener can't be served as its record says */
  #build(record: ListenerRecord, material: TlsMaterial, protocols: readonly string[]): Built {
    const { certificates, clock } = this.#with;
    const references = record.certificates.map((one) => one.certificateArn);
    const trust = trustSettings(record.mutualAuthentication, material.trustStores);
    const options = contextOptions(tlsPolicyOf(record.sslPolicy), trust, record, material);
    const pairs = references
      .flatMap((reference) => certificates.pair(reference) ?? [])
      .filter((pair) => this.#fits(pair, options, record));
    const index = indexPairs(pairs);
    if (index === undefined) {
      throw new Error(
        `none of its certificates is there: ${references.join(', ') || 'it has none'}`,
      );
    }
    const alpn =
      protocols.length === 0
        ? {}
        : {
            ALPNCallback: ({ protocols: offered }: { protocols: string[] }) =>
              protocols.find((protocol) => offered.includes(protocol)),
          };
    const contexts = new Map<string, SecureContext>();
    const contextFor = (name: string): SecureContext => {
      const { pairs } = choosePairs(index, name, clock.now());
      return remembered(contexts, pairs, () =>
        createSecureContext({ ...options, ...shown(pairs) }),
      );
    };
    const serverOf = (pairs: readonly ServedPair[]): TlsServer => {
      const server = new TlsServer({
        ...options,
        ...shown(pairs),
        ...alpn,
        handshakeTimeout: this.#with.handshakeTimeoutMs,
        allowHalfOpen: true,
        requestCert: trust !== undefined,
        rejectUnauthorized: false,
        SNICallback: (name, done) => {
          // With two certificates it is the context of the server, not one given here, that can choose between them.
          try {
            done(null, pairs.length > 1 ? undefined : contextFor(name));
          } catch (error) {
            done(error as Error);
          }
        },
      });
      server.on('secureConnection', (socket) => this.#onSecure(built, socket));
      server.on('tlsClientError', (error, socket) => this.#onFailed(error, socket));
      return server;
    };
    const plain = serverOf([index.fallback]);
    const servers = new Map<string, TlsServer>();
    const built: Built = {
      record,
      version: certificates.version,
      material,
      protocols,
      index,
      trust,
      serverFor: (name) => {
        const pairs = name === undefined ? [] : choosePairs(index, name, clock.now()).pairs;
        return pairs.length > 1 ? remembered(servers, pairs, () => serverOf(pairs)) : plain;
      },
    };
    return built;
  }

  /** OpenSSL takes no chain with a broken part, and no key that is too short for the policy: better no such certificate than no listener. */
  #fits(pair: ServedPair, options: SecureContextOptions, { port }: ListenerRecord): boolean {
    try {
      createSecureContext({ ...options, ...shown([pair]) });
      return true;
    } catch (err) {
      const certificate = pair.arn;
      this.#with.logger.error({ port, certificate, err }, 'a certificate can not be shown here');
      return false;
    }
  }

  #take(socket: TLSSocket): Handshake | undefined {
    const key = endsOf(socket);
    if (key === undefined) return undefined;
    const handshake = this.#handshakes.get(key);
    this.#handshakes.delete(key);
    return handshake;
  }

  #onSecure(built: Built, socket: TLSSocket): void {
    socket.on('error', ignore);
    const handshake = this.#take(socket);
    if (handshake === undefined) {
      socket.destroy();
      return;
    }
    const { trust, index } = built;
    let identity: ClientTls['identityHeaders'] = [];
    if (trust !== undefined) {
      const shows = identityOf(socket, trust, this.#with.clock.now());
      if (typeof shows === 'string') {
        this.#count(handshake, 'client_refused');
        this.#with.logger.info({ port: built.record.port, reason: shows }, 'client refused');
        socket.destroy();
        return;
      }
      identity = shows;
    }
    const name = typeof socket.servername === 'string' ? socket.servername : undefined;
    const choice = choosePairs(index, name ?? NO_NAME, this.#with.clock.now());
    const resumed = socket.isSessionReused();
    this.#count(handshake, resumed ? 'resumed' : 'full');
    handshake.onSecure(socket, {
      version: socket.getProtocol() ?? '',
      cipher: socket.getCipher().name,
      serverName: name,
      certificateArn: resumed ? 'session-reused' : shownTo(socket, choice).arn,
      identityHeaders: identity,
    });
  }

  #onFailed(error: Error, socket: TLSSocket): void {
    socket.on('error', ignore);
    const handshake = this.#take(socket);
    const { code } = error as NodeJS.ErrnoException;
    if (handshake === undefined) return;
    if (code === 'ERR_SSL_HTTP_REQUEST') {
      this.#count(handshake, 'plain_http');
      if (handshake.raw.writable) handshake.raw.write(PLAIN_HTTP_ANSWER);
    } else {
      this.#count(handshake, code === 'ERR_TLS_HANDSHAKE_TIMEOUT' ? 'timeout' : 'failed');
    }
    socket.destroy();
  }

  #count(handshake: Handshake, outcome: HandshakeOutcome): void {
    const { metrics, clock } = this.#with;
    metrics.handshake(outcome, clock.monotonic() - handshake.startedAt);
  }

  /**
   * Reads the client's hello first: while an ACME server may come, since what it is shown hangs on what it wants to speak; and
   * where names have two certificates, since Node.js can't give OpenSSL both once a handshake has begun.
   */
  #look(handshake: Handshake, built: Built | undefined, material: TlsMaterial): void {
    const { raw } = handshake;
    let bytes: Buffer = Buffer.alloc(0);
    const stop = (): void => {
      clearTimeout(timer);
      raw.off('data', onData).off('end', onEnd).off('close', stop);
    };
    const onEnd = (): void => {
      stop();
      this.#count(handshake, 'failed');
      raw.destroy();
    };
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const hello = readClientHello(bytes);
      if (hello === undefined && bytes.length <= LONGEST_HELLO) return;
      stop();
      raw.pause();
      raw.unshift(bytes);
      const read = hello === undefined || hello === 'none' ? undefined : hello;
      const challenge = read && acmeChallengeOf(material.acmeChallenges, read);
      if (challenge === undefined) this.#begin(handshake, built, read?.serverName);
      else this.#prove(handshake, challenge).catch(() => raw.destroy());
    };
    const timer = setTimeout(() => {
      stop();
      this.#count(handshake, 'timeout');
      raw.destroy();
    }, this.#with.handshakeTimeoutMs);
    raw.on('data', onData).on('end', onEnd).on('close', stop);
  }

  async #prove(handshake: Handshake, challenge: AcmeChallenge): Promise<void> {
    const secureContext = await acmeContext(challenge, this.#with.clock.now());
    const socket = new TLSSocket(handshake.raw, {
      isServer: true,
      secureContext,
      ALPNProtocols: [ACME_PROTOCOL],
    });
    this.#count(handshake, 'acme');
    // Nothing is said after the handshake: the client has seen what it came for. Source: RFC 8737, section 3.
    socket.on('error', ignore);
    socket.setTimeout(this.#with.handshakeTimeoutMs, () => socket.destroy());
    socket.on('end', () => socket.destroy());
    socket.resume();
  }
}

const ignore = (): undefined => undefined;

/** What targets are told of the client, or why it may not go on. OpenSSL lets certificates pass that can't be read here. */
function identityOf(
  socket: TLSSocket,
  trust: TrustSettings,
  now: number,
): ClientTls['identityHeaders'] | string {
  try {
    const chain = chainOf(socket.getPeerCertificate(true));
    return refusalOf(chain, trust, now) ?? identityHeaders(chain, trust.mode);
  } catch (error) {
    return `a certificate that can't be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Unique among the connections that are open; undefined for one that is not any more. */
function endsOf(socket: Socket): string | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return `${remoteAddress} ${remotePort} ${String(localAddress)} ${String(localPort)}`;
}

/** What is made of certificates, made once. */
function remembered<T>(known: Map<string, T>, pairs: readonly ServedPair[], make: () => T): T {
  const key = pairs.map((pair) => pair.fingerprint).join();
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size >= REMEMBERED) known.clear();
  const made = make();
  known.set(key, made);
  return made;
}

function shown(pairs: readonly ServedPair[]): SecureContextOptions {
  return { cert: pairs.map((pair) => pair.chainPem), key: pairs.map((pair) => pair.keyPem) };
}

/** Of two certificates the client's ciphers have chosen. */
function shownTo(socket: TLSSocket, { pairs }: PairChoice): ServedPair {
  const [first, second] = pairs;
  if (first === undefined) throw new Error('a choice of no certificate');
  if (second === undefined) return first;
  return socket.getX509Certificate()?.fingerprint256 === second.fingerprint ? second : first;
}

function contextOptions(
  policy: TlsPolicy,
  trust: TrustSettings | undefined,
  record: ListenerRecord,
  material: TlsMaterial,
): SecureContextOptions {
  const [oldest] = policy.protocols;
  const newest = policy.protocols.at(-1);
  // OpenSSL refuses SHA-1 signatures, which TLS before 1.2 can't do without, above this level.
  const level = oldest === 'TLSv1' || oldest === 'TLSv1.1' ? ['@SECLEVEL=0'] : [];
  const ticket = ticketKeys(material.cookieKeys);
  return {
    ciphers: [...policy.ciphers, ...level].join(':'),
    ecdhCurve: policy.groups.join(':'),
    honorCipherOrder: true,
    // A resumed session would say only in part what the client has shown: with certificates each handshake is a full one.
    secureOptions:
      constants.SSL_OP_NO_RENEGOTIATION | (trust === undefined ? 0 : constants.SSL_OP_NO_TICKET),
    sessionIdContext: record.id.slice(0, 32),
    ...(oldest === undefined ? {} : { minVersion: oldest }),
    ...(newest === undefined ? {} : { maxVersion: newest }),
    ...(ticket === undefined ? {} : { ticketKeys: ticket }),
    // OpenSSL is to find no chain good, see trust.ts.
    ...(trust === undefined ? {} : { ca: toldNames(trust) }),
  };
}

function toldNames({ tellNames, store }: TrustSettings): string[] {
  return tellNames && store !== undefined ? certificatesOfNames(store.anchors) : [];
}
