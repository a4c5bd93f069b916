// How our connections of HTTP/1.x, and how llhttp in its strict mode, read the same bytes of a client, without a network between.
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';

import { realClock } from '@berth/process/real-clock.ts';

import { page } from '../answers.ts';
import type { Dispatcher } from '../dispatcher.ts';
import type { ClientRequest } from '../exchange-sides.ts';
import { ClientConnection } from '../http1/client-connection.ts';
import { DEFAULT_SETTINGS } from '../settings.ts';
import { MemorySocket } from '../testing/memory-socket.ts';

/** A request as one of the two has read it. */
export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly string[];
  body: string;
  complete: boolean;
  /** Its body was found to be malformed; it did not only lack its end. */
  refused: boolean;
}

/** Of the event loop: Node.js has done with a case long before. */
const MOST_TURNS = 200;

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for Node.js, which tells of an error before it has told of all that came before it. */
export async function settled(over: () => boolean): Promise<void> {
  for (let left = MOST_TURNS; left > 0 && !over(); left -= 1) await turn();
  for (let left = 3; left > 0; left -= 1) await turn();
}

/** Feeds the parts to our connection, which answers each request at once with 204, then FIN. */
export async function requestsByUs(parts: readonly Buffer[]): Promise<ReadRequest[]> {
  const reads: ReadRequest[] = [];
  let ended = false;
  const dispatcher = {
    listener: undefined,
    refused: (_client: unknown, _protocol: unknown, refusal: { status: number }) =>
      page(refusal.status),
    dispatch: (request: ClientRequest): void => {
      const { view, bodyLength } = request.head;
      const read: ReadRequest = {
        method: view.method,
        target: request.head.target,
        version: request.protocol === 'http/1.0' ? '1.0' : '1.1',
        headers: view.headers,
        body: '',
        complete: bodyLength === 0,
        refused: false,
      };
      reads.push(read);
      const answer = (): void => {
        request.answer.head(204, 'No Content', '', -1, false);
        request.answer.finish();
      };
      request.owner = {
        onRequestBody: (chunk) => (read.body += chunk.toString('latin1')),
        onRequestEnd: () => {
          read.complete = true;
          answer();
        },
        onClientWritable: () => undefined,
        onClientLost: (_reason, status) => {
          read.refused = !ended;
          if (status === undefined) return;
          request.answer.head(status, '', '', 0, true);
          request.answer.finish();
        },
      };
      if (read.complete) answer();
      else request.resumeBody();
    },
  };
  const memory = new MemorySocket();
  let closed = false;
  new ClientConnection(
    memory.socket,
    { address: '192.0.2.1', port: 1 },
    {
      dispatcher: dispatcher as unknown as Dispatcher,
      settings: DEFAULT_SETTINGS,
      clock: realClock,
      now: realClock.monotonic(),
      closing: false,
      onClosed: () => (closed = true),
    },
  );
  for (const part of parts) {
    if (!memory.destroyed) memory.push(part);
    await turn();
  }
  ended = true;
  if (!memory.destroyed) memory.push(null);
  for (let left = 5; left > 0 && !closed; left -= 1) await turn();
  memory.destroy();
  return reads;
}

/** The same with llhttp. */
export async function requestsByNode(bytes: Buffer): Promise<ReadRequest[]> {
  const reads: ReadRequest[] = [];
  const take = (message: IncomingMessage, response: ServerResponse): void => {
    const read: ReadRequest = {
      method: message.method ?? '',
      target: message.url ?? '',
      version: message.httpVersion,
      headers: message.rawHeaders,
      body: '',
      complete: false,
      refused: false,
    };
    reads.push(read);
    message.on('data', (chunk: Buffer) => (read.body += chunk.toString('latin1')));
    message.on('end', () => {
      read.complete = true;
      response.writeHead(204);
      response.end();
    });
    message.on('error', () => undefined);
    response.on('error', () => undefined);
  };
  const server = createServer({
    insecureHTTPParser: false,
    requireHostHeader: false,
    maxHeaderSize: 1 << 20,
    shouldUpgradeCallback: () => false,
  });
  server.maxHeadersCount = 0;
  server.on('request', take);
  server.on('checkContinue', take);
  server.on('checkExpectation', take);
  const memory = new MemorySocket();
  let over = false;
  server.on('clientError', () => (over = true));
  memory.on('close', () => (over = true));
  server.emit('connection', memory.socket);
  memory.push(bytes);
  memory.push(null);
  await settled(() => over);
  memory.destroy();
  server.close();
  return reads;
}
