// One connection of a client: its requests in their turn (it may send the next before the last is answered), and what is done when it
// ends, stalls or sends what can't be parsed. Source: dependency pitfalls H1, H3, H15; RFC 9112, section 9.3.2.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { Clock } from '@berth/control/clock.ts';

import { answerText, page } from './answers.ts';
import type { Exchange } from './forward.ts';

/** A request whose head has come. */
export interface Turn {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly begin: () => void;
}

/** Requests that may wait for their turn. The answer to the last of them ends the connection when more come. */
const PIPELINED = 100;

export class ClientConnection {
  readonly socket: Socket;
  /** The peer's address; an IPv4 address in its own form. */
  readonly address: string;
  readonly #waiting: Turn[] = [];
  /** What is being answered, until its answer has been handed to the operating system. */
  #answering: ServerResponse | undefined;
  #exchange: Exchange | undefined;
  #ending = false;
  /** The status to end with, once what came before is answered. */
  #refusal: number | undefined;

  constructor(socket: Socket, halfCloseGraceMs: number, clock: Clock) {
    this.socket = socket;
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    socket.on('error', () => undefined);
    socket.once('close', () => this.#abandon());
    socket.once('end', () => void this.#halfClosed(halfCloseGraceMs, clock));
  }

  /** Most clients that close their side are gone; some only say that they have sent everything. */
  async #halfClosed(graceMs: number, clock: Clock): Promise<void> {
    if (this.#exchange === undefined) return;
    const closed = new AbortController();
    this.socket.once('close', () => closed.abort());
    await clock.sleep(graceMs, closed.signal).catch(() => undefined);
    const now = this.#exchange;
    if (now !== undefined && !now.answering) this.#abandon();
    if (this.#exchange === undefined && this.#waiting.length === 0) this.socket.destroySoon();
  }

  /** Nobody waits for answers any more. */
  #abandon(): void {
    this.#waiting.length = 0;
    this.#exchange?.abandon('client_gone');
  }

  /**
   * Begins with a request as soon as those before it are answered: the order is the client's, and what is not safe must
   * not run side by side.
   * @returns false when nothing more is read from this client
   */
  inTurn(turn: Turn): boolean {
    if (this.#ending) return false;
    const last = this.#waiting.at(-1);
    if (this.#answering === undefined) this.#take(turn);
    else if (this.#waiting.length < PIPELINED) this.#waiting.push(turn);
    else if (last !== undefined) {
      this.#ending = true;
      last.response.shouldKeepAlive = false;
      return false;
    }
    return true;
  }

  #take(turn: Turn): void {
    this.#answering = turn.response;
    turn.response.once('close', () => this.#next());
    turn.begin();
  }

  #next(): void {
    this.#answering = undefined;
    // Node ends the writable side as soon as the answer that says so has gone out.
    if (!this.socket.writable) return;
    const turn = this.#waiting.shift();
    if (turn !== undefined) this.#take(turn);
    else if (this.#refusal !== undefined) this.#say(this.#refusal);
  }

  /** Node's HTTP server has let go of the socket: nobody else tells an answer that there is room for more of it. */
  takeOver(): void {
    this.socket.on('drain', () => void this.#answering?.emit('drain'));
  }

  add(exchange: Exchange): void {
    this.#exchange = exchange;
  }

  remove(exchange: Exchange): void {
    if (this.#exchange === exchange) this.#exchange = undefined;
  }

  /** The answer that is being given is the last: nothing that follows is taken for a request. */
  endAfterAnswer(): void {
    this.#ending = true;
    this.#waiting.length = 0;
  }

  /** What came last is no HTTP, or nothing that is served. Requests before it are still answered, then the connection ends. */
  refuse(status: number): void {
    if (this.#ending) return;
    this.#ending = true;
    const cutShort = this.#waiting.at(-1)?.message.complete === false;
    if (cutShort) this.#waiting.pop();
    if (cutShort || this.#waiting.length > 0) this.#refusal = status;
    else if (this.#exchange?.requestComplete === false) this.#exchange.refuse(status);
    else if (this.#answering !== undefined) this.#refusal = status;
    else this.#say(status);
  }

  /** Nothing has passed for too long. */
  stalled(): void {
    if (this.#exchange === undefined || this.socket.writableLength > 0) this.socket.destroy();
    else if (!this.#exchange.requestComplete) this.refuse(408);
    // Else the target is what everybody waits for, and its own time is running.
  }

  #say(status: number): void {
    if (this.socket.writable) this.socket.write(answerText(page(status)));
    this.socket.destroySoon();
  }
}
