// Cuts the byte stream of one connection to a target into responses. It decides the framing once, by the head, hands the
// payload on without its chunked coding, and knows when a response has ended exactly; whoever owns the connection
// then knows whether it can be used again. Source: RFC 9112, sections 6 and 7; ALB reference, section 6.
import { ChunkedDecoder } from './http1/chunked.ts';
import { type ResponseHead, parseResponseHead } from './response-head.ts';

export interface ResponseSink {
  /** An interim response other than 100 and 101. */
  onInformational(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** A part of the payload, of at least one byte. */
  onBody(chunk: Buffer): void;
  /** The response is complete; `chunk` is its last part, `trailers` are lines. */
  onComplete(chunk: Buffer | undefined, trailers: string): void;
  /** A 101 response to a request for it; `rest` are the first bytes of the new protocol. */
  onUpgrade(head: ResponseHead, rest: Buffer): void;
}

const USUAL_HEAD = 1_024;
const HEAD_LIMIT = 32_768;
const INTERIM_LIMIT = 16;
const NOTHING = Buffer.alloc(0);
const HEAD_END = Buffer.from('\r\n\r\n');

type State = 'idle' | 'head' | 'length' | 'close' | 'chunked';

export class ResponseParser {
  #state: State = 'idle';
  /** Bytes of a head that is not complete yet. */
  #pending: Buffer = NOTHING;
  #remaining = 0;
  /** Made when it is first needed. */
  #chunked: ChunkedDecoder | undefined;
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
          this.#length(rest, sink);
          return undefined;
        case 'close':
          sink.onBody(rest);
          return undefined;
        case 'chunked':
          return this.#chunks(rest, sink);
      }
    }
    return undefined;
  }

  /** The target has closed its side. @returns true when that completes the response. */
  finish(sink: ResponseSink): boolean {
    if (this.#state !== 'close') return false;
    this.#state = 'idle';
    this.#extra = true;
    sink.onComplete(undefined, '');
    return true;
  }

  #head(chunk: Buffer, sink: ResponseSink): Buffer | string {
    const before = this.#pending.length;
    const bytes = before === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    // Nearly all heads are short and come at once.
    const text = bytes.toString('latin1', 0, USUAL_HEAD);
    let end = text.indexOf('\r\n\r\n');
    const short = end >= 0;
    if (!short) end = bytes.indexOf(HEAD_END, Math.max(0, before - 3));
    if (end < 0 || end > HEAD_LIMIT) {
      if (bytes.length > HEAD_LIMIT) return `head longer than ${HEAD_LIMIT} bytes`;
      // The bytes may be only lent.
      this.#pending = Buffer.from(bytes);
      return NOTHING;
    }
    this.#pending = NOTHING;
    const head = parseResponseHead(short ? text : bytes.toString('latin1', 0, end + 2), end + 2);
    if (typeof head === 'string') return head;
    const rest = end + 4 === bytes.length ? NOTHING : bytes.subarray(end + 4);
    if (head.status === 101) {
      if (!this.#upgradable) return 'unasked 101 response';
      this.#state = 'idle';
      sink.onUpgrade(head, rest);
      return NOTHING;
    }
    if (head.status < 200) {
      this.#interim += 1;
      if (this.#interim > INTERIM_LIMIT) return 'too many interim responses';
      // What is not the last response can't end the connection.
      if (!head.keepAlive) return 'interim response that closes';
      if (head.status > 101) sink.onInformational(head);
      return rest;
    }
    this.#frame(head, sink);
    return rest;
  }

  #frame(head: ResponseHead, sink: ResponseSink): void {
    const { status, contentLength, chunked } = head;
    if (this.#bodiless || status === 204 || status === 304 || contentLength === 0) {
      this.#state = 'idle';
      sink.onHead(head);
      sink.onComplete(undefined, '');
      return;
    }
    this.#remaining = contentLength;
    if (chunked) {
      this.#state = 'chunked';
      this.#chunked ??= new ChunkedDecoder();
      this.#chunked.begin();
    } else this.#state = contentLength < 0 ? 'close' : 'length';
    sink.onHead(head);
  }

  #length(chunk: Buffer, sink: ResponseSink): void {
    if (chunk.length < this.#remaining) {
      this.#remaining -= chunk.length;
      sink.onBody(chunk);
      return;
    }
    const last = chunk.length === this.#remaining ? chunk : chunk.subarray(0, this.#remaining);
    this.#state = 'idle';
    this.#extra = last.length < chunk.length;
    sink.onComplete(last, '');
  }

  #chunks(bytes: Buffer, sink: ResponseSink): string | undefined {
    const decoder = this.#chunked;
    if (decoder === undefined) return undefined;
    const end = decoder.feed(bytes, 0, sink);
    if (end < 0) return decoder.problem;
    if (!decoder.done) return undefined;
    this.#state = 'idle';
    this.#extra = end < bytes.length;
    sink.onComplete(undefined, decoder.trailers);
    return undefined;
  }
}
