// The connections of one front that speak HTTP/1.x, wherever they come from: accepted here, handed over by another process, with TLS taken off. What takes too
// long is found by one look at all of them now and then, so that no request needs a timer of its own.
import type { Socket } from 'node:net';

import type { Clock } from '@berth/control/clock.ts';

import type { Dispatcher } from '../dispatcher.ts';
import type { ClientInfo } from '../exchange-sides.ts';
import type { ProxySettings } from '../settings.ts';

import { ClientConnection, type ConnectionSurroundings } from './client-connection.ts';

const SLOWEST_LOOK_MS = 1_000;
const FASTEST_LOOK_MS = 10;

export class Http1Connections implements ConnectionSurroundings {
  readonly dispatcher: Dispatcher;
  readonly settings: ProxySettings;
  readonly clock: Clock;
  now: number;
  closing = false;
  readonly #connections = new Set<ClientConnection>();
  readonly #stopping = new AbortController();
  #looking = false;

  constructor(dispatcher: Dispatcher, settings: ProxySettings, clock: Clock) {
    this.dispatcher = dispatcher;
    this.settings = settings;
    this.clock = clock;
    this.now = clock.monotonic();
  }

  get size(): number {
    return this.#connections.size;
  }

  /** @param socket connected; its end does not end it (`allowHalfOpen`) */
  accept(socket: Socket, client: ClientInfo = clientOf(socket)): void {
    if (socket.destroyed) return;
    this.now = this.clock.monotonic();
    this.#connections.add(new ClientConnection(socket, client, this));
    if (!this.#looking) {
      this.#looking = true;
      this.#lookAgain().catch(() => undefined);
    }
  }

  onClosed(connection: ClientConnection): void {
    this.#connections.delete(connection);
  }

  async #lookAgain(): Promise<void> {
    const { headTimeoutMs, clientKeepAliveMs, halfCloseGraceMs, idleTimeoutMs } = this.settings;
    const shortest = Math.min(
      headTimeoutMs,
      clientKeepAliveMs,
      halfCloseGraceMs,
      idleTimeoutMs ?? SLOWEST_LOOK_MS * 4,
    );
    const step = Math.min(SLOWEST_LOOK_MS, Math.max(FASTEST_LOOK_MS, shortest / 4));
    while (this.#connections.size > 0) {
      await this.clock.sleep(step, this.#stopping.signal);
      this.now = this.clock.monotonic();
      for (const connection of this.#connections) connection.look(this.now);
    }
    this.#looking = false;
  }

  closeIdle(): void {
    for (const connection of this.#connections) {
      if (connection.idle) connection.socket.destroySoon();
    }
  }

  /** Breaks off what is left. Nothing may be accepted any more. */
  stop(): void {
    for (const connection of this.#connections) connection.socket.destroy();
    this.#stopping.abort(new Error('the listener is closed'));
  }
}

export function clientOf(socket: Socket): ClientInfo {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return { address, port: socket.remotePort ?? 0 };
}
