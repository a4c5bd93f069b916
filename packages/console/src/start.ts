// The web console: one page and the JSON that it shows. It reads only, and listens on loopback only, where
// it asks for no sign-in; the Host header is checked so that no foreign page can read it through a browser.
import { readFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { BerthError, messageChain } from '@berth/model/errors.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';
import { connect } from '@berth/rpc/client.ts';

import { readOverview } from './overview.ts';

export interface ConsoleOptions {
  /** A loopback port; 0 picks a free one. */
  readonly port: number;
  /** HOST:PORT of the api's replicas. */
  readonly api: readonly string[];
  readonly tls: TlsIdentity;
  readonly cluster: string;
}

const LOOPBACK = '127.0.0.1';
const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost)(:\d+)?$/;
const OVERVIEW_TIMEOUT_MS = 5000;
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'",
  'x-content-type-options': 'nosniff',
};

/** Serve the console. @throws BerthError Unavailable when the port is taken */
export async function startConsole(
  options: ConsoleOptions,
  surroundings: Pick<Surroundings, 'logger'>,
): Promise<Role & { readonly url: string }> {
  const logger = surroundings.logger.child({ component: 'console' });
  const connection = connect({ addresses: options.api, tls: options.tls });
  const ecs = connection.client('Ecs');
  const files = new Map([
    ['/', { type: 'text/html; charset=utf-8', text: readAsset('page.html') }],
    ['/page.js', { type: 'text/javascript; charset=utf-8', text: readAsset('page.js') }],
  ]);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?')[0] ?? '';
    const file = files.get(path);
    if (!LOOPBACK_HOST.test(request.headers.host ?? ''))
      send(response, 403, 'text/plain', 'Forbidden');
    else if (request.method !== 'GET') send(response, 405, 'text/plain', 'Method not allowed');
    else if (file) send(response, 200, file.type, file.text);
    else if (path === '/overview.json') await sendOverview(response);
    else send(response, 404, 'text/plain', 'Not found');
  }

  async function sendOverview(response: ServerResponse): Promise<void> {
    try {
      const overview = await readOverview(
        ecs,
        options.cluster,
        AbortSignal.timeout(OVERVIEW_TIMEOUT_MS),
      );
      send(response, 200, 'application/json', JSON.stringify(overview));
    } catch (error) {
      logger.warn({ err: error }, 'could not read the overview for the console');
      send(response, 502, 'text/plain', messageChain(error));
    }
  }

  const server = createServer((request, response) => void answer(request, response));
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(options.port, LOOPBACK, resolve);
    });
  } catch (cause) {
    connection.close();
    throw new BerthError(
      'Unavailable',
      `The console can't listen on ${LOOPBACK}:${options.port}. Is another console running, or the port taken? Choose another port.`,
      { cause },
    );
  }
  const { port } = server.address() as AddressInfo;
  return {
    name: 'console',
    url: `http://${LOOPBACK}:${port}`,
    unready: () => undefined,
    failed: new Promise<never>((_resolve, reject) => server.once('error', reject)),
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      connection.close();
    },
  };
}

function readAsset(name: string): string {
  return readFileSync(new URL(`../assets/${name}`, import.meta.url), 'utf8');
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { ...HEADERS, 'content-type': type }).end(text);
}
