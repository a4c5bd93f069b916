// One request of HTTP/1.x, towards whoever answers it.
import type { ClientInfo, ClientProtocol, ClientRequest, RequestOwner } from '../exchange-sides.ts';

import type { ChunkSink } from './chunked.ts';
import type { ClientConnection } from './client-connection.ts';
import { Http1Answer } from './http1-answer.ts';
import type { Http1Head } from './request-scanner.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

export class Http1Request implements ClientRequest, ChunkSink {
  readonly head: Http1Head;
  readonly startedAt: number;
  readonly headMs: number;
  readonly answer: Http1Answer;
  readonly #connection: ClientConnection;
  owner: RequestOwner | undefined;
  complete = false;
  received: number;
  #continued = false;

  /** @param received bytes of its head */
  constructor(
    connection: ClientConnection,
    head: Http1Head,
    received: number,
    startedAt: number,
    headMs: number,
  ) {
    this.#connection = connection;
    this.head = head;
    this.received = received;
    this.startedAt = startedAt;
    this.headMs = headMs;
    this.answer = new Http1Answer(connection, this);
  }

  get protocol(): ClientProtocol {
    return this.head.http10 ? 'http/1.0' : 'http/1.1';
  }

  get client(): ClientInfo {
    return this.#connection.client;
  }

  get upgrade(): boolean {
    return this.head.upgrade;
  }

  get sent(): number {
    return this.answer.sent;
  }

  resumeBody(): void {
    if (this.answer.over) return;
    if (this.head.expectsContinue && !this.#continued && !this.answer.begun) {
      this.#continued = true;
      this.answer.sent += CONTINUE.length;
      this.#connection.socket.write(CONTINUE, 'latin1');
    }
    this.#connection.resumeBody();
  }

  pauseBody(): void {
    if (!this.answer.over) this.#connection.pauseBody();
  }

  /** Of the body, from the connection. */
  onBody(chunk: Buffer): void {
    if (!this.answer.over) this.owner?.onRequestBody(chunk);
  }

  onBodyEnd(): void {
    if (!this.answer.over) this.owner?.onRequestEnd('');
  }

  /** There is room for more of the answer. */
  writable(): void {
    if (!this.answer.over) this.owner?.onClientWritable();
  }

  /** The connection is gone (no `status`), or the rest of the request is of no use. */
  lost(reason: 'gone' | 'malformed' | 'stalled', status: number | undefined): void {
    if (this.answer.over) return;
    if (status === undefined) this.answer.over = true;
    const { owner } = this;
    this.owner = undefined;
    owner?.onClientLost(reason, status);
  }
}
