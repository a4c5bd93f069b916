// What operators and probes ask a process over plain HTTP: /metrics, /healthz (the process lives) and
// /readyz (every role is fit to work). Loopback unless told otherwise; it changes nothing and shows no secret.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { BerthError, messageChain } from '@berth/model/errors.ts';
import type { Registry } from 'prom-client';

import type { Role } from './role.ts';

export interface AdminServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** 0 picks a free one. */
  readonly port: number;
  readonly metrics: Registry;
  /** Looked at anew for each request, so roles may be added while the process starts. */
  readonly roles: () => readonly Pick<Role, 'name' | 'unready'>[];
}

export interface AdminServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 32;
const REQUEST_MS = 10_000;

/** @throws BerthError Unavailable when the address can't be had */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const host = options.host ?? '127.0.0.1';
  let scrape: Promise<string> | undefined;
  // One scrape at a time: those who come meanwhile get the same answer.
  const metrics = (): Promise<string> =>
    (scrape ??= options.metrics.metrics().finally(() => (scrape = undefined)));

  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    (request, response) => {
      answer(request, options, metrics)
        .catch((error: unknown) => text(500, `${messageChain(error)}\n`))
        .then((result) => send(request, response, result))
        .catch(() => response.destroy());
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new BerthError('Unavailable', `Can't serve metrics on ${host}:${options.port}`, { cause }),
      ),
    );
    server.listen(options.port, host, resolve);
  });
  return {
    host,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function answer(
  request: IncomingMessage,
  options: AdminServerOptions,
  metrics: () => Promise<string>,
): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return text(405, 'only GET is known here\n');
  switch (request.url?.split('?')[0]) {
    case '/healthz':
      return text(200, 'ok\n');
    case '/readyz': {
      const states = options.roles().map((role) => ({ name: role.name, reason: role.unready() }));
      const lines = states.map(({ name, reason }) => `${name}: ${reason ?? 'ready'}\n`);
      return text(states.every(({ reason }) => reason === undefined) ? 200 : 503, lines.join(''));
    }
    case '/metrics':
      return { status: 200, type: options.metrics.contentType, body: await metrics() };
    default:
      return text(404, 'known here: /metrics, /healthz, /readyz\n');
  }
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, body }: Answer,
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}
