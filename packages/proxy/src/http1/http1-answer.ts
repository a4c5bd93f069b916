// The way of an answer onto a connection of HTTP/1.x: framed anew, small parts in one write. Source: RFC 9112, sections 6 and 7; RFC 9110, section 6.4.1.
import type { AnswerSink, Tunnel } from '../exchange-sides.ts';
import type { ResponseHead } from '../response-head.ts';

import { giveBack, keep } from './read-buffer.ts';
import type { ClientConnection } from './client-connection.ts';
import type { Http1Request } from './http1-request.ts';

/** Parts up to this size are copied into one text with what goes before and after them. */
const SMALL = 8_192;
const LAST_CHUNK = '0\r\n\r\n';

export class Http1Answer implements AnswerSink {
  readonly #connection: ClientConnection;
  readonly #request: Http1Request;
  begun = false;
  sent = 0;
  /** Nothing more can be done with it. */
  over = false;
  #close = false;
  #bodiless = false;
  #chunked = false;
  /** The end of the answer is the end of the connection. */
  #untilClose = false;
  /** Bytes, in latin-1, that go out with what follows. */
  #out = '';

  constructor(connection: ClientConnection, request: Http1Request) {
    this.#connection = connection;
    this.#request = request;
  }

  get full(): boolean {
    return this.#connection.socket.writableNeedDrain;
  }

  /** Clients of HTTP/1.x seldom know what to do with it. */
  informational(): void {
    // Dropped.
  }

  head(status: number, reason: string, lines: string, bodyLength: number, close: boolean): void {
    if (this.over) return;
    const request = this.#request;
    const { head } = request;
    this.begun = true;
    if (!request.complete && request.owner === undefined) this.#connection.skipBody(request);
    this.#bodiless = head.method === 'HEAD' || status === 204 || status === 304;
    let framing = '';
    if (bodyLength >= 0) {
      if (status !== 204) framing = `Content-Length: ${bodyLength}\r\n`;
    } else if (!this.#bodiless) {
      if (head.http10) this.#untilClose = true;
      else {
        this.#chunked = true;
        framing = 'Transfer-Encoding: chunked\r\n';
      }
    }
    this.#close = close || this.#untilClose || !request.complete || this.#connection.mustEnd;
    const connection = this.#close
      ? 'Connection: close\r\n'
      : head.http10
        ? 'Connection: keep-alive\r\n'
        : '';
    this.#out = `HTTP/1.1 ${status} ${reason}\r\n${lines}${framing}${connection}\r\n`;
  }

  body(chunk: Buffer): boolean {
    if (this.over || this.#bodiless) return true;
    this.#part(chunk);
    return !this.full;
  }

  #part(chunk: Buffer): void {
    if (this.#chunked) this.#out += `${chunk.length.toString(16)}\r\n`;
    if (chunk.length <= SMALL) this.#out += chunk.toString('latin1');
    else {
      const { socket } = this.#connection;
      socket.cork();
      this.flush();
      const kept = keep(chunk);
      socket.write(kept, () => giveBack(kept));
      socket.uncork();
      this.sent += chunk.length;
    }
    if (this.#chunked) this.#out += '\r\n';
  }

  flush(): void {
    if (this.#out === '') return;
    this.sent += this.#out.length;
    this.#connection.socket.write(this.#out, 'latin1');
    this.#out = '';
  }

  finish(chunk?: Buffer): void {
    if (this.over) return;
    if (!this.#bodiless) {
      if (chunk !== undefined && chunk.length > 0) this.#part(chunk);
      if (this.#chunked) this.#out += LAST_CHUNK;
    }
    this.flush();
    this.over = true;
    this.#connection.answered(this.#request, this.#close);
  }

  reset(): void {
    if (this.over) return;
    this.over = true;
    const { socket } = this.#connection;
    // A clean end would look like the end of the answer.
    if (this.#untilClose && this.#connection.client.tls === undefined) socket.resetAndDestroy();
    else socket.destroy();
  }

  tunnel(head: ResponseHead): Tunnel {
    const { socket } = this.#connection;
    this.over = true;
    this.begun = true;
    const text = `HTTP/1.1 101 ${head.reason || 'Switching Protocols'}\r\n${head.lines}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    this.sent += text.length;
    const early = this.#connection.release();
    socket.write(text, 'latin1');
    return { socket, early };
  }
}
