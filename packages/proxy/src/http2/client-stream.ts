// A request that came on a stream of HTTP/2. Source: RFC 9113, section 8.
import { type ServerHttp2Stream, constants } from 'node:http2';

import type { ClientInfo, ClientRequest, RequestOwner } from '../exchange-sides.ts';
import { mayTrail } from '../header-names.ts';
import type { RequestHead } from '../request-head.ts';
import { breakOff, trailerLines } from './fields.ts';
import type { ReadRequest } from './read-request.ts';
import { StreamAnswer } from './stream-answer.ts';

export interface ClientStreamOptions {
  readonly stream: ServerHttp2Stream;
  readonly client: ClientInfo;
  readonly head: RequestHead;
  readonly read: ReadRequest;
  readonly startedAt: number;
  /** Silence of the client, while something is expected of it, after which it is given up. */
  readonly idleTimeoutMs: number;
}

export class ClientStream implements ClientRequest {
  readonly protocol = 'h2';
  readonly upgrade = false;
  readonly client: ClientInfo;
  readonly head: RequestHead;
  readonly startedAt: number;
  readonly answer: StreamAnswer;
  owner: RequestOwner | undefined;
  complete: boolean;
  received: number;
  readonly #stream: ServerHttp2Stream;
  readonly #contentLength: number | undefined;
  readonly #idleTimeoutMs: number;
  #bodyBytes = 0;
  #reading = false;
  #discarding = false;
  #lost = false;
  #trailers = '';

  constructor(options: ClientStreamOptions) {
    const { stream, head, read } = options;
    this.client = options.client;
    this.head = head;
    this.startedAt = options.startedAt;
    this.received = read.bytes;
    this.complete = head.bodyLength === 0;
    this.#stream = stream;
    this.#contentLength = read.contentLength;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.answer = new StreamAnswer({
      stream,
      method: read.method,
      grpc: read.grpc,
      trailers: head.trailers,
      requestComplete: () => this.complete,
    });
    stream.on('drain', () => {
      if (!this.#over) this.owner?.onClientWritable();
    });
    stream.on('close', () => this.#lose('gone'));
    stream.on('trailers', (_headers, _flags, raw: string[]) => {
      const lines = trailerLines(raw, mayTrail);
      if (lines === undefined) this.#break(constants.NGHTTP2_PROTOCOL_ERROR, 'malformed');
      else this.#trailers = lines;
    });
    stream.setTimeout(options.idleTimeoutMs, () => this.#onSilence());
  }

  get sent(): number {
    return this.answer.sent;
  }

  get #over(): boolean {
    return this.#lost || this.answer.over;
  }

  resumeBody(): void {
    if (this.complete) return;
    if (!this.#reading) {
      this.#reading = true;
      this.#stream.on('data', (chunk: Buffer) => this.#onData(chunk));
      this.#stream.on('end', () => this.#onEnd());
    }
    this.#stream.resume();
  }

  pauseBody(): void {
    this.#stream.pause();
  }

  discardBody(): void {
    this.#discarding = true;
    this.resumeBody();
  }

  #onData(chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    this.received += chunk.length;
    if (!this.#discarding && !this.#over) this.owner?.onRequestBody(chunk);
  }

  #onEnd(): void {
    if (this.#over || this.complete) return;
    const wrong = this.#contentLength !== undefined && this.#contentLength !== this.#bodyBytes;
    // To Node.js a stream that the client has reset ends like any other.
    if (wrong || this.#stream.closed || this.#stream.aborted) {
      this.#break(constants.NGHTTP2_PROTOCOL_ERROR, 'malformed');
      return;
    }
    this.complete = true;
    if (!this.#discarding) this.owner?.onRequestEnd(this.#trailers);
  }

  #onSilence(): void {
    const stream = this.#stream;
    const awaited = this.#reading && !this.complete && !stream.isPaused();
    // An answer that was handed over whole is the client's to take, too.
    if (!this.answer.full && !this.answer.over && !awaited) {
      // It is the target that is waited for, and that has a limit of its own.
      if (!stream.destroyed) stream.setTimeout(this.#idleTimeoutMs);
      return;
    }
    if (this.#over || this.answer.begun) this.#break(constants.NGHTTP2_CANCEL, 'stalled');
    else this.owner?.onClientLost('stalled', 408);
  }

  #break(code: number, reason: 'gone' | 'malformed' | 'stalled'): void {
    this.#lose(reason);
    if (this.answer.begun) {
      breakOff(this.#stream);
      return;
    }
    this.#stream.close(code);
    this.#stream.resume();
  }

  #lose(reason: 'gone' | 'malformed' | 'stalled'): void {
    if (this.#over) return;
    this.#lost = true;
    this.owner?.onClientLost(reason);
  }
}
