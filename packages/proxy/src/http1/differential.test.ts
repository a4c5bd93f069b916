// Our reading of HTTP/1.1 against llhttp's strict mode, which reads for Node.js: whatever we accept, llhttp accepts too and takes for the same messages, with the same
// fields, bodies and ends; or we refuse more. What both are given are valid messages with some bytes changed.
// BERTH_FUZZ_CASES says how many cases there are (for hours: millions), BERTH_FUZZ_SEED which.
import assert from 'node:assert/strict';
import {
  type IncomingMessage,
  METHODS,
  type ServerResponse,
  createServer,
  request as httpRequest,
} from 'node:http';

import { realClock } from '@berth/process/real-clock.ts';

import { page } from '../answers.ts';
import type { Dispatcher } from '../dispatcher.ts';
import type { ClientRequest } from '../exchange-sides.ts';
import { headerPairs } from '../header-lines.ts';
import type { ResponseHead } from '../response-head.ts';
import { ResponseParser } from '../response-parser.ts';
import { DEFAULT_SETTINGS } from '../settings.ts';
import { MemorySocket } from '../testing/memory-socket.ts';
import { Mutator, seeded } from '../testing/mutations.ts';
import { ClientConnection } from './client-connection.ts';

const CASES = Number(process.env['BERTH_FUZZ_CASES'] ?? 3_000);
const SEED = Number(process.env['BERTH_FUZZ_SEED'] ?? 1);
/** Of the event loop: Node.js has done with a case long before. */
const MOST_TURNS = 200;
const CASE_MS = 20;
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);

/** A request as one of the two has read it. */
interface Read {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly string[];
  body: string;
  complete: boolean;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for Node.js, which tells of an error before it has told of all that came before it. */
async function settled(over: () => boolean): Promise<void> {
  for (let left = MOST_TURNS; left > 0 && !over(); left -= 1) await turn();
  for (let left = 3; left > 0; left -= 1) await turn();
}

/** Feeds the parts to our connection, which answers each request at once with 204. */
async function readByUs(parts: readonly Buffer[]): Promise<Read[]> {
  const reads: Read[] = [];
  const dispatcher = {
    listener: undefined,
    refused: (_client: unknown, _protocol: unknown, refusal: { status: number }) =>
      page(refusal.status),
    dispatch: (request: ClientRequest): void => {
      const { view, bodyLength } = request.head;
      const read: Read = {
        method: view.method,
        target: request.head.target,
        version: request.protocol === 'http/1.0' ? '1.0' : '1.1',
        headers: view.headers,
        body: '',
        complete: bodyLength === 0,
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
  if (!memory.destroyed) memory.push(null);
  for (let left = 5; left > 0 && !closed; left -= 1) await turn();
  memory.destroy();
  return reads;
}

/** The same with llhttp. */
async function readByNode(bytes: Buffer): Promise<Read[]> {
  const reads: Read[] = [];
  const take = (message: IncomingMessage, response: ServerResponse): void => {
    const read: Read = {
      method: message.method ?? '',
      target: message.url ?? '',
      version: message.httpVersion,
      headers: message.rawHeaders,
      body: '',
      complete: false,
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

const CRLF = '\r\n';
const head = (...lines: readonly string[]): string => `${lines.join(CRLF)}${CRLF}${CRLF}`;

const REQUESTS: readonly string[] = [
  head('GET / HTTP/1.1', 'Host: a.test'),
  head('GET /a/b?c=d&e=%20 HTTP/1.1', 'Host: a.test:8080', 'Accept: */*', 'User-Agent: x/1 (y)'),
  head('HEAD /h HTTP/1.1', 'Host: [::1]:80', 'Cookie: a=b; c="d"', 'Connection: keep-alive'),
  `${head('POST /p HTTP/1.1', 'Host: a.test', 'Content-Length: 11')}hello world`,
  `${head('PUT /u HTTP/1.1', 'Host: a.test', 'Transfer-Encoding: chunked')}5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n`,
  `${head('POST /t HTTP/1.1', 'Host: a.test', 'Transfer-Encoding: chunked', 'Trailer: X')}1\r\na\r\n0\r\nX: y\r\n\r\n`,
  head('OPTIONS * HTTP/1.1', 'Host: a.test'),
  head('GET http://b.test/x HTTP/1.1', 'Host: a.test'),
  head('GET /old HTTP/1.0', 'Connection: keep-alive'),
  head('GET /w HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket'),
  `${head('POST /e HTTP/1.1', 'Host: a.test', 'Expect: 100-continue', 'Content-Length: 2')}hi`,
  head('DELETE /d HTTP/1.1', 'Host: a.test', 'X-Forwarded-For: 1.2.3.4, 5.6.7.8', 'X: caf\xe9'),
];

const PIECES: readonly string[] = [
  CRLF,
  '\n',
  '\r',
  '\r\n\r\n',
  '\0',
  '\t',
  ' ',
  ':',
  ': ',
  ' :',
  ',',
  ';',
  '\x0b',
  '\x7f',
  '\x85',
  '\xa0',
  '\xff',
  '"',
  '\\',
  '#',
  '?',
  '//',
  '|',
  '{}',
  '^`',
  '0',
  '00',
  '+1',
  '-1',
  '0x1',
  'f',
  'FFFFFFFFFFFFFFFF',
  '99999999999999999999',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'http/1.1',
  'GET ',
  'PRI * HTTP/2.0',
  'CONNECT ',
  'Host: b',
  'Content-Length: 3\r\n',
  'Content-Length: 0\r\n',
  'Content-Length : 3\r\n',
  'Content-Length:\t3\r\n',
  'content-length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'transfer-encoding: CHUNKED\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, close\r\n',
  'Connection: \r\n',
  'Upgrade: h2c\r\n',
  'X: \r\n',
  'X:y\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '1;a="b;\\"c"\r\nx\r\n',
];

describe('requests as llhttp reads them', () => {
  it(`are read alike, or refused, in ${CASES} cases from seed ${SEED}`, async () => {
    const random = seeded(SEED);
    const mutator = new Mutator(random, PIECES);
    let accepted = 0;
    for (let number = 0; number < CASES; number += 1) {
      const count = 1 + mutator.below(3);
      const whole = Array.from({ length: count }, () => mutator.pick(REQUESTS)).join('');
      const text = number % 16 === 0 ? whole : mutator.mutate(whole);
      const bytes = Buffer.from(text, 'latin1');
      const ours = await readByUs([bytes]);
      const cut = await readByUs(mutator.cut(text));
      assert.deepEqual(cut, ours, `cut into parts: ${JSON.stringify(text)}`);
      if (ours.length === 0) continue;
      const theirs = await readByNode(bytes);
      for (const [index, read] of ours.entries()) {
        if (!KNOWN_METHODS.has(read.method)) break;
        accepted += 1;
        compare(read, theirs[index], JSON.stringify(text));
        // Node.js loses what follows a request to upgrade that it has declined.
        if (read.headers.some((name) => name.toLowerCase() === 'upgrade')) break;
      }
    }
    assert.ok(accepted > CASES / 4, `${accepted} requests were accepted`);
  }).timeout(60_000 + CASES * 2 * CASE_MS);

  it('are the valid ones, all of them', async () => {
    for (const text of REQUESTS) {
      const [read] = await readByUs([Buffer.from(text, 'latin1')]);
      assert.ok(read?.complete, text);
    }
  });
});

function compare(ours: Read, theirs: Read | undefined, input: string): void {
  assert.ok(theirs !== undefined, `llhttp refuses ${input}`);
  assert.equal(theirs.method, ours.method, input);
  assert.equal(theirs.version, ours.version, input);
  assert.deepEqual(theirs.headers, ours.headers, input);
  const target = theirs.target.replace(/^https?:\/\/[^/?]*(?=[/?]|$)/i, '');
  assert.equal(
    target.startsWith('/') || target === '*' ? target : `/${target}`,
    ours.target,
    input,
  );
  if (!ours.complete) return;
  assert.ok(theirs.complete, `llhttp does not find the end of ${input}`);
  assert.equal(theirs.body, ours.body, input);
}

interface ReadResponse {
  status: number;
  headers: readonly string[];
  body: string;
  complete: boolean;
}

function responseByUs(parts: readonly Buffer[], closed: boolean): ReadResponse | undefined {
  const parser = new ResponseParser();
  parser.begin('GET', false);
  let read: ReadResponse | undefined;
  const sink = {
    onInformational: (): void => undefined,
    onHead: (found: ResponseHead): void => {
      read = { status: found.status, headers: headerPairs(found.lines), body: '', complete: false };
    },
    onBody: (chunk: Buffer): void => {
      if (read !== undefined) read.body += chunk.toString('latin1');
    },
    onComplete: (chunk: Buffer | undefined): void => {
      if (read === undefined) return;
      read.body += chunk?.toString('latin1') ?? '';
      read.complete = true;
    },
    onUpgrade: (): void => undefined,
  };
  for (const part of parts) {
    if (parser.feed(part, sink) !== undefined) return read;
    if (read?.complete === true) return read;
  }
  if (closed) parser.finish(sink);
  return read;
}

async function responseByNode(bytes: Buffer): Promise<ReadResponse | undefined> {
  const memory = new MemorySocket();
  let read: ReadResponse | undefined;
  let over = false;
  const sent = httpRequest({
    createConnection: () => memory.socket,
    insecureHTTPParser: false,
    maxHeaderSize: 1 << 20,
  });
  sent.maxHeadersCount = 0;
  sent.on('error', () => (over = true));
  sent.on('response', (response) => {
    const found: ReadResponse = {
      status: response.statusCode ?? 0,
      headers: response.rawHeaders,
      body: '',
      complete: false,
    };
    read = found;
    response.on('data', (chunk: Buffer) => (found.body += chunk.toString('latin1')));
    response.on('error', () => (over = true));
    response.on('end', () => {
      found.complete = true;
      over = true;
    });
  });
  sent.end();
  await turn();
  await turn();
  memory.push(bytes);
  memory.push(null);
  await settled(() => over);
  memory.destroy();
  return read;
}

const RESPONSES: readonly string[] = [
  `${head('HTTP/1.1 200 OK', 'Content-Length: 5', 'X: y')}hello`,
  `${head('HTTP/1.1 404 Not Found', 'Content-Type: text/plain', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`,
  `${head('HTTP/1.1 103 Early Hints', 'Link: </x>')}${head('HTTP/1.1 200 OK', 'Content-Length: 0')}`,
  head('HTTP/1.1 204 No Content', 'X-Y: z'),
  head('HTTP/1.1 304 Not Modified', 'ETag: "x"', 'Content-Length: 10'),
  `${head('HTTP/1.0 200 OK', 'Server: old')}until the end`,
  `${head('HTTP/1.1 200', 'Connection: close', 'Set-Cookie: a=b', 'Set-Cookie: c=d')}until the end`,
];

describe('responses as llhttp reads them', () => {
  it(`are read alike, or refused, in ${CASES} cases from seed ${SEED}`, async () => {
    const mutator = new Mutator(seeded(SEED), PIECES);
    let accepted = 0;
    for (let number = 0; number < CASES; number += 1) {
      const text = mutator.mutate(mutator.pick(RESPONSES));
      const bytes = Buffer.from(text, 'latin1');
      const input = JSON.stringify(text);
      const ours = responseByUs([bytes], true);
      assert.deepEqual(responseByUs(mutator.cut(text), true), ours, `cut into parts: ${input}`);
      if (ours === undefined) continue;
      accepted += 1;
      // Equal lengths are one to us, as RFC 9110, section 8.6, allows.
      if ((text.match(/^content-length/gim)?.length ?? 0) > 1) continue;
      const theirs = await responseByNode(bytes);
      assert.ok(theirs !== undefined, `llhttp refuses ${input}`);
      assert.equal(theirs.status, ours.status, input);
      if (!ours.complete) continue;
      assert.ok(theirs.complete, `llhttp does not find the end of ${input}`);
      assert.equal(theirs.body, ours.body, input);
    }
    assert.ok(accepted > CASES / 8, `${accepted} responses were accepted`);
  }).timeout(60_000 + CASES * 2 * CASE_MS);
});
