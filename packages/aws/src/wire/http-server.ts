// The endpoint's HTTP side: whole bodies in, whole answers out, with limits on sizes, times and how many at once. Every answer has a
// request id and the time, by which clients correct their clocks.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

import type { Clock } from '@berth/control/clock.ts';
import { BerthError } from '@berth/model/errors.ts';
import { formatAddress, parseAddress } from '@berth/rpc/channel-options.ts';

import { jsonFault, queryFault, type WireAnswer } from './answers.ts';
import { Bodies, LARGEST_BODY } from './bodies.ts';
import { Fault } from './fault.ts';
import type { WireRequest } from './dispatch.ts';

export interface HttpServerOptions {
  /** HOST:PORT; port 0 picks a free one. */
  readonly listen: string;
  /** PEM texts; without them it speaks plain HTTP. */
  readonly tls: { readonly certificate: string; readonly key: string } | undefined;
  readonly answer: (request: WireRequest) => Promise<WireAnswer>;
  readonly clock: Clock;
}

export interface HttpServer {
  /** HOST:PORT */
  readonly address: string;
  /** Takes no new request; those under way have that long. */
  stop(graceMs: number): Promise<void>;
}

const MOST_HEAD = 32 * 1024;
const MOST_CONNECTIONS = 2_000;
/** Of those whose bodies are there: above that, callers are told to come again. */
const MOST_REQUESTS = 512;
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 75_000;
/** A call has to be answered by then. */
const CALL_MS = 60_000;
/** For the answers of calls that were cut short. */
const LAST_WORDS_MS = 1_000;

/** @throws BerthError Unavailable when the address can't be had */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { clock, tls } = options;
  const { host, port } = parseAddress(options.listen);
  const calls = new Calls(clock);
  const bodies = new Bodies();
  const settings = {
    maxHeaderSize: MOST_HEAD,
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const requestId = randomUUID();
    calls
      .run(response, (signal, begins) =>
        serve(request, requestId, options.answer, { signal, begins, bodies }),
      )
      .then((answer) => send(response, requestId, answer, calls.stopping))
      .catch(() => request.destroy());
  };
  const server: Server = tls
    ? createTlsServer({ ...settings, cert: tls.certificate, key: tls.key }, onRequest)
    : createServer(settings, onRequest);
  server.maxConnections = MOST_CONNECTIONS;
  server.on('clientError', refuseUnreadable);
  await listen(server, host, port);
  const bound = server.address() as AddressInfo;
  return {
    address: formatAddress({ host, port: bound.port }),
    stop: async (graceMs) => {
      const over = new AbortController();
      const closed = new Promise<void>((resolve) => {
        server.close(() => {
          over.abort();
          resolve();
        });
      });
      server.closeIdleConnections();
      await calls.stop(graceMs);
      // Connections end with the answers that are on their way out.
      server.closeIdleConnections();
      await clock.sleep(LAST_WORDS_MS, over.signal).catch(() => undefined);
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The calls under way: each ends when its caller goes, when its time is over, or when the endpoint stops. */
class Calls {
  readonly #clock: Clock;
  readonly #underWay = new Map<AbortController, Promise<unknown>>();
  #working = 0;
  stopping = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param work calls `begins` once it has all that it needs; false: too many are worked on already */
  async run<T>(
    response: ServerResponse,
    work: (signal: AbortSignal, begins: () => boolean) => Promise<T>,
  ): Promise<T> {
    const call = new AbortController();
    const done = new AbortController();
    const onClose = (): void => {
      call.abort(new BerthError('Cancelled', 'the caller is gone'));
    };
    response.once('close', onClose);
    this.#clock.sleep(CALL_MS, done.signal).then(
      () => {
        call.abort(
          new BerthError('DeadlineExceeded', `the call was not answered within ${CALL_MS} ms`),
        );
      },
      () => undefined,
    );
    let works = false;
    const answered = work(call.signal, () => {
      if (this.#working >= MOST_REQUESTS) return false;
      works = true;
      this.#working += 1;
      return true;
    });
    this.#underWay.set(call, answered);
    try {
      return await answered;
    } finally {
      this.#underWay.delete(call);
      if (works) this.#working -= 1;
      response.off('close', onClose);
      done.abort();
    }
  }

  /** Resolves when none is under way, at the latest soon after the grace. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    const ended = new AbortController();
    void Promise.allSettled(this.#underWay.values()).then(() => ended.abort());
    await this.#clock.sleep(graceMs, ended.signal).catch(() => undefined);
    if (ended.signal.aborted) return;
    for (const call of this.#underWay.keys()) {
      call.abort(new BerthError('Unavailable', 'the endpoint stops'));
    }
    await this.#clock.sleep(LAST_WORDS_MS, ended.signal).catch(() => undefined);
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new BerthError(
          'Unavailable',
          `Can't serve the AWS endpoint on ${formatAddress({ host, port })}; choose another with --aws-listen`,
          { cause },
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
}

async function serve(
  request: IncomingMessage,
  requestId: string,
  answer: HttpServerOptions['answer'],
  state: {
    readonly begins: () => boolean;
    readonly signal: AbortSignal;
    readonly bodies: Bodies;
  },
): Promise<WireAnswer> {
  const json = request.headers['x-amz-target'] !== undefined;
  const refuse = (fault: Fault): WireAnswer =>
    json ? jsonFault(fault) : queryFault(fault, requestId);
  if (request.method !== 'POST' && request.method !== 'GET') {
    return refuse(
      new Fault('InvalidAction', `Method ${request.method ?? ''} is not known; expected POST.`, {
        status: 405,
      }),
    );
  }
  return state.bodies.read(request, (body) => {
    if (body === 'too large') {
      return refuse(
        new Fault(
          json ? 'RequestEntityTooLargeException' : 'RequestEntityTooLarge',
          `The body is larger than ${LARGEST_BODY} bytes.`,
          { status: 413 },
        ),
      );
    }
    if (body === 'no room' || !state.begins()) {
      return refuse(new Fault(json ? 'ThrottlingException' : 'Throttling', 'Rate exceeded'));
    }
    return answer({
      method: request.method ?? '',
      target: request.url ?? '/',
      rawHeaders: request.rawHeaders,
      headers: request.headers,
      body,
      peer: peerOf(request.socket),
      secure: request.socket instanceof TLSSocket,
      requestId,
      signal: state.signal,
    });
  });
}

function send(
  response: ServerResponse,
  requestId: string,
  { status, type, headers, body }: WireAnswer,
  stopping: boolean,
): void {
  const { req: request } = response;
  const ends = stopping || !request.complete;
  // As bytes: a long text would be joined to the head and encoded with it, which takes several times as long.
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'x-amzn-requestid': requestId,
    ...headers,
    ...(ends && { connection: 'close' }),
  });
  response.end(bytes, () => {
    if (!request.complete) request.destroy();
  });
}

/** What is no HTTP. */
function refuseUnreadable(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable) return;
  const [status, code] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'RequestHeaderSectionTooLarge']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'RequestTimeout']
        : ['400 Bad Request', 'MalformedHttpRequest'];
  const { body, type } = queryFault(
    new Fault(code, 'The request could not be read as HTTP.'),
    randomUUID(),
  );
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return formatAddress({ host: remoteAddress, port: remotePort });
}
