// The HTTP/2 sessions with one target: h2c with prior knowledge, or h2 by ALPN over TLS. Streams share a session up to what the target
// allows; then another session is opened. A target that says GOAWAY gets its next streams on a new one.
// Source: RFC 9113, sections 3 and 6.8; ALB reference, section 3.1.
import { type ClientHttp2Session, type Settings, connect as connectHttp2 } from 'node:http2';
import { type Socket, connect as connectTcp } from 'node:net';
import { type TLSSocket, connect as connectTls } from 'node:tls';

import type { Clock } from '@berth/control/clock.ts';

import { connectFailure } from '../connect-failure.ts';
import type { ConnectFailure, ConnectionWaiter, TargetPool, Upstream } from '../exchange-sides.ts';
import { type StreamHome, TargetStream } from './target-stream.ts';

export interface SessionPoolOptions {
  readonly address: string;
  readonly port: number;
  /** TLS without verifying the target's certificate, as ALB does. */
  readonly secure: boolean;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
}

/** Streams on one session, even if the target allows more: they share one TCP connection and its losses. */
const STREAMS = 128;
/** A session without a stream is closed after this. */
const IDLE_MS = 60_000;
/** What one stream, and all streams of a session, may have under way without being read. */
const STREAM_WINDOW = 256 * 1024;
const SESSION_WINDOW = 1024 * 1024;

const SETTINGS: Settings = {
  enablePush: false,
  initialWindowSize: STREAM_WINDOW,
  maxHeaderListSize: 65_536,
};

/** As in client-session.ts: else a client's odd request would look like a failure of the target. The types know it of servers only. */
const REPEATED_FIELDS = { strictSingleValueFields: false };

export class SessionPool implements TargetPool {
  readonly #options: SessionPoolOptions;
  readonly #sessions = new Set<PooledSession>();
  #dial: Dial | undefined;
  #closing = false;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#sessions.size;
  }

  take(maximumIdleMs: number, now: number): Upstream | undefined {
    for (const session of this.#sessions) {
      if (session.hasRoom && session.idleFor(now) <= maximumIdleMs) return session.newStream();
    }
    return undefined;
  }

  /** Tunnels are not made over HTTP/2: such a request is refused. */
  connect(waiter: ConnectionWaiter, upgrade: boolean): void {
    if (upgrade || this.#closing) {
      const failure: ConnectFailure = upgrade
        ? { kind: 'refused', message: 'no tunnels over HTTP/2' }
        : { kind: 'retired', message: 'the target is gone' };
      queueMicrotask(() => waiter.onRefused(failure));
      return;
    }
    // Whoever comes while a session is being opened waits for that one.
    this.#dial ??= this.#newDial();
    this.#dial.waiters.add(waiter);
  }

  #newDial(): Dial {
    const { address, port, secure, connectTimeoutMs, clock } = this.#options;
    const dial: Dial = dialSession({ address, port, secure, connectTimeoutMs }, (outcome) => {
      this.#dial = undefined;
      const waiters = [...dial.waiters];
      if ('kind' in outcome) {
        for (const waiter of waiters) waiter.onRefused(outcome);
        return;
      }
      const scheme = secure ? 'https' : 'http';
      const session = new PooledSession(outcome, scheme, clock, (closed) =>
        this.#sessions.delete(closed),
      );
      this.#sessions.add(session);
      if (!session.hasRoom) {
        // Another session would have no more: dialling on would take all files and ports that there are.
        session.close();
        const message = 'the target takes no streams';
        for (const waiter of waiters) waiter.onRefused({ kind: 'refused', message });
        return;
      }
      for (const waiter of waiters) {
        // More than one session takes: they wait for another.
        if (session.hasRoom) waiter.onConnected(session.newStream());
        else this.connect(waiter, false);
      }
    });
    return dial;
  }

  cancel(waiter: ConnectionWaiter): void {
    const dial = this.#dial;
    if (dial?.waiters.delete(waiter) === true && dial.waiters.size === 0) {
      this.#dial = undefined;
      dial.giveUp();
    }
  }

  sweep(): void {
    const now = this.#options.clock.monotonic();
    for (const session of this.#sessions) {
      if (session.idleFor(now) >= IDLE_MS) session.close();
    }
  }

  closeIdle(): void {
    this.#closing = true;
    for (const session of this.#sessions) session.close();
  }

  refuseWaiting(): void {
    const dial = this.#dial;
    if (dial === undefined) return;
    this.#dial = undefined;
    dial.giveUp();
    for (const waiter of dial.waiters) {
      waiter.onRefused({ kind: 'retired', message: 'the target is gone' });
    }
  }

  cut(message: string): void {
    this.closeIdle();
    this.refuseWaiting();
    for (const session of [...this.#sessions]) session.cut(message);
  }
}

class PooledSession implements StreamHome {
  readonly session: ClientHttp2Session;
  readonly scheme: 'http' | 'https';
  lastStream: number | undefined;
  readonly #clock: Clock;
  readonly #streams = new Set<TargetStream>();
  #used = false;
  #idleSince: number;
  #closing = false;

  constructor(
    session: ClientHttp2Session,
    scheme: 'http' | 'https',
    clock: Clock,
    onClosed: (session: PooledSession) => void,
  ) {
    this.session = session;
    this.scheme = scheme;
    this.#clock = clock;
    this.#idleSince = clock.monotonic();
    if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW);
    session.on('goaway', (_code: number, lastStream: number) => {
      this.lastStream = lastStream;
      this.#closing = true;
    });
    session.on('close', () => {
      this.#closing = true;
      onClosed(this);
    });
    if (session.closed || session.destroyed) {
      this.#closing = true;
      queueMicrotask(() => onClosed(this));
    }
  }

  get hasRoom(): boolean {
    const { session } = this;
    const allowed = session.remoteSettings.maxConcurrentStreams ?? STREAMS;
    return (
      !this.#closing &&
      !session.closed &&
      !session.destroyed &&
      this.#streams.size < Math.min(STREAMS, allowed)
    );
  }

  /** 0 while there are streams. */
  idleFor(now: number): number {
    return this.#streams.size > 0 ? 0 : now - this.#idleSince;
  }

  newStream(): TargetStream {
    const stream = new TargetStream(this, this.#used);
    this.#used = true;
    this.#streams.add(stream);
    return stream;
  }

  onStreamClosed(stream: TargetStream): void {
    this.#streams.delete(stream);
    this.#idleSince = this.#clock.monotonic();
  }

  /** No new streams; those that are open go on. */
  close(): void {
    this.#closing = true;
    if (!this.session.closed) this.session.close();
  }

  cut(message: string): void {
    for (const stream of [...this.#streams]) stream.fail('cut', message);
    this.session.destroy();
  }
}

interface Dial {
  readonly waiters: Set<ConnectionWaiter>;
  /** `done` is not called any more. */
  giveUp(): void;
}

/** @param done called once, not before the call returns, unless it is given up: with a session whose target has spoken HTTP/2 */
function dialSession(
  to: Omit<SessionPoolOptions, 'clock'>,
  done: (outcome: ClientHttp2Session | ConnectFailure) => void,
): Dial {
  const { address, port, secure, connectTimeoutMs } = to;
  const socket: Socket | TLSSocket = secure
    ? connectTls({ host: address, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    : connectTcp({ host: address, port, noDelay: true });
  let session: ClientHttp2Session | undefined;
  let over = false;
  const giveUp = (): void => {
    over = true;
    clearTimeout(timer);
    socket.on('error', ignore);
    session?.destroy();
    socket.destroy();
  };
  const refuse = (failure: ConnectFailure): void => {
    if (over) return;
    giveUp();
    done(failure);
  };
  const failed = (error?: Error): void => refuse(connectFailure(error));
  const stand = (): void => {
    if ('alpnProtocol' in socket && socket.alpnProtocol !== 'h2') {
      refuse({ kind: 'refused', message: 'the target does not agree to HTTP/2' });
      return;
    }
    const made = connectHttp2(`${secure ? 'https' : 'http'}://target`, {
      createConnection: () => socket,
      settings: SETTINGS,
      ...REPEATED_FIELDS,
    });
    session = made;
    // After this the streams are told; the session itself has nobody to tell.
    made.on('error', (error: Error) => failed(error));
    made.once('close', () => failed());
    made.once('remoteSettings', () => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      done(made);
    });
  };
  const timer = setTimeout(
    () => refuse({ kind: 'timeout', message: `no connection within ${connectTimeoutMs} ms` }),
    connectTimeoutMs,
  );
  socket.once(secure ? 'secureConnect' : 'connect', stand);
  socket.on('error', failed);
  socket.once('close', () => failed());
  return { waiters: new Set(), giveUp };
}

const ignore = (): undefined => undefined;
