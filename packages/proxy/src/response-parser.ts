// Cuts the byte stream of one connection to a target into responses. It decides the framing once, by the head, hands the
// payload on without its chunked coding, and knows when a response has ended exactly; whoever owns the connection
// then knows whether it can be used again. Source: RFC 9112, sections 6 and 7; ALB reference, section 6.
import { type ResponseHead, parseResponseHead } from './response-head.ts';

export interface ResponseSink {
  onHead(head: ResponseHead): void;
  /** A part of the payload, of at least one byte. */
  onBody(chunk: Buffer): void;
  /** The response is complete; `chunk` is its last part. */
  onComplete(chunk: Buffer | undefined): void;
  /** A 101 response to a request for it; `rest` are the first bytes of the new protocol. */
  onUpgrade(head: ResponseHead, rest: Buffer): void;
}

const HEAD_LIMIT = 32_768;
const INTERIM_LIMIT = 16;
const CHUNK_LINE_LIMIT = 256 + 18;
const TRAILER_LIMIT = 16_384;
const NOTHING = Buffer.alloc(0);
const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const CHUNK_LINE = /^([0-9a-fA-F]{1,16})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/;
const TRAILER_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/;

type State =
  'idle' | 'head' | 'length' | 'close' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailers';

export class ResponseParser {
  #state: State = 'idle';
  /** Bytes of a head or a line that is not complete yet. */
  #pending: Buffer = NOTHING;
  #remaining = 0;
  #trailerBytes = 0;
  #interim = 0;
  #bodiless = false;
  #upgradable = false;
  #started = false;
  #extra = false;

  /** A request has been sent: a response may come. */
  begin(method: string, upgradable: boolean): void {
    this.#state = 'head';
    this.#interim = 0;
    this.#bodiless = method === 'HEAD';
    this.#upgradable = upgradable;
    this.#started = false;
    this.#extra = false;
  }

  /** Some byte has come since `begin`. */
  get started(): boolean {
    return this.#started;
  }

  /** Bytes came that belong to no response: the connection can't be trusted any more. */
  get extra(): boolean {
    return this.#extra;
  }

  /** @returns what is wrong with the response; the connection is of no use then */
  feed(chunk: Buffer, sink: ResponseSink): string | undefined {
    this.#started = true;
    let rest = chunk;
    while (rest.length > 0) {
      switch (this.#state) {
        case 'idle':
          this.#extra = true;
          return undefined;
        case 'head': {
          const next = this.#head(rest, sink);
          if (typeof next === 'string') return next;
          rest = next;
          break;
        }
        case 'length':
          rest = this.#length(rest, sink);
          break;
        case 'close':
          sink.onBody(rest);
          return undefined;
        case 'chunk-data':
          rest = this.#chunkData(rest, sink);
          break;
        default: {
          const next = this.#line(rest, sink);
          if (typeof next === 'string') return next;
          rest = next;
        }
      }
    }
    return undefined;
  }

  /** The target has closed its side. @returns true when that completes the response. */
  finish(sink: ResponseSink): boolean {
    if (this.#state !== 'close') return false;
    this.#state = 'idle';
    this.#extra = true;
    sink.onComplete(undefined);
    return true;
  }

  #head(chunk: Buffer, sink: ResponseSink): Buffer | string {
    const before = this.#pending.length;
    const bytes = before === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const end = bytes.indexOf(HEAD_END, Math.max(0, before - 3));
    if (end < 0 || end > HEAD_LIMIT) {
      if (bytes.length > HEAD_LIMIT) return `head longer than ${HEAD_LIMIT} bytes`;
      this.#pending = bytes;
      return NOTHING;
    }
    this.#pending = NOTHING;
    const head = parseResponseHead(bytes.toString('latin1', 0, end + 2));
    if (typeof head === 'string') return head;
    const rest = bytes.subarray(end + 4);
    if (head.status === 101) {
      if (!this.#upgradable) return 'unasked 101 response';
      this.#state = 'idle';
      sink.onUpgrade(head, rest);
      return NOTHING;
    }
    if (head.status < 200) {
      this.#interim += 1;
      return this.#interim > INTERIM_LIMIT ? 'too many interim responses' : rest;
    }
    this.#frame(head, sink);
    return rest;
  }

  #frame(head: ResponseHead, sink: ResponseSink): void {
    if (this.#bodiless || head.status === 204 || head.status === 304 || head.contentLength === 0) {
      this.#state = 'idle';
      sink.onHead(head);
      sink.onComplete(undefined);
      return;
    }
    this.#remaining = head.contentLength;
    if (head.chunked) this.#state = 'chunk-size';
    else this.#state = head.contentLength < 0 ? 'close' : 'length';
    sink.onHead(head);
  }

  #length(chunk: Buffer, sink: ResponseSink): Buffer {
    if (chunk.length < this.#remaining) {
      this.#remaining -= chunk.length;
      sink.onBody(chunk);
      return NOTHING;
    }
    const last = chunk.length === this.#remaining ? chunk : chunk.subarray(0, this.#remaining);
    this.#state = 'idle';
    this.#extra = last.length < chunk.length;
    sink.onComplete(last);
    return NOTHING;
  }

  #chunkData(chunk: Buffer, sink: ResponseSink): Buffer {
    const part = chunk.length <= this.#remaining ? chunk : chunk.subarray(0, this.#remaining);
    this.#remaining -= part.length;
    if (this.#remaining === 0) this.#state = 'chunk-end';
    sink.onBody(part);
    return chunk.subarray(part.length);
  }

  /** A chunk's size, the line break after its data, or a trailer: all of them end with CR LF. */
  #line(chunk: Buffer, sink: ResponseSink): Buffer | string {
    const before = this.#pending.length;
    const bytes = before === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const limit = this.#state === 'trailers' ? TRAILER_LIMIT : CHUNK_LINE_LIMIT;
    const end = bytes.indexOf(LINE_END, Math.max(0, before - 1));
    if (end < 0 || end > limit) {
      if (bytes.length > limit) return 'chunk line too long';
      this.#pending = bytes;
      return NOTHING;
    }
    this.#pending = NOTHING;
    const wrong = this.#take(bytes.toString('latin1', 0, end), sink);
    return wrong ?? this.#after(bytes.subarray(end + 2));
  }

  #take(line: string, sink: ResponseSink): string | undefined {
    if (this.#state === 'chunk-end') {
      this.#state = 'chunk-size';
      return line === '' ? undefined : 'chunk longer than its size';
    }
    if (this.#state === 'trailers') {
      this.#trailerBytes += line.length + 2;
      if (line === '') {
        this.#state = 'idle';
        sink.onComplete(undefined);
        return undefined;
      }
      if (this.#trailerBytes > TRAILER_LIMIT) return 'trailers too long';
      return TRAILER_LINE.test(line) ? undefined : 'malformed trailer';
    }
    const size = CHUNK_LINE.exec(line)?.[1];
    if (size === undefined) return 'malformed chunk size';
    this.#remaining = Number.parseInt(size, 16);
    if (!Number.isSafeInteger(this.#remaining)) return 'chunk size too large';
    this.#trailerBytes = 0;
    this.#state = this.#remaining === 0 ? 'trailers' : 'chunk-data';
    return undefined;
  }

  #after(rest: Buffer): Buffer {
    if (this.#state !== 'idle') return rest;
    this.#extra = rest.length > 0;
    return NOTHING;
  }
}
