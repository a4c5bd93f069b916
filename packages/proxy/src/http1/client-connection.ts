// One connection of a client that speaks HTTP/1.x: its requests in their turn, since the order is the client's and what is not safe must not run side by side. What it sends
// ahead stays unread, the most of it with the kernel. Source: RFC 9112, section 9; ALB reference, sections 4.2 and 6; dependency pitfalls H1, H3, H15.
import type { Socket } from 'node:net';

import type { Clock } from '@berth/control/clock.ts';

import { type Answer, dateField } from '../answers.ts';
import type { Dispatcher } from '../dispatcher.ts';
import type { ClientInfo } from '../exchange-sides.ts';
import { type Refusal, isRefusal, refuse } from '../request-head.ts';
import { LIMITS, type ProxySettings } from '../settings.ts';

import { ChunkedDecoder } from './chunked.ts';
import { readAsUsual, readDirectly } from './direct-reads.ts';
import { Http1Request } from './http1-request.ts';
import { doubtIncomplete, scanRequestHead } from './request-scanner.ts';

/** What the connections of a front share. */
export interface ConnectionSurroundings {
  readonly dispatcher: Dispatcher;
  readonly settings: ProxySettings;
  readonly clock: Clock;
  /** Monotonic milliseconds of the last look at all connections: as near to now as these need to know. */
  readonly now: number;
  /** No new request is welcome: each answer ends its connection. */
  readonly closing: boolean;
  onClosed(connection: ClientConnection): void;
}

const USUAL_HEAD = 2_048;
const HEAD_END = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;
const LEADING_BREAKS = 2;
/** What a client may send ahead before nothing more is read from it. */
const HELD_LIMIT = 65_536;
/** An answer is not begun while this much of those before it waits for the client. */
const UNSENT_LIMIT = 65_536;
/** After the last answer a client has this long to notice, while what it still sends is thrown away. */
const LINGER_MS = 30_000;
const LINGER_IDLE_MS = 5_000;
const DEFAULT_IDLE_MS = 60_000;

type Body = 'none' | 'length' | 'chunked';

export class ClientConnection {
  readonly socket: Socket;
  readonly client: ClientInfo;
  readonly #with: ConnectionSurroundings;
  readonly #openedAt: number;
  /** Bytes that have come and were not read. */
  #held: Buffer | undefined;
  /** The end of a head is not before this place. */
  #scanned = 0;
  /** When the first byte of an incomplete head came. */
  #headSince = 0;
  /** What is being received or answered. */
  #request: Http1Request | undefined;
  #body: Body = 'none';
  #bodyLeft = 0;
  #chunked: ChunkedDecoder | undefined;
  /** Nobody takes the body now. */
  #bodyWaits = false;
  #advancing = false;
  /** Nothing that follows is taken for a request. */
  #last = false;
  #clientEnded = false;
  #abandonAt = 0;
  #lingerUntil = 0;
  #tunnelled = false;
  #closed = false;
  /** When something last came, or an answer went, by the clock of the front. */
  #activeAt: number;
  readonly #onReadable = (chunk: Buffer): void => this.#onData(chunk);
  readonly #onFin = (): void => this.#onEnd();
  readonly #onDrain = (): void => this.#onWritable();
  readonly #onTimeout = (): void => void this.socket.destroy();

  constructor(socket: Socket, client: ClientInfo, surroundings: ConnectionSurroundings) {
    this.socket = socket;
    this.client = client;
    this.#with = surroundings;
    this.#openedAt = surroundings.now;
    this.#activeAt = surroundings.now;
    socket.on('data', this.#onReadable);
    readDirectly(socket, this.#onReadable);
    socket.on('end', this.#onFin);
    socket.on('drain', this.#onDrain);
    socket.on('timeout', this.#onTimeout);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onClose());
  }

  /** It waits for a request, of which nothing has come. */
  get idle(): boolean {
    return this.#request === undefined && this.#held === undefined && !this.#tunnelled;
  }

  /** The answer that is being given must be the last. */
  get mustEnd(): boolean {
    const age = this.#with.dispatcher.listener?.loadBalancerSettings.clientKeepAliveMs;
    return (
      this.#last ||
      this.#with.closing ||
      (age !== undefined && this.#with.now - this.#openedAt >= age)
    );
  }

  #onData(chunk: Buffer): void {
    this.#activeAt = this.#with.now;
    if (this.#lingerUntil > 0) return;
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#advance();
  }

  /** Reads on as far as what has come allows. */
  #advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    while (this.#held !== undefined && !this.#closed && this.#step(this.#held));
    this.#advancing = false;
    if (this.#closed || this.#tunnelled) return;
    const { socket } = this;
    const held = this.#held?.length ?? 0;
    const waits = this.#request !== undefined || socket.writableLength >= UNSENT_LIMIT;
    if (waits && held >= HELD_LIMIT) socket.pause();
    else if (socket.isPaused()) socket.resume();
    if (this.#clientEnded) this.#afterEnd();
  }

  /** @returns false when nothing more can be read now */
  #step(held: Buffer): boolean {
    if (this.#tunnelled) return false;
    if (this.#lingerUntil > 0) {
      this.#held = undefined;
      return false;
    }
    if (this.#request === undefined) {
      return this.socket.writableLength < UNSENT_LIMIT && this.#readHead(held);
    }
    if (this.#body === 'none' || this.#bodyWaits) return false;
    this.#readBody(this.#request, held);
    return true;
  }

  /** @returns false when it is not complete */
  #readHead(bytes: Buffer): boolean {
    let start = 0;
    while (start < 2 * LEADING_BREAKS && bytes[start] === CR && bytes[start + 1] === LF) start += 2;
    // Nearly all heads are short and come at once.
    const text = bytes.toString('latin1', start, start + USUAL_HEAD);
    let end = this.#scanned === 0 ? text.indexOf('\r\n\r\n') : -1;
    const short = end >= 0;
    if (short) end += start;
    else end = bytes.indexOf(HEAD_END, Math.max(start, this.#scanned - 3));
    if (end < 0) return this.#holdHead(bytes, start);
    const since = this.#headSince;
    this.#scanned = 0;
    this.#headSince = 0;
    const rest = end + HEAD_END.length;
    this.#held = rest === bytes.length ? undefined : bytes.subarray(rest);
    const startedAt = this.#with.clock.monotonic();
    const headMs = since === 0 ? 0 : startedAt - since;
    const { address } = this.client;
    const length = end + 2 - start;
    const head = short
      ? scanRequestHead(text, length, address)
      : length > LIMITS.requestHead
        ? tooLong(bytes.toString('latin1', start, start + LIMITS.requestHead))
        : scanRequestHead(bytes.toString('latin1', start, end + 2), length, address);
    if (isRefusal(head)) {
      this.#refuse(head, rest, startedAt, headMs);
      return false;
    }
    const request = new Http1Request(this, head, rest, startedAt, headMs);
    this.#request = request;
    this.#bodyWaits = true;
    this.#bodyLeft = head.bodyLength;
    if (head.bodyLength > 0) this.#body = 'length';
    else if (head.bodyLength < 0) {
      this.#body = 'chunked';
      this.#chunked ??= new ChunkedDecoder();
      this.#chunked.begin();
    } else request.complete = true;
    if (!head.keepAlive || head.upgrade) this.#last = true;
    this.#with.dispatcher.dispatch(request);
    return true;
  }

  #holdHead(bytes: Buffer, start: number): false {
    const from = Math.max(start, this.#scanned - 1);
    const fresh = bytes.toString('latin1', from);
    const lines = fresh.includes('\n') || bytes.indexOf(LF, start) >= 0;
    const doubt = doubtIncomplete(fresh, bytes.length - start, lines);
    this.#scanned = bytes.length;
    const now = this.#with.clock.monotonic();
    if (this.#headSince === 0) this.#headSince = now;
    if (doubt !== undefined) this.#refuse(doubt, bytes.length, now, now - this.#headSince);
    return false;
  }

  #readBody(request: Http1Request, bytes: Buffer): void {
    const chunked = this.#body === 'chunked' ? this.#chunked : undefined;
    let end: number;
    if (chunked === undefined) {
      end = Math.min(bytes.length, this.#bodyLeft);
      this.#bodyLeft -= end;
      this.#held = end === bytes.length ? undefined : bytes.subarray(end);
      request.received += end;
      if (this.#bodyLeft === 0) this.#body = 'none';
      request.onBody(end === bytes.length ? bytes : bytes.subarray(0, end));
    } else {
      this.#held = undefined;
      end = chunked.feed(bytes, 0, request);
      if (end < 0) {
        this.#malformed(request);
        return;
      }
      request.received += end;
      if (end < bytes.length) this.#held = bytes.subarray(end);
      if (chunked.done) this.#body = 'none';
    }
    if (this.#body === 'none') {
      request.complete = true;
      request.onBodyEnd();
    }
  }

  /** The body can't be read to its end. */
  #malformed(request: Http1Request): void {
    this.#last = true;
    this.#held = undefined;
    request.lost('malformed', 400);
  }

  /** Of what came last. */
  #refuse(refusal: Refusal, received: number, startedAt: number, headMs: number): void {
    const { dispatcher } = this.#with;
    this.#held = undefined;
    const answer = dispatcher.refused(
      this.client,
      'http/1.1',
      refusal,
      received,
      startedAt,
      headMs,
    );
    this.#say(answer);
    this.#close(true);
  }

  #say({ status, phrase, lines, body }: Answer): void {
    if (!this.socket.writable) return;
    const date = dateField(this.#with.clock.now());
    const head = `HTTP/1.1 ${status} ${phrase}\r\n${lines}${date}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    this.socket.write(head + body.toString('latin1'), 'latin1');
  }

  /** Somebody takes the body from now on. */
  resumeBody(): void {
    this.#bodyWaits = false;
    this.#activeAt = this.#with.now;
    this.#advance();
  }

  pauseBody(): void {
    this.#bodyWaits = true;
  }

  /** Nobody wants the body: what is there of it is read, so that the next request can follow if that was all. */
  skipBody(request: Http1Request): void {
    while (this.#request === request && this.#body !== 'none' && this.#held !== undefined) {
      this.#readBody(request, this.#held);
    }
  }

  /** The answer has been handed over; with `close`, as is the case while the body has not come to its end, it was the last. */
  answered(request: Http1Request, close: boolean): void {
    if (this.#request !== request) return;
    const cut = this.#body !== 'none';
    this.#request = undefined;
    this.#body = 'none';
    this.#abandonAt = 0;
    this.#activeAt = this.#with.now;
    if (close || this.#last) this.#close(cut);
    else if (this.#held !== undefined || this.#clientEnded) this.#advance();
  }

  /**
   * Ends the connection after what has been written.
   * @param more the client may go on sending
   */
  #close(more: boolean): void {
    const { socket } = this;
    const unread = (more || this.#held !== undefined) && !this.#clientEnded;
    this.#held = undefined;
    this.#last = true;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    // With bytes unread the system would reset the connection, and the answer could be lost.
    if (!unread) socket.destroySoon();
    else {
      this.#lingerUntil = this.#with.now + LINGER_MS;
      socket.end();
      socket.resume();
    }
  }

  #onWritable(): void {
    this.#activeAt = this.#with.now;
    if ((this.socket.timeout ?? 0) > 0) this.socket.setTimeout(0);
    this.#request?.writable();
    if (this.#request === undefined && this.#held !== undefined) this.#advance();
  }

  #onEnd(): void {
    this.#clientEnded = true;
    if (this.#lingerUntil > 0) this.socket.destroySoon();
    else this.#afterEnd();
  }

  /** Most clients that close their side are gone; some only say that they have sent everything. */
  #afterEnd(): void {
    const request = this.#request;
    if (request === undefined) {
      if (this.#held === undefined) this.socket.destroySoon();
      else if (this.#headSince > 0) {
        const cut = refuse(
          400,
          'the connection ended within a head',
          'Ambiguous',
          'PartialHeaderLine',
        );
        const ended = this.#with.clock.monotonic();
        this.#refuse(cut, this.#held.length, ended, ended - this.#headSince);
      }
    } else if (this.#body === 'none') {
      this.#abandonAt ||= this.#with.now + this.#with.settings.halfCloseGraceMs;
    } else if (this.#held === undefined) this.#malformed(request);
  }

  #onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#held = undefined;
    const request = this.#request;
    this.#request = undefined;
    this.#with.onClosed(this);
    if (!this.#tunnelled) request?.lost('gone', undefined);
  }

  /** What takes too long comes to its end; to be called now and then. */
  look(now: number): void {
    if (this.#tunnelled || this.#closed) return;
    const { settings } = this.#with;
    const idleMs = now - this.#activeAt;
    const { socket } = this;
    if (this.#lingerUntil > 0) {
      if (now >= this.#lingerUntil || idleMs >= LINGER_IDLE_MS) socket.destroy();
      return;
    }
    // Of what the system has not taken yet only the socket itself knows whether it moves.
    if (socket.writableLength > 0) {
      if ((socket.timeout ?? 0) === 0) socket.setTimeout(this.#idleTimeoutMs);
      return;
    }
    const request = this.#request;
    if (request === undefined) {
      const late = this.#headSince > 0 && now - this.#headSince >= settings.headTimeoutMs;
      if (late) {
        const slow = refuse(408, 'the head took too long');
        const ended = this.#with.clock.monotonic();
        this.#refuse(slow, this.#held?.length ?? 0, ended, ended - this.#headSince);
      } else if (this.#headSince === 0 && idleMs >= settings.clientKeepAliveMs) socket.destroy();
      return;
    }
    if (this.#body !== 'none') {
      if (this.#bodyWaits || idleMs < this.#idleTimeoutMs) return;
      this.#last = true;
      request.lost('stalled', 408);
    } else if (this.#abandonAt > 0 && now >= this.#abandonAt && !request.answer.begun) {
      socket.destroy();
    }
  }

  get #idleTimeoutMs(): number {
    return (
      this.#with.settings.idleTimeoutMs ??
      this.#with.dispatcher.listener?.loadBalancerSettings.idleTimeoutMs ??
      DEFAULT_IDLE_MS
    );
  }

  /** Gives the socket away. @returns what the client has sent that was not read */
  release(): Buffer {
    this.#tunnelled = true;
    const { socket } = this;
    readAsUsual(socket);
    socket
      .off('data', this.#onReadable)
      .off('end', this.#onFin)
      .off('drain', this.#onDrain)
      .off('timeout', this.#onTimeout);
    socket.setTimeout(0);
    socket.pause();
    const held = this.#held ?? EMPTY;
    this.#held = undefined;
    return held;
  }
}

const EMPTY = Buffer.alloc(0);

function tooLong(text: string): Refusal {
  const line = text.indexOf('\r\n');
  return line < 0 || line > LIMITS.requestTarget
    ? refuse(414, 'request line too long')
    : refuse(400, 'head too long');
}
