// One port for plain HTTP/1.x: accepts connections and hands their requests to the dispatcher. Source: dependency pitfalls H1, H15, H17.
import { type Server, type Socket, createServer } from 'node:net';

import type { ClientInfo } from './exchange-sides.ts';
import { type DispatchSurroundings, Dispatcher, type Entrance } from './dispatcher.ts';
import { Http1Connections } from './http1/connections.ts';
import type { Ports } from './ports.ts';

export type ListenerSurroundings = DispatchSurroundings;

const LINGER_CHECK_MS = 20;
const NEVER = new AbortController().signal;

export class Listener implements Entrance {
  /** As the routing table names it. */
  readonly port: number;
  readonly dispatcher: Dispatcher;
  readonly #with: ListenerSurroundings;
  readonly #server: Server;
  readonly #clients: Http1Connections;
  #address = '';
  #actualPort = 0;
  #ports: Ports | undefined;

  constructor(port: number, surroundings: ListenerSurroundings) {
    this.port = port;
    this.#with = surroundings;
    const { settings, clock } = surroundings;
    this.dispatcher = new Dispatcher(this, surroundings);
    this.#clients = new Http1Connections(this.dispatcher, settings, clock);
    // The answer to a request may follow the client's FIN; see `ClientConnection`.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.accept(socket),
    );
    this.#server.maxConnections = settings.clientConnections;
  }

  get connections(): number {
    return this.#clients.size;
  }

  /** The port that it listens on; another than `port` only when that is 0. */
  get actualPort(): number {
    return this.#actualPort;
  }

  get address(): string {
    return this.#address;
  }

  /** Serves a connection, wherever it comes from. @param client if that is not what the socket itself says */
  accept(socket: Socket, client?: ClientInfo): void {
    const { admission } = this.#with;
    const { listener } = this.dispatcher;
    if (admission !== undefined) {
      const address = client?.address ?? socket.remoteAddress ?? '';
      if (!admission.connectionOpened(listener, address)) {
        socket.destroy();
        return;
      }
      socket.once('close', () => admission.connectionClosed(listener, address));
    }
    this.#clients.accept(socket, client);
  }

  /** @throws the error of the operating system when the port can't be had */
  async open(address: string, ports: Ports): Promise<void> {
    this.#ports = ports;
    this.#actualPort = await ports.take(this.#server, this.port, address);
    this.#address = `${address.includes(':') ? `[${address}]` : address}:${this.#actualPort}`;
  }

  /**
   * Accepts nothing more; answers say `Connection: close`; what is open may end within `graceMs`. Idle connections are given
   * a quarter of it, a second at most, to send a request that is already on its way.
   */
  async close(graceMs: number): Promise<void> {
    const { clock } = this.#with;
    this.#clients.closing = true;
    const started = clock.monotonic();
    const closed = new Promise<void>((resolve) => void this.#server.once('close', resolve));
    const listened = this.#server.listening;
    this.#ports?.release(this.#server);
    const idleUntil = started + Math.min(1_000, graceMs / 4);
    while (this.#clients.size > 0 && clock.monotonic() < started + graceMs) {
      if (clock.monotonic() >= idleUntil) this.#clients.closeIdle();
      await clock.sleep(LINGER_CHECK_MS, NEVER);
    }
    this.#clients.stop();
    if (listened) await closed;
  }
}
