// The connections to one target, kept for reuse. A pool belongs to one registration and never to an address: what
// comes to live at the same address later has a pool of its own. The idle time stays below that of the targets, so that
// a connection is not reused while its other end closes it.
import { type Socket, connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

import type { Clock } from '@berth/control/clock.ts';

import type { ProxySettings } from './settings.ts';
import { type ConnectionHome, UpstreamConnection } from './upstream-connection.ts';

export interface PoolOptions {
  readonly address: string;
  readonly port: number;
  /** TLS without verifying the target's certificate, as ALB does. */
  readonly secure: boolean;
  readonly settings: ProxySettings;
  readonly clock: Clock;
}

export interface ConnectFailure {
  readonly kind: 'refused' | 'timeout' | 'retired';
  readonly message: string;
}

/** Who waits for a new connection. Exactly one of the two is called, unless it gives up first. */
export interface ConnectionWaiter {
  onConnected(connection: UpstreamConnection): void;
  onRefused(failure: ConnectFailure): void;
}

/** How much earlier than announced by the target a connection is given up. */
const HINT_MARGIN_MS = 1_000;

export class UpstreamPool implements ConnectionHome {
  readonly #options: PoolOptions;
  /** The one used last is at the end. */
  readonly #idle: UpstreamConnection[] = [];
  readonly #open = new Set<UpstreamConnection>();
  /** How to give up each connection that does not stand yet. */
  readonly #dials = new Map<ConnectionWaiter, () => void>();
  #closing = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#open.size;
  }

  /** An idle connection that is fit for use. @param maximumIdleMs for how long it may have been idle */
  take(maximumIdleMs: number): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      if (connection.usable && this.#idleFor(connection) < this.#limitOf(connection)) {
        if (this.#idleFor(connection) <= maximumIdleMs) return connection;
        this.#idle.push(connection);
        return undefined;
      }
      connection.abandon();
    }
  }

  /** @param halfOpen the connection outlives the target's FIN: for tunnels */
  connect(waiter: ConnectionWaiter, halfOpen: boolean): void {
    const { address, port, secure, settings } = this.#options;
    const socket: Socket = secure
      ? connectTls({ host: address, port, rejectUnauthorized: false })
      : connectTcp({ host: address, port, noDelay: true, allowHalfOpen: halfOpen });
    const connected = secure ? 'secureConnect' : 'connect';
    const stop = (): void => {
      clearTimeout(timer);
      this.#dials.delete(waiter);
      socket.off(connected, stand).off('error', refuse).off('close', refuse);
    };
    const giveUp = (): void => {
      stop();
      socket.on('error', () => undefined);
      socket.destroy();
    };
    const refuse = (error?: Error | boolean): void => {
      giveUp();
      const message = error instanceof Error ? error.message : 'closed while connecting';
      waiter.onRefused({ kind: 'refused', message });
    };
    const stand = (): void => {
      stop();
      const connection = new UpstreamConnection(socket, this, settings.idleTimeoutMs);
      this.#open.add(connection);
      waiter.onConnected(connection);
    };
    const timer = setTimeout(() => {
      giveUp();
      const message = `no connection within ${settings.connectTimeoutMs} ms`;
      waiter.onRefused({ kind: 'timeout', message });
    }, settings.connectTimeoutMs);
    this.#dials.set(waiter, giveUp);
    socket.once(connected, stand).once('error', refuse).once('close', refuse);
  }

  /** The waiter gives up; it is not called any more. */
  cancel(waiter: ConnectionWaiter): void {
    this.#dials.get(waiter)?.();
  }

  onIdle(connection: UpstreamConnection): void {
    connection.idleSince = this.#options.clock.monotonic();
    if (this.#closing || this.#limitOf(connection) <= 0) connection.abandon();
    else this.#idle.push(connection);
  }

  onClosed(connection: UpstreamConnection): void {
    this.#open.delete(connection);
    const index = this.#idle.lastIndexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  /** Closes what has been idle for too long; to be called about once a second. */
  sweep(): void {
    for (const connection of [...this.#idle]) {
      if (this.#idleFor(connection) >= this.#limitOf(connection)) connection.abandon();
    }
  }

  /** From now on nothing is kept for reuse. Exchanges go on. */
  closeIdle(): void {
    this.#closing = true;
    for (const connection of [...this.#idle]) connection.abandon();
  }

  /** Connections that do not stand yet are given up; whoever waits for them has sent nothing and can go elsewhere. */
  refuseWaiting(): void {
    for (const [waiter, giveUp] of [...this.#dials]) {
      giveUp();
      waiter.onRefused({ kind: 'retired', message: 'the target is gone' });
    }
  }

  /** Breaks off everything that is open. */
  cut(message: string): void {
    this.closeIdle();
    this.refuseWaiting();
    for (const connection of [...this.#open]) connection.fail('cut', message);
  }

  #idleFor(connection: UpstreamConnection): number {
    return this.#options.clock.monotonic() - connection.idleSince;
  }

  #limitOf(connection: UpstreamConnection): number {
    const { targetIdleMs } = this.#options.settings;
    if (connection.keepAliveMs === undefined) return targetIdleMs;
    return Math.min(targetIdleMs, connection.keepAliveMs - HINT_MARGIN_MS);
  }
}
