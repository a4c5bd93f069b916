// The answer to a request that came by HTTP/2. Source: RFC 9113, section 8.1.
import { type ServerHttp2Stream, constants } from 'node:http2';

import type { AnswerSink, Tunnel } from '../exchange-sides.ts';
import { fieldsOf, trailerObject } from './fields.ts';

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
const GRPC_UNAVAILABLE = ['grpc-status', '14', 'grpc-message', 'unavailable'];
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
    if (this.over || this.#stream.closed || this.#stream.destroyed) return;
    this.begun = true;
    const { method, grpc, trailers } = this.#options;
    this.#bodiless = method === 'HEAD' || status === 204 || status === 304 || bodyLength === 0;
    const fields = [':status', String(status), ...fieldsOf(lines)];
    if (bodyLength >= 0 && status !== 204) fields.push('content-length', String(bodyLength));
    if (grpc && status >= 400 && lines.startsWith(OWN_ANSWER)) fields.push(...GRPC_UNAVAILABLE);
    for (const text of fields) this.sent += text.length;
    // An empty answer of a gRPC server may still have trailers.
    const endStream = this.#bodiless && !(trailers && grpc);
    this.#stream.respond(fields, { endStream, waitForTrailers: trailers });
  }

  body(chunk: Buffer): boolean {
    if (this.over || this.#bodiless || !this.#stream.writable) return true;
    this.sent += chunk.length;
    return this.#stream.write(chunk);
  }

  /** What is written goes out by itself. */
  flush(): void {
    return;
  }

  finish(chunk?: Buffer, trailers = ''): void {
    if (this.over) return;
    this.over = true;
    const stream = this.#stream;
    this.#trailers = trailers;
    if (stream.writable) {
      if (chunk === undefined || this.#bodiless) stream.end();
      else {
        this.sent += chunk.length;
        stream.end(chunk);
      }
    }
    // Nobody wants the rest of the request. Source: RFC 9113, section 8.1.
    if (!this.#options.requestComplete()) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  reset(): void {
    this.over = true;
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  tunnel(): Tunnel {
    throw new Error('there are no tunnels over HTTP/2');
  }
}
