// The connections to one target of a group that passes TCP through. Each belongs to one client; nothing is kept for reuse.
import { type Socket, connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { connectFailure } from '../connect-failure.ts';
import type { ConnectFailure, ConnectionWaiter, TargetPool } from '../exchange-sides.ts';

export interface TcpPoolOptions {
  readonly address: string;
  readonly port: number;
  /** TLS without verifying the target's certificate, as ALB does. */
  readonly secure: boolean;
  readonly connectTimeoutMs: number;
}

/** Who waits for a connection. Exactly one of the first two is called, not before `dial` returns, unless it gives up first. */
export interface SocketWaiter {
  onConnected(socket: Socket): void;
  onRefused(failure: ConnectFailure): void;
  /** The deregistration delay is over. */
  onCut(): void;
}

export class TcpPool implements TargetPool {
  readonly #options: TcpPoolOptions;
  readonly #open = new Map<Socket, SocketWaiter>();
  readonly #dials = new Map<SocketWaiter, () => void>();

  constructor(options: TcpPoolOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#open.size;
  }

  dial(waiter: SocketWaiter): void {
    const { address: host, port, secure, connectTimeoutMs } = this.#options;
    const to = { host, port, noDelay: true, allowHalfOpen: true };
    const socket: Socket = secure
      ? connectTls({ ...to, rejectUnauthorized: false })
      : connectTcp(to);
    const connected = secure ? 'secureConnect' : 'connect';
    const stop = (): void => {
      clearTimeout(timer);
      this.#dials.delete(waiter);
      socket.off(connected, stand).off('error', refuse).off('close', refuse);
    };
    const giveUp = (): void => {
      stop();
      socket.on('error', ignore);
      socket.destroy();
    };
    const refuse = (error?: Error | boolean): void => {
      giveUp();
      waiter.onRefused(connectFailure(error));
    };
    const stand = (): void => {
      stop();
      this.#open.set(socket, waiter);
      socket.once('close', () => this.#open.delete(socket));
      waiter.onConnected(socket);
    };
    const timer = setTimeout(() => {
      giveUp();
      const message = `no connection within ${connectTimeoutMs} ms`;
      waiter.onRefused({ kind: 'timeout', message });
    }, connectTimeoutMs);
    this.#dials.set(waiter, giveUp);
    socket.once(connected, stand).once('error', refuse).once('close', refuse);
  }

  giveUp(waiter: SocketWaiter): void {
    this.#dials.get(waiter)?.();
  }

  take(): undefined {
    return undefined;
  }

  /** No requests go to such a group: only a listener of another kind could send one. */
  connect(waiter: ConnectionWaiter): void {
    queueMicrotask(() =>
      waiter.onRefused({ kind: 'refused', message: 'the target group passes TCP through' }),
    );
  }

  cancel(): void {
    return;
  }

  sweep(): void {
    return;
  }

  closeIdle(): void {
    return;
  }

  refuseWaiting(): void {
    for (const [waiter, giveUp] of [...this.#dials]) {
      giveUp();
      waiter.onRefused({ kind: 'retired', message: 'the target is gone' });
    }
  }

  cut(): void {
    this.refuseWaiting();
    for (const waiter of [...this.#open.values()]) waiter.onCut();
  }
}

const ignore = (): undefined => undefined;
