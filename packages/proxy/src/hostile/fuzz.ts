// Fuzzing of the whole proxy over real sockets: valid exchanges with some bytes changed, on the client's side over HTTP/1.1 and HTTP/2 and on
// the target's. Whatever is sent: the proxy does not crash, each connection ends or is answered, nothing is left open or in
// flight, what reaches the other side is framed in exactly one way, and a client that means no harm is served on, on one connection.
import assert from 'node:assert/strict';
import { METHODS } from 'node:http';
import type { Socket } from 'node:net';

import * as records from '@berth/model/routing/testing.ts';

import {
  type BackEnd,
  HEALTH_PATH,
  type RawBackEnd,
  TestProxy,
  group,
  startBackEnd,
  startRawBackEnd,
  targetAt,
  until,
} from '../testing/data-path.ts';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  FRAME,
  GET,
  POST,
  frame,
  hpack,
} from '../testing/http2-frames.ts';
import { REQUESTS, RESPONSES } from '../testing/messages.ts';
import type { Mutator } from '../testing/mutations.ts';
import { rawClient } from '../testing/raw.ts';

import { type Fuzz, type FuzzCase, mutatorOf } from './fuzzing.ts';
import { WellMeaningClient } from './well-meaning-client.ts';
import { requestsIn, responseIn } from './wire-text.ts';

/** The proxy's patience: cases that leave something unfinished wait for it. */
const IDLE_MS = 80;
const UNCHANGED = 16;
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);
/** Broken off, rather than malformed. */
const BROKEN_OFF: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_EOF_STATE']);

const HTTP2 = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'),
  frame(FRAME.settings, 0, 0),
  frame(FRAME.headers, END_HEADERS | END_STREAM, 1, hpack(GET)),
  frame(FRAME.headers, END_HEADERS, 3, hpack([...POST, ['content-length', '5']])),
  frame(FRAME.data, END_STREAM, 3, Buffer.from('hello')),
]).toString('latin1');

const HTTP2_ANSWER = Buffer.concat([
  frame(FRAME.settings, 0, 0),
  frame(FRAME.settings, ACK, 0),
  frame(
    FRAME.headers,
    END_HEADERS,
    1,
    hpack([
      [':status', '103'],
      ['link', '</x>'],
    ]),
  ),
  frame(
    FRAME.headers,
    END_HEADERS,
    1,
    hpack([
      [':status', '200'],
      ['content-length', '5'],
      ['a', 'b'],
    ]),
  ),
  frame(FRAME.data, 0, 1, Buffer.from('hello')),
  frame(FRAME.headers, END_HEADERS | END_STREAM, 1, hpack([['x-trailer', 'y']])),
]).toString('latin1');

const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi';
const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** Who sends what is changed: a client over HTTP/1.1 or 2, or a target of either. */
type Side = 'client' | 'client-http2' | 'target' | 'target-http2';
const SIDES: readonly Side[] = [
  'target',
  'client-http2',
  'client',
  'client',
  'client',
  'target',
  'target-http2',
  'client',
];
/** How a target is asked. */
type Request = 'GET' | 'HEAD' | 'POST' | 'upgrade';
type Then = 'end' | 'reset' | 'wait';

export interface ProxyCase extends FuzzCase {
  readonly side: Side;
  /** Of how it is cut into parts. */
  readonly cut: number;
  /** The client closes its side after the last part. */
  readonly fin: boolean;
  /** Of cases of targets: the request, and what the target does after what it says. */
  readonly request: Request;
  readonly then: Then;
}

/** What a target says to a request, in parts, and what it does then. */
interface Script {
  readonly parts: readonly Buffer[];
  readonly then: Then;
}

export class ProxyFuzz implements Fuzz<ProxyCase> {
  readonly what = 'proxy';
  readonly seed: number;
  readonly #proxy = new TestProxy({
    settings: { idleTimeoutMs: IDLE_MS, headTimeoutMs: IDLE_MS, halfCloseGraceMs: 2_000 },
  });
  #backEnd: BackEnd | undefined;
  #scripted: RawBackEnd | undefined;
  #scriptedHttp2: RawBackEnd | undefined;
  #wellMeaning: WellMeaningClient | undefined;
  #script: Script | undefined;
  /** What has reached the target since the case began, by connection. */
  readonly #tapped = new Map<Socket, string>();
  /** What Node.js has understood of it, and what not. */
  #understood = 0;
  #malformed: string[] = [];
  #crash: Error | undefined;

  constructor(seed: number) {
    this.seed = seed;
  }

  async start(): Promise<void> {
    const backEnd = await this.#startBackEnd();
    const scripted = await startRawBackEnd((socket) => {
      socket.on('data', (chunk: Buffer) => {
        const text = chunk.toString('latin1');
        if (text.startsWith(`GET ${HEALTH_PATH} `)) {
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        } else if (/^[A-Z]+ \/scripted /.test(text)) this.#say(socket);
      });
    });
    // Whatever connects is told the same, without being heard; so its health is not known, and does not matter.
    const scriptedHttp2 = await startRawBackEnd((socket) => {
      socket.resume();
      this.#say(socket);
    });
    this.#backEnd = backEnd;
    this.#scripted = scripted;
    this.#scriptedHttp2 = scriptedHttp2;
    const listener = records.listener(0, records.forward('web'), 'l');
    const rule = (priority: number, path: string, to: string) =>
      records.rule('l', priority, [records.condition('path-pattern', [path])], records.forward(to));
    this.#proxy.route({
      listeners: [{ ...listener, attributes: { 'berth.h2c.enabled': 'true' } }],
      rules: [
        rule(1, '/scripted', 'scripted'),
        rule(2, '/scripted2', 'scripted2'),
        rule(3, WellMeaningClient.path, 'well'),
      ],
      groups: [
        group('web'),
        group('well'),
        group('scripted'),
        { ...group('scripted2'), protocolVersion: 'HTTP2' },
      ],
      targets: [
        targetAt('web', backEnd.port),
        targetAt('well', backEnd.port),
        targetAt('scripted', scripted.port),
        targetAt('scripted2', scriptedHttp2.port),
      ],
    });
    await this.#proxy.open();
    this.#wellMeaning = await WellMeaningClient.connect(this.#proxy.port);
    // Who says nothing at first is not waited for.
    await this.#wellMeaning.ask();
  }

  async #startBackEnd(): Promise<BackEnd> {
    const backEnd = await startBackEnd('ok', (message, response) => {
      message.on('error', () => undefined).resume();
      message.on('end', () => {
        if (message.url !== WellMeaningClient.path) this.#understood += 1;
        response.end('ok');
      });
    });
    backEnd.server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (!BROKEN_OFF.has(error.code ?? '')) this.#malformed.push(error.code ?? error.message);
      socket.destroy();
    });
    backEnd.server.on('connection', (socket) => {
      let known: boolean | undefined;
      socket.on('data', (chunk: Buffer) => {
        const text = chunk.toString('latin1');
        known ??=
          text.startsWith(`GET ${HEALTH_PATH} `) ||
          text.startsWith(`GET ${WellMeaningClient.path} `);
        if (!known) this.#tapped.set(socket, (this.#tapped.get(socket) ?? '') + text);
      });
    });
    return backEnd;
  }

  #say(socket: Socket): void {
    const { parts, then } = this.#script ?? { parts: [], then: 'reset' };
    for (const part of parts) socket.write(part);
    if (then === 'end') socket.end();
    else if (then === 'reset') socket.write('', () => socket.resetAndDestroy());
  }

  async stop(): Promise<void> {
    this.#wellMeaning?.close();
    await this.#proxy.stop();
    await this.#backEnd?.close();
    await this.#scripted?.close();
    await this.#scriptedHttp2?.close();
  }

  /** Something was thrown where nobody waits for it: the case that is played fails. */
  crashed(error: unknown): void {
    this.#crash ??= error instanceof Error ? error : new Error(String(error));
  }

  draw(number: number): ProxyCase {
    const mutator = mutatorOf(this.seed, number);
    const side = SIDES[number % SIDES.length] as Side;
    const request = mutator.pick(['GET', 'HEAD', 'POST', 'upgrade'] as const);
    const whole = wholeOf(side, request, mutator);
    return {
      text: mutator.below(UNCHANGED) === 0 ? whole : mutator.mutate(whole),
      side,
      cut: mutator.below(1 << 30),
      fin: mutator.below(8) !== 0,
      request,
      then: mutator.pick(['end', 'reset', 'wait'] as const),
    };
  }

  async play(played: ProxyCase): Promise<void> {
    this.#crash = undefined;
    this.#tapped.clear();
    this.#understood = 0;
    this.#malformed = [];
    const parts = mutatorOf(played.cut, 0).cut(played.text);
    switch (played.side) {
      case 'client':
        await this.#send(parts, played.fin);
        await this.#nothingLeft();
        await this.#sameForTarget();
        break;
      case 'client-http2':
        await this.#send(parts, true);
        await this.#nothingLeft();
        for (const tapped of this.#tapped.values()) requestsIn(tapped);
        break;
      default:
        await this.#askTarget(played, parts);
    }
    await this.#nothingLeft();
    await this.#wellMeaning?.ask();
    this.#failIfCrashed();
  }

  #failIfCrashed(): void {
    if (this.#crash !== undefined) throw this.#crash;
  }

  /** What has reached the target is read alike by Node.js and by the letter. */
  async #sameForTarget(): Promise<void> {
    let complete = 0;
    for (const tapped of this.#tapped.values()) {
      const requests = requestsIn(tapped);
      complete += requests.filter((request) => request.complete).length;
      // What Node.js understands depends on methods that it knows.
      if (requests.some(({ method }) => !KNOWN_METHODS.has(method))) return;
    }
    assert.deepEqual(this.#malformed, [], 'the target can not read what has reached it');
    await until('the target has read all', () => this.#understood >= complete, 1_000).catch(
      () => undefined,
    );
    assert.equal(this.#understood, complete, 'requests that the target has understood');
  }

  /** @param fin the client closes its side after the last part */
  async #send(parts: readonly Buffer[], fin: boolean): Promise<void> {
    const client = rawClient(this.#proxy.port);
    for (const part of parts) {
      if (client.socket.writable) client.socket.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (fin) client.socket.end();
    // Who neither ends nor says anything more is waited for as long as connections are kept; nothing to learn from that.
    else setTimeout(() => client.socket.end(), 2 * IDLE_MS);
    await client.answer();
  }

  async #askTarget(played: ProxyCase, parts: readonly Buffer[]): Promise<void> {
    const { side, request, then } = played;
    this.#script = { parts, then };
    const path = side === 'target' ? '/scripted' : '/scripted2';
    const method = request === 'upgrade' ? 'GET' : request;
    const rest = {
      GET: 'Connection: close\r\n\r\n',
      HEAD: 'Connection: close\r\n\r\n',
      POST: 'Connection: close\r\nContent-Length: 5\r\n\r\nhello',
      upgrade: HANDSHAKE,
    }[request];
    const client = rawClient(
      this.#proxy.port,
      `${method} ${path} HTTP/1.1\r\nHost: a.test\r\n${rest}`,
    );
    // Handshakes that are declined leave the connection as it was.
    if (request === 'upgrade') client.socket.end();
    const answer = await client.answer();
    this.#script = undefined;
    if (answer === '' || /^HTTP\/1\.1 101 /.test(answer)) return;
    const { extra } = responseIn(answer, method === 'HEAD');
    assert.equal(extra, '', `something follows the answer: ${JSON.stringify(answer)}`);
  }

  async #nothingLeft(): Promise<void> {
    const proxy = this.#proxy;
    const groups = [...proxy.path.routing.groups.keys()];
    const inFlight = (): number =>
      groups
        .flatMap((name) => proxy.targets(name))
        .reduce((sum, target) => sum + target.inFlight, 0);
    await until('nothing is in flight', () => inFlight() === 0);
    await until('no client is left', () => proxy.path.listeners.connections <= 1);
  }

  /** Connections that are open to targets; few, and none that grows with the number of cases. */
  get openToTargets(): number {
    const ends = [this.#backEnd, this.#scripted, this.#scriptedHttp2];
    return ends.reduce((sum, end) => sum + (end?.sockets.size ?? 0), 0);
  }
}

function wholeOf(side: Side, request: Request, mutator: Mutator): string {
  switch (side) {
    case 'client': {
      const count = 1 + mutator.below(3);
      return Array.from({ length: count }, () => mutator.pick(REQUESTS)).join('');
    }
    case 'client-http2':
      return HTTP2;
    case 'target':
      return request === 'upgrade' ? mutator.pick([SWITCH, ...RESPONSES]) : mutator.pick(RESPONSES);
    case 'target-http2':
      return HTTP2_ANSWER;
  }
}
