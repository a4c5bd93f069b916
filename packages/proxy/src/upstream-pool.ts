// The connections to one target, kept for reuse. A pool belongs to one registration and never to an address: what
// comes to live at the same address later has a pool of its own. The idle time stays below that of the targets, so that
// a connection is not reused while its other end closes it.
import { type Socket, connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

import type { Clock } from '@berth/control/clock.ts';

import { connectFailure } from './connect-failure.ts';
import type { ConnectionWaiter, TargetPool } from './exchange-sides.ts';
import { READ_BUFFER } from './http1/read-buffer.ts';
import type { ProxySettings } from './settings.ts';
import { type ConnectionHome, UpstreamConnection } from './upstream-connection.ts';

export interface PoolOptions {
  readonly address: string;
  readonly port: number;
  /** TLS without verifying the target's certificate, as ALB does. */
  readonly secure: boolean;
  readonly connectTimeoutMs: number;
  readonly settings: ProxySettings;
  readonly clock: Clock;
}

/** How much earlier than announced by the target a connection is given up. */
const HINT_MARGIN_MS = 1_000;

export class UpstreamPool implements TargetPool, ConnectionHome {
  now: number;
  readonly #options: PoolOptions;
  /** The one used last is at the end. */
  readonly #idle: UpstreamConnection[] = [];
  readonly #open = new Set<UpstreamConnection>();
  /** How to give up each connection that does not stand yet. */
  readonly #dials = new Map<ConnectionWaiter, () => void>();
  #closing = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.now = options.clock.monotonic();
  }

  get open(): number {
    return this.#open.size;
  }

  take(maximumIdleMs: number, now: number): UpstreamConnection | undefined {
    this.now = now;
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      const idleMs = this.now - connection.idleSince;
      if (connection.usable && idleMs < this.#limitOf(connection)) {
        if (idleMs <= maximumIdleMs) return connection;
        this.#idle.push(connection);
        return undefined;
      }
      connection.abandon();
    }
  }

  /** @param upgrade the connection outlives the target's FIN: for tunnels */
  connect(waiter: ConnectionWaiter, upgrade: boolean): void {
    const { address, port, secure, connectTimeoutMs } = this.#options;
    let connection: UpstreamConnection | undefined;
    const read = (length: number): boolean => {
      connection?.onRead(length);
      return true;
    };
    const socket: Socket = secure
      ? connectTls({ host: address, port, rejectUnauthorized: false })
      : connectTcp({
          host: address,
          port,
          noDelay: true,
          allowHalfOpen: upgrade,
          ...(upgrade ? {} : { onread: { buffer: READ_BUFFER, callback: read } }),
        });
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
      waiter.onRefused(connectFailure(error));
    };
    const stand = (): void => {
      stop();
      this.now = this.#options.clock.monotonic();
      connection = new UpstreamConnection(socket, this);
      this.#open.add(connection);
      waiter.onConnected(connection);
    };
    const timer = setTimeout(() => {
      giveUp();
      const message = `no connection within ${connectTimeoutMs} ms`;
      waiter.onRefused({ kind: 'timeout', message });
    }, connectTimeoutMs);
    this.#dials.set(waiter, giveUp);
    socket.once(connected, stand).once('error', refuse).once('close', refuse);
  }

  cancel(waiter: ConnectionWaiter): void {
    this.#dials.get(waiter)?.();
  }

  onIdle(connection: UpstreamConnection): void {
    this.now = this.#options.clock.monotonic();
    connection.idleSince = this.now;
    if (this.#closing || this.#limitOf(connection) <= 0) connection.abandon();
    else this.#idle.push(connection);
  }

  onClosed(connection: UpstreamConnection): void {
    this.#open.delete(connection);
    const index = this.#idle.lastIndexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  sweep(): void {
    this.now = this.#options.clock.monotonic();
    for (const connection of [...this.#idle]) {
      if (this.now - connection.idleSince >= this.#limitOf(connection)) connection.abandon();
    }
    for (const connection of [...this.#open]) connection.look(this.now);
  }

  closeIdle(): void {
    this.#closing = true;
    for (const connection of [...this.#idle]) connection.abandon();
  }

  /** Whoever waits for a connection has sent nothing and can go elsewhere. */
  refuseWaiting(): void {
    for (const [waiter, giveUp] of [...this.#dials]) {
      giveUp();
      waiter.onRefused({ kind: 'retired', message: 'the target is gone' });
    }
  }

  cut(message: string): void {
    this.closeIdle();
    this.refuseWaiting();
    for (const connection of [...this.#open]) connection.fail('cut', message);
  }

  #limitOf(connection: UpstreamConnection): number {
    const { targetIdleMs } = this.#options.settings;
    if (connection.keepAliveMs === undefined) return targetIdleMs;
    return Math.min(targetIdleMs, connection.keepAliveMs - HINT_MARGIN_MS);
  }
}
