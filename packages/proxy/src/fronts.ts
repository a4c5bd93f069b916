// What listens on a port. A front looks at the listener's record anew for each connection, so that a change of its protocol, its
// certificates or its rules needs no word to it and no second opening of the port.
import { type Server, type Socket, createServer } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { blockContains, parseAddress } from '@berth/model/routing/address.ts';
import type { ListenerRoutes } from '@berth/model/routing/table.ts';

import type { ClientPlaces } from './admission/client-places.ts';
import { type DispatchSurroundings, Dispatcher, type Entrance } from './dispatcher.ts';
import type { ClientInfo } from './exchange-sides.ts';
import { Http1Connections, clientOf } from './http1/connections.ts';
import { ClientSession } from './http2/client-session.ts';
import { takePreface } from './http2/preface.ts';
import type { Ports } from './ports.ts';
import { takeProxyHeader } from './proxy-protocol.ts';
import { Relay } from './tcp/relay.ts';
import type { TlsAssets } from './tls/assets.ts';
import { TlsTermination } from './tls/termination.ts';

export interface Front {
  /** As the routing table names it. */
  readonly port: number;
  /** The port that it listens on; another than `port` only when that is 0. */
  readonly actualPort: number;
  /** Open connections of clients. */
  readonly connections: number;
  /** @throws the error of the operating system when the port can't be had. A front that could not be opened is of no more use. */
  open(address: string, ports: Ports): Promise<void>;
  /** Gives the port up (`Ports.release`), so that it accepts nothing more; what is open may end within `graceMs`. */
  close(graceMs: number): Promise<void>;
}

export interface FrontSurroundings extends DispatchSurroundings {
  readonly tls: TlsAssets;
  /** Shared by all fronts. */
  readonly places: ClientPlaces;
  /** A connection was closed for want of a place. */
  readonly refuseConnection: () => void;
}

/** The front of a port, whatever the protocol of its listener is and becomes. */
export function createFront(port: number, surroundings: FrontSurroundings): Front {
  return new PortFront(port, surroundings);
}

/** How long a client may take to say who it is, by TLS or the PROXY protocol. */
const HANDSHAKE_MS = 10_000;
const LINGER_CHECK_MS = 20;
const LOOK_MS = 1_000;
const NEVER = new AbortController().signal;
const HTTP1 = ['http/1.1', 'http/1.0'];
const HTTP2_FIRST = ['h2', ...HTTP1];
const ignore = (): undefined => undefined;

class PortFront implements Front, Entrance {
  readonly port: number;
  readonly #with: FrontSurroundings;
  readonly #dispatcher: Dispatcher;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #http1: Http1Connections;
  readonly #sessions = new Set<ClientSession>();
  readonly #relays = new Set<Relay>();
  readonly #termination: TlsTermination;
  readonly #stopping = new AbortController();
  #address = '';
  #host = '';
  #actualPort = 0;
  #closing = false;
  #looking = false;
  #ports: Ports | undefined;

  constructor(port: number, surroundings: FrontSurroundings) {
    this.port = port;
    this.#with = surroundings;
    const { settings, clock, tls } = surroundings;
    this.#dispatcher = new Dispatcher(this, surroundings);
    this.#http1 = new Http1Connections(this.#dispatcher, settings, clock);
    this.#termination = new TlsTermination({
      certificates: tls.certificates,
      metrics: tls.metrics,
      logger: tls.logger,
      clock,
      handshakeTimeoutMs: HANDSHAKE_MS,
    });
    // What is owed to a client may follow its FIN.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#onConnection(socket),
    );
    this.#server.maxConnections = settings.clientConnections;
    this.#server.on('drop', () => this.#with.refuseConnection());
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get actualPort(): number {
    return this.#actualPort;
  }

  get address(): string {
    return this.#address;
  }

  async open(address: string, ports: Ports): Promise<void> {
    this.#ports = ports;
    this.#actualPort = await ports.take(this.#server, this.port, address);
    this.#host = address;
    this.#address = `${address.includes(':') ? `[${address}]` : address}:${this.#actualPort}`;
  }

  #onConnection(socket: Socket): void {
    const { places, refuseConnection } = this.#with;
    socket.on('error', ignore);
    if (!places.take()) {
      refuseConnection();
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      places.giveBack();
    });
    const { listener } = this.#dispatcher;
    if (listener === undefined) {
      socket.destroy();
      return;
    }
    const { proxyProtocol } = listener.settings;
    const peer = clientOf(socket);
    if (proxyProtocol === 'off') this.#admit(socket, peer, listener);
    else if (believes(listener, peer.address)) {
      takeProxyHeader(socket, HANDSHAKE_MS, (header) => {
        const missing = header === 'none' && proxyProtocol === 'required';
        if (header === undefined || missing) socket.destroy();
        else this.#admit(socket, header === 'none' ? peer : (header.source ?? peer), listener);
      });
    } else if (proxyProtocol === 'optional') this.#admit(socket, peer, listener);
    else socket.destroy();
  }

  #admit(socket: Socket, client: ClientInfo, listener: ListenerRoutes): void {
    const { admission } = this.#with;
    if (admission !== undefined) {
      if (!admission.connectionOpened(listener, client.address)) {
        socket.destroy();
        return;
      }
      socket.once('close', () => admission.connectionClosed(listener, client.address));
    }
    const { record } = listener;
    switch (record.protocol) {
      case 'HTTP':
        if (listener.settings.h2c) this.#tellApart(socket, client, listener);
        else this.#serveHttp1(socket, client);
        return;
      case 'HTTPS':
        this.#secure(socket, client, listener, (secure, named) => {
          if (secure.alpnProtocol === 'h2') this.#serveHttp2(secure, named, listener);
          else this.#serveHttp1(secure, named);
        });
        return;
      case 'TCP':
        this.#relay(socket, client, listener);
        return;
      case 'TLS':
        this.#secure(socket, client, listener, (secure, named) =>
          this.#relay(secure, named, listener),
        );
        return;
      default:
        socket.destroy();
    }
  }

  #secure(
    socket: Socket,
    client: ClientInfo,
    listener: ListenerRoutes,
    serve: (secure: TLSSocket, client: ClientInfo) => void,
  ): void {
    const { record, loadBalancerSettings } = listener;
    const { records } = this.#with.routing.table;
    this.#termination.accept(
      socket,
      record,
      records,
      alpnOf(record.protocol, record.alpnPolicy, loadBalancerSettings.http2),
      (secure, tls) => serve(secure, { address: client.address, port: client.port, tls }),
    );
  }

  /** HTTP/2 with prior knowledge begins with a preface that is no request of HTTP/1. */
  #tellApart(socket: Socket, client: ClientInfo, listener: ListenerRoutes): void {
    takePreface(socket, this.#with.settings.headTimeoutMs, (http2) => {
      if (http2 === undefined) socket.destroy();
      else if (http2) this.#serveHttp2(socket, client, listener);
      else this.#serveHttp1(socket, client);
    });
  }

  #serveHttp1(socket: Socket, client: ClientInfo): void {
    this.#http1.accept(socket, client);
    if (socket.isPaused()) socket.resume();
  }

  #serveHttp2(socket: Socket, client: ClientInfo, listener: ListenerRoutes): void {
    const { settings, clock } = this.#with;
    const balancer = listener.loadBalancerSettings;
    const session = new ClientSession({
      socket,
      client,
      dispatcher: this.#dispatcher,
      clock,
      idleTimeoutMs: settings.idleTimeoutMs ?? balancer.idleTimeoutMs,
      keepAliveMs: settings.clientKeepAliveMs,
      maximumAgeMs: balancer.clientKeepAliveMs,
      onClosed: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    if (this.#closing) session.drain();
  }

  #relay(socket: Socket, client: ClientInfo, listener: ListenerRoutes): void {
    const { routing, passive, clock, settings } = this.#with;
    const { action } = listener.defaultRoute;
    const group = action.kind === 'forward' ? routing.groupOf(action) : undefined;
    if (group === undefined) {
      socket.destroy();
      return;
    }
    const relay = new Relay({
      socket,
      client,
      destination: { address: socket.localAddress ?? this.#host, port: this.#actualPort },
      group,
      passive,
      clock,
      idleTimeoutMs: listener.settings.tcpIdleTimeoutMs,
      connectAttempts: settings.connectAttempts,
      onEnd: (ended) => this.#relays.delete(ended),
    });
    this.#relays.add(relay);
    relay.start();
    if (this.#looking) return;
    this.#looking = true;
    this.#look().catch(ignore);
  }

  async #look(): Promise<void> {
    const { clock } = this.#with;
    while (this.#relays.size > 0) {
      await clock.sleep(LOOK_MS, this.#stopping.signal);
      const now = clock.now();
      for (const relay of this.#relays) relay.look(now);
    }
    this.#looking = false;
  }

  /**
   * Answers are the last of their connections, HTTP/2 says GOAWAY. Idle connections are given a quarter of the time, a second at
   * most, to send a request that is already on its way.
   */
  async close(graceMs: number): Promise<void> {
    const { clock } = this.#with;
    this.#closing = true;
    this.#http1.closing = true;
    const started = clock.monotonic();
    const closed = new Promise<void>((resolve) => void this.#server.once('close', resolve));
    const listened = this.#server.listening;
    this.#ports?.release(this.#server);
    for (const session of this.#sessions) session.drain();
    const idleUntil = started + Math.min(1_000, graceMs / 4);
    while (this.#sockets.size > 0 && clock.monotonic() < started + graceMs) {
      if (clock.monotonic() >= idleUntil) this.#http1.closeIdle();
      await clock.sleep(LINGER_CHECK_MS, NEVER);
    }
    this.#stopping.abort(new Error('the listener is closed'));
    for (const session of this.#sessions) session.destroy();
    for (const relay of [...this.#relays]) relay.close();
    this.#http1.stop();
    for (const socket of this.#sockets) socket.destroy();
    if (listened) await closed;
  }
}

function believes({ settings }: ListenerRoutes, address: string): boolean {
  const { proxyProtocolSources: sources } = settings;
  if (sources.length === 0) return true;
  const bytes = parseAddress(address);
  return bytes !== undefined && sources.some((block) => blockContains(block, bytes));
}

/** What is agreed upon by ALPN. Of TLS listeners the policy says it: the target speaks it, not the proxy. */
function alpnOf(protocol: string, policy: string | undefined, http2: boolean): readonly string[] {
  if (protocol === 'HTTPS') return http2 ? HTTP2_FIRST : HTTP1;
  switch (policy) {
    case 'HTTP1Only':
      return HTTP1;
    case 'HTTP2Only':
      return ['h2'];
    case 'HTTP2Optional':
      return [...HTTP1, 'h2'];
    case 'HTTP2Preferred':
      return HTTP2_FIRST;
    default:
      return [];
  }
}
