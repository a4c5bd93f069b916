// One connection of a client: the exchanges that it carries (more than one when it pipelines), and what is done when it ends, stalls
// or sends what can't be parsed. Source: dependency pitfalls H1, H3, H15.
import type { Socket } from 'node:net';

import type { Clock } from '@berth/control/clock.ts';

import { answerText, page } from './answers.ts';
import type { Exchange } from './forward.ts';

export class ClientConnection {
  readonly socket: Socket;
  /** The peer's address; an IPv4 address in its own form. */
  readonly address: string;
  readonly #exchanges: Exchange[] = [];
  #refused = false;

  constructor(socket: Socket, halfCloseGraceMs: number, clock: Clock) {
    this.socket = socket;
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    socket.on('error', () => undefined);
    socket.once('close', () => {
      for (const exchange of [...this.#exchanges]) exchange.abandon('client_gone');
    });
    socket.once('end', () => void this.#halfClosed(halfCloseGraceMs, clock));
  }

  /** Most clients that close their side are gone; some only say that they have sent everything. */
  async #halfClosed(graceMs: number, clock: Clock): Promise<void> {
    if (this.idle) return;
    const closed = new AbortController();
    this.socket.once('close', () => closed.abort());
    await clock.sleep(graceMs, closed.signal).catch(() => undefined);
    for (const exchange of [...this.#exchanges]) {
      if (!exchange.answering) exchange.abandon('client_gone');
    }
    if (this.idle) this.socket.destroySoon();
  }

  get idle(): boolean {
    return this.#exchanges.length === 0;
  }

  add(exchange: Exchange): void {
    this.#exchanges.push(exchange);
  }

  remove(exchange: Exchange): void {
    const index = this.#exchanges.indexOf(exchange);
    if (index >= 0) this.#exchanges.splice(index, 1);
  }

  /** The answer that is being given is the last: nothing that follows is read as a request. */
  endAfterAnswer(): void {
    this.#refused = true;
  }

  get ending(): boolean {
    return this.#refused;
  }

  /** What came last is no HTTP. Requests before it are still answered, then the connection ends. */
  refuse(status: number): void {
    if (this.#refused) return;
    this.#refused = true;
    const last = this.#exchanges.at(-1);
    if (last === undefined) this.#say(status);
    else if (last.requestComplete) last.whenAnswered(() => this.#say(status));
    else last.refuse(status);
  }

  /** Nothing has passed for too long. */
  stalled(): void {
    const last = this.#exchanges.at(-1);
    if (last === undefined || this.socket.writableLength > 0) this.socket.destroy();
    else if (!last.requestComplete) this.refuse(408);
    // Else the target is what everybody waits for, and its own time is running.
  }

  #say(status: number): void {
    if (this.socket.writable) this.socket.write(answerText(page(status)));
    this.socket.destroySoon();
  }
}
