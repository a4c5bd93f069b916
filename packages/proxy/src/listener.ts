// One port: Node's HTTP server with every limit set, and the way from a request to the action of its rule. It reads the routing
// table anew for each request, so that a swap needs no word to it. Source: dependency pitfalls H1, H15, H17.
import {
  type IncomingMessage,
  type Server,
  ServerResponse,
  createServer as createHttpServer,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Clock } from '@berth/control/clock.ts';
import { assertNever } from '@berth/model/assert.ts';
import { redirectLocation } from '@berth/model/routing/redirect.ts';
import { matchRule } from '@berth/model/routing/rule-match.ts';
import type { RouteAction } from '@berth/model/routing/table.ts';

import { type Answer, fixedResponse, page, redirectTo, sendAnswer } from './answers.ts';
import { ClientConnection } from './client-connection.ts';
import { Exchange, type ExchangeSurroundings } from './forward.ts';
import type { AnswerKind, ProxyMetrics } from './metrics.ts';
import type { PassiveHealth } from './passive.ts';
import type { Ports } from './ports.ts';
import { type RequestHead, isRefusal, readRequestHead, writeRequestHead } from './request-head.ts';
import type { Routing } from './routing.ts';
import { LIMITS, type ProxySettings } from './settings.ts';
import { nextTrace } from './trace.ts';
import { EarlyBytes } from './upgrade.ts';

export interface ListenerSurroundings {
  readonly routing: Routing;
  readonly passive: PassiveHealth;
  readonly metrics: ProxyMetrics;
  readonly settings: ProxySettings;
  readonly clock: Clock;
}

const LINGER_CHECK_MS = 20;
const NEVER = new AbortController().signal;
const ignore = (): undefined => undefined;

export class Listener {
  /** As the routing table names it. */
  readonly port: number;
  readonly #with: ListenerSurroundings;
  readonly #exchanges: ExchangeSurroundings;
  readonly #server: Server;
  readonly #clients = new Map<Duplex, ClientConnection>();
  #address = '';
  #actualPort = 0;
  #closing = false;
  #ports: Ports | undefined;

  constructor(port: number, surroundings: ListenerSurroundings) {
    this.port = port;
    this.#with = surroundings;
    const { settings, clock, passive } = surroundings;
    this.#exchanges = { settings, clock, passive, closing: () => this.#closing };
    const server = createHttpServer({
      maxHeaderSize: LIMITS.requestHead,
      insecureHTTPParser: false,
      // Several Hosts and none are told apart by `readRequestHead`.
      requireHostHeader: false,
      headersTimeout: settings.headTimeoutMs,
      // Bodies may take as long as they keep moving; see `ClientConnection.stalled`.
      requestTimeout: 0,
      keepAliveTimeout: settings.clientKeepAliveMs,
      connectionsCheckingInterval: Math.min(5_000, settings.headTimeoutMs),
      optimizeEmptyRequests: true,
      noDelay: true,
      shouldUpgradeCallback: asksForWebSocket,
    });
    // Zero is no limit: a lower one drops headers silently. `readRequestHead` refuses too many.
    server.maxHeadersCount = 0;
    server.maxConnections = settings.clientConnections;
    // The answer to a request may follow the client's FIN; see `ClientConnection`.
    Object.assign(server, { httpAllowHalfOpen: true });
    server.setTimeout(settings.idleTimeoutMs, (socket) => {
      this.#clients.get(socket)?.stalled();
    });
    server.on('connection', (socket) => this.#onConnection(socket));
    server.on('request', (message, response) => this.#onRequest(message, response));
    server.on('upgrade', (message, _socket, head) => this.#onUpgrade(message, head));
    server.on('connect', (message) => this.#onConnect(message.socket));
    server.on('clientError', (error, socket) => {
      const client = this.#clients.get(socket);
      const status = statusOf(error);
      if (status === undefined || client === undefined || !socket.writable) socket.destroy();
      else {
        this.#with.metrics.answered('refused');
        client.refuse(status);
      }
    });
    this.#server = server;
  }

  get connections(): number {
    return this.#clients.size;
  }

  /** The port that it listens on; another than `port` only when that is 0. */
  get actualPort(): number {
    return this.#actualPort;
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
    this.#closing = true;
    const started = clock.monotonic();
    const closed = new Promise<void>((resolve) => void this.#server.once('close', resolve));
    const listened = this.#server.listening;
    this.#ports?.release(this.#server);
    const idleUntil = started + Math.min(1_000, graceMs / 4);
    while (this.#clients.size > 0 && clock.monotonic() < started + graceMs) {
      if (clock.monotonic() >= idleUntil) this.#server.closeIdleConnections();
      await clock.sleep(LINGER_CHECK_MS, NEVER);
    }
    for (const socket of this.#clients.keys()) socket.destroy();
    if (listened) await closed;
    // Not running any more, but this also ends the HTTP server's own timer.
    this.#server.close(ignore);
  }

  #onConnection(socket: Socket): void {
    const { settings, clock } = this.#with;
    this.#clients.set(socket, new ClientConnection(socket, settings.halfCloseGraceMs, clock));
    socket.once('close', () => this.#clients.delete(socket));
  }

  #onConnect(socket: Socket): void {
    // What follows is read and thrown away; else the client's end would not be noticed.
    socket.resume();
    const client = this.#clients.get(socket);
    if (client === undefined) return;
    this.#with.metrics.answered('refused');
    client.takeOver();
    client.refuse(405);
  }

  /** Node has given up the connection: its answer, if it is no tunnel, is the last on it. */
  #onUpgrade(message: IncomingMessage, head: Buffer): void {
    const { socket } = message;
    const client = this.#clients.get(socket);
    if (client === undefined) return;
    client.takeOver();
    const early = new EarlyBytes(socket, head);
    const response = new ServerResponse(message);
    response.shouldKeepAlive = false;
    response.once('finish', () => socket.destroySoon());
    const begin = (): void => {
      response.assignSocket(socket);
      this.#route(client, message, response, early);
    };
    response.on('error', ignore);
    client.inTurn({ message, response, begin });
  }

  #onRequest(message: IncomingMessage, response: ServerResponse): void {
    response.on('error', ignore);
    const client = this.#clients.get(message.socket);
    const begin = (): void => {
      if (client !== undefined) this.#route(client, message, response, undefined);
    };
    if (client?.inTurn({ message, response, begin }) !== true) response.shouldKeepAlive = false;
  }

  #route(
    client: ClientConnection,
    message: IncomingMessage,
    response: ServerResponse,
    upgrade: EarlyBytes | undefined,
  ): void {
    const head = readRequestHead(message, client.address);
    if (isRefusal(head)) {
      client.endAfterAnswer();
      this.#answer(response, 'refused', page(head.status), true);
      return;
    }
    const routes = this.#with.routing.table.listeners.get(this.port);
    const route = routes === undefined ? undefined : matchRule(routes, head.view);
    if (route === undefined) {
      this.#answer(response, 'unrouted', page(503), true);
      return;
    }
    const { action } = route;
    if (action.kind === 'forward') {
      const group = this.#with.routing.groupOf(route.key, action);
      if (group === undefined) {
        this.#answer(response, 'unrouted', page(503), false);
        return;
      }
      const text = writeRequestHead(
        head,
        {
          clientAddress: client.address,
          listenerPort: this.#actualPort,
          listenerAddress: this.#address,
          trace: nextTrace(head.trace, this.#with.clock.now()),
        },
        upgrade === undefined ? undefined : 'websocket',
      );
      const request = { message, response, head, text, upgrade };
      new Exchange(request, group, client, this.#exchanges).start();
      return;
    }
    this.#actAlone(action, head, response, upgrade !== undefined || head.ambiguous);
  }

  #actAlone(
    action: Exclude<RouteAction, { kind: 'forward' }>,
    head: RequestHead,
    response: ServerResponse,
    close: boolean,
  ): void {
    switch (action.kind) {
      case 'fixed-response':
        this.#answer(response, 'fixed_response', fixedResponse(action.response), close);
        return;
      case 'redirect': {
        const { host, path, query } = head.view;
        const port = this.#actualPort;
        const location = redirectLocation(action.redirect, {
          protocol: 'http',
          host: host === '' ? this.#address.slice(0, this.#address.lastIndexOf(':')) : host,
          port,
          path,
          query,
        });
        const made =
          location === undefined ? page(500) : redirectTo(location, action.redirect.statusCode);
        this.#answer(response, 'redirect', made, close);
        return;
      }
      case 'broken':
        this.#answer(response, 'unrouted', page(500), close);
        return;
      default:
        assertNever(action);
    }
  }

  #answer(response: ServerResponse, kind: AnswerKind, made: Answer, close: boolean): void {
    this.#with.metrics.answered(kind);
    sendAnswer(response, made, close || this.#closing);
  }
}

/** Anything else that asks to switch protocols is served as plain HTTP, with its `Upgrade` removed. */
function asksForWebSocket(message: IncomingMessage): boolean {
  const { headers } = message;
  return (
    message.method === 'GET' &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    headers['sec-websocket-key'] !== undefined &&
    headers['sec-websocket-version'] === '13' &&
    headers['transfer-encoding'] === undefined &&
    (headers['content-length'] ?? '0') === '0'
  );
}

interface ParseError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

/** What to answer to a request that can't be parsed; undefined when there is nobody to answer. */
function statusOf(error: ParseError): number | undefined {
  const code = error.code ?? '';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  if (!code.startsWith('HPE_')) return undefined;
  const line =
    (error.rawPacket?.toString('latin1', 0, LIMITS.requestTarget) ?? '').split('\r\n', 1)[0] ?? '';
  if (code === 'HPE_HEADER_OVERFLOW') return line.length >= LIMITS.requestTarget ? 414 : 400;
  return / HTTP\/[2-9]\.[0-9]$/.test(line) ? 505 : 400;
}
