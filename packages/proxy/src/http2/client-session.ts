// One client's connection of HTTP/2: its streams become requests. What a client can do to keep a server busy without ever
// sending a request that counts has a limit; beyond it the connection is given up.
// Source: RFC 9113; ALB reference, sections 4.2 and 6 (cases 62-76).
import { type ServerHttp2Session, type ServerHttp2Stream, constants } from 'node:http2';
import * as http2 from 'node:http2';
import type { Duplex } from 'node:stream';

import type { Clock } from '@berth/control/clock.ts';

import { type Answer, sendAnswer } from '../answers.ts';
import type { Dispatcher } from '../dispatcher.ts';
import type { ClientInfo } from '../exchange-sides.ts';
import { isRefusal } from '../request-head.ts';
import { LIMITS } from '../settings.ts';
import { ClientStream } from './client-stream.ts';
import { Allowance } from './allowance.ts';
import { breakOff } from './fields.ts';
import { readHttp2Request } from './read-request.ts';
import { StreamAnswer } from './stream-answer.ts';

export interface ClientSessionOptions {
  readonly socket: Duplex;
  readonly client: ClientInfo;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  /** Silence of a stream. */
  readonly idleTimeoutMs: number;
  /** How long the connection may stay without a stream. */
  readonly keepAliveMs: number;
  /** Age from which no new streams are taken. */
  readonly maximumAgeMs: number;
  readonly onClosed: () => void;
}

/** From GOAWAY, or the end of the last stream after it, to the end of the connection: for what was under way to us. */
const FAREWELL_MS = 1_000;
/** Source: ALB reference, section 4.2. */
const STREAMS = 128;
const REQUESTS = 10_000;
/** Data of one stream, and of all, that is under way to targets that do not take it. */
const STREAM_WINDOW = 256 * 1024;
const SESSION_WINDOW = 1024 * 1024;
/** Megabytes that all streams of a connection may hold. */
const SESSION_MEMORY = 16;

/** Streams that end before their answer has, by whomever they are reset: so many at once, then so many a second. */
const RESETS = { burst: 200, perSecond: 33 } as const;
/** Frames that ask for something and carry no request: PING, SETTINGS, PRIORITY. */
const CONTROLS = { burst: 200, perSecond: 20 } as const;

export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #session: ServerHttp2Session;
  readonly #resets: Allowance;
  readonly #controls: Allowance;
  readonly #ageTimer: NodeJS.Timeout;
  #idleTimer: NodeJS.Timeout | undefined;
  #farewellTimer: NodeJS.Timeout | undefined;
  #requests = 0;
  #streams = 0;

  constructor(options: ClientSessionOptions) {
    this.#options = options;
    const { socket, clock, onClosed } = options;
    this.#resets = new Allowance(RESETS, clock);
    this.#controls = new Allowance(CONTROLS, clock);
    const session = http2.performServerHandshake(socket, {
      settings: {
        maxConcurrentStreams: STREAMS,
        maxHeaderListSize: LIMITS.requestHead,
        initialWindowSize: STREAM_WINDOW,
        enableConnectProtocol: false,
      },
      maxHeaderListPairs: LIMITS.requestHeaders + 8,
      maxSessionMemory: SESSION_MEMORY,
      maxSettings: 32,
      maxOutstandingPings: 10,
      streamResetBurst: RESETS.burst,
      streamResetRate: RESETS.perSecond,
      // A field that a target repeats against the rules is the client's to judge; Node.js would throw.
      strictSingleValueFields: false,
    });
    this.#session = session;
    session.setLocalWindowSize(SESSION_WINDOW);
    session.on('stream', (stream, _headers, flags, raw) => this.#onStream(stream, flags, raw));
    session.on('error', ignore);
    session.on('ping', () => this.#control());
    session.on('remoteSettings', () => this.#control());
    session.on('priority', () => this.#control());
    session.on('frameError', () => this.#control());
    session.once('close', () => {
      clearTimeout(this.#idleTimer);
      clearTimeout(this.#ageTimer);
      clearTimeout(this.#farewellTimer);
      onClosed();
    });
    // A client that has sent FIN can still be answered, but sends nothing more.
    socket.on('end', () => this.drain());
    this.#ageTimer = setTimeout(() => this.drain(), options.maximumAgeMs);
    this.#ageTimer.unref();
    this.#rest();
  }

  /** GOAWAY: streams that are open go on, new ones are refused. */
  drain(): void {
    if (this.#session.closed) return;
    this.#session.close();
    if (this.#streams === 0) this.#takeLeave();
  }

  /** nghttp2 waits for the rest of a header block, and would do so for ever. */
  #takeLeave(): void {
    if (this.#session.destroyed) return;
    this.#farewellTimer ??= setTimeout(() => this.destroy(), FAREWELL_MS);
    this.#farewellTimer.unref();
  }

  destroy(): void {
    this.#session.destroy();
  }

  /** No streams: it may stay for a while. */
  #rest(): void {
    this.#idleTimer = setTimeout(() => this.drain(), this.#options.keepAliveMs);
    this.#idleTimer.unref();
  }

  #control(): void {
    if (!this.#controls.spend()) this.#giveUp();
  }

  #giveUp(): void {
    this.#session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #onStream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    stream.on('error', ignore);
    const { client, dispatcher, clock, idleTimeoutMs } = this.#options;
    const startedAt = clock.monotonic();
    this.#count(stream);
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const read = readHttp2Request(raw, ended, client.address);
    if ('fault' in read) {
      dispatcher.refused(client, 'h2', { status: 400, problem: read.fault }, 0, startedAt);
      stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
      return;
    }
    const { head, method, grpc, bytes } = read;
    if (isRefusal(head)) {
      const made = dispatcher.refused(client, 'h2', head, bytes, startedAt);
      this.#refuse(stream, method, grpc, ended, made);
      return;
    }
    dispatcher.dispatch(new ClientStream({ stream, client, head, read, startedAt, idleTimeoutMs }));
  }

  #refuse(
    stream: ServerHttp2Stream,
    method: string,
    grpc: boolean,
    ended: boolean,
    made: Answer,
  ): void {
    const requestComplete = (): boolean => ended;
    const answer = new StreamAnswer({ stream, method, grpc, trailers: false, requestComplete });
    sendAnswer(answer, made, false, this.#options.clock.now());
    stream.setTimeout(this.#options.idleTimeoutMs, () => breakOff(stream));
  }

  #count(stream: ServerHttp2Stream): void {
    this.#requests += 1;
    this.#streams += 1;
    clearTimeout(this.#idleTimer);
    stream.once('close', () => {
      this.#streams -= 1;
      const whole = stream.rstCode === constants.NGHTTP2_NO_ERROR;
      if (!whole && !this.#resets.spend()) this.#giveUp();
      else if (this.#streams > 0) return;
      else if (this.#session.closed) this.#takeLeave();
      else this.#rest();
    });
    if (this.#requests >= REQUESTS) this.drain();
  }
}

const ignore = (): undefined => undefined;
