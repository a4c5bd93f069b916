// The answer to a request that came by HTTP/2. Source: RFC 9113, section 8.1.
import { type ServerHttp2Stream, constants } from 'node:http2';

import type { AnswerSink, Tunnel } from '../exchange-sides.ts';
import { keep } from '../http1/read-buffer.ts';
import { breakOff, fieldsOf, trailerObject } from './fields.ts';

export interface StreamAnswerOptions {
  readonly stream: ServerHttp2Stream;
  readonly method: string;
  /** A gRPC client looks for a status of its own kind. */
  readonly grpc: boolean;
  /** The client takes trailers. */
  readonly trailers: boolean;
  /** All of the request has come. */
  readonly requestComplete: () => boolean;
}

/** The field with which answers of the proxy's own begin. */
const OWN_ANSWER = 'Server: awselb/2.0\r\n';
/** Source: ALB reference, section 4.2. */
const GRPC_UNAVAILABLE = [
  'server',
  'awselb/2.0',
  'content-type',
  'application/grpc',
  'grpc-status',
  '14',
  'grpc-message',
  'unavailable',
];
const NO_TRAILERS = {};

export class StreamAnswer implements AnswerSink {
  begun = false;
  /** Its last byte has been handed over, or it was broken off. */
  over = false;
  /** Bytes of the fields, not compressed, and of the body. */
  sent = 0;
  readonly #options: StreamAnswerOptions;
  readonly #stream: ServerHttp2Stream;
  #bodiless = false;
  /** Of the head, until it is sent. */
  #fields: string[] | undefined;
  #trailers = '';

  constructor(options: StreamAnswerOptions) {
    this.#options = options;
    this.#stream = options.stream;
    options.stream.on('wantTrailers', () => {
      options.stream.sendTrailers(
        this.#trailers === '' ? NO_TRAILERS : trailerObject(this.#trailers),
      );
    });
  }

  get full(): boolean {
    return this.#stream.writableNeedDrain;
  }

  informational(status: number, lines: string): void {
    if (this.over || this.begun || this.#stream.closed) return;
    this.#stream.additionalHeaders({ ':status': status, ...trailerObject(lines) });
  }

  /** `close` means nothing here: what other streams carry is not in doubt. */
  head(status: number, _reason: string, lines: string, bodyLength: number): void {
    this.begun = true;
    if (this.over || this.#stream.closed || this.#stream.destroyed) return;
    const { method, grpc } = this.#options;
    if (grpc && status >= 400 && lines.startsWith(OWN_ANSWER)) {
      // To a gRPC client an answer of the proxy's own is a status without a message.
      this.#bodiless = true;
      this.#fields = [':status', String(status), ...GRPC_UNAVAILABLE];
    } else {
      this.#bodiless = method === 'HEAD' || status === 204 || status === 304 || bodyLength === 0;
      this.#fields = [':status', String(status), ...fieldsOf(lines)];
      if (bodyLength >= 0 && status !== 204) {
        this.#fields.push('content-length', String(bodyLength));
      }
    }
    for (const text of this.#fields) this.sent += text.length;
  }

  /** The head waits for what follows: an answer that ends with it, as those of gRPC that say what went wrong, must end so here. */
  #sendHead(endStream: boolean): void {
    const fields = this.#fields;
    this.#fields = undefined;
    if (fields === undefined || this.#stream.closed || this.#stream.destroyed) return;
    const waitForTrailers = !endStream && this.#options.trailers;
    this.#stream.respond(fields, { endStream, waitForTrailers });
  }

  body(chunk: Buffer): boolean {
    if (this.over || this.#bodiless) return true;
    this.#sendHead(false);
    if (!this.#stream.writable) return true;
    this.sent += chunk.length;
    return this.#stream.write(keep(chunk));
  }

  flush(): void {
    if (!this.over && !this.#bodiless) this.#sendHead(false);
  }

  finish(chunk?: Buffer, trailers = ''): void {
    if (this.over) return;
    this.over = true;
    const stream = this.#stream;
    this.#trailers = trailers;
    const last = this.#bodiless ? undefined : chunk;
    this.#sendHead(last === undefined && trailers === '');
    if (stream.writable) {
      if (last === undefined) stream.end();
      else {
        this.sent += last.length;
        stream.end(keep(last));
      }
    }
    // Nobody wants the rest of the request. Source: RFC 9113, section 8.1.
    if (!this.#options.requestComplete()) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  reset(): void {
    this.over = true;
    breakOff(this.#stream);
  }

  tunnel(): Tunnel {
    throw new Error('there are no tunnels over HTTP/2');
  }
}
