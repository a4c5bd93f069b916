// One connection to one target. It carries one exchange at a time, never pipelines, and tells its owner what becomes of
// it; when in doubt it is destroyed rather than used again.
import type { Socket } from 'node:net';

import type { ResponseHead } from './response-head.ts';
import { ResponseParser, type ResponseSink } from './response-parser.ts';

export interface Loss {
  readonly kind: 'closed' | 'malformed' | 'timeout' | 'cut';
  readonly message: string;
  /** Some byte of the response had come. */
  readonly started: boolean;
  /** The connection had carried another exchange before. */
  readonly reused: boolean;
  /** The operating system took no byte of the request: the target can't have seen it. */
  readonly unsent: boolean;
}

/** The exchange that a connection carries. None of its methods is called after the last of the exchange. */
export interface ConnectionOwner {
  onHead(head: ResponseHead): void;
  onBody(chunk: Buffer): void;
  /** Last: the whole response has come; `chunk` is what is left of it. */
  onResponseEnd(chunk: Buffer | undefined): void;
  /** Last: the socket is the owner's now. */
  onUpgrade(head: ResponseHead, socket: Socket, rest: Buffer): void;
  /** There is room for more of the request. */
  onWritable(): void;
  /** Last: there will be no more of the response. */
  onLost(loss: Loss): void;
}

export interface ConnectionHome {
  /** The exchange is over and the connection may carry another. */
  onIdle(connection: UpstreamConnection): void;
  onClosed(connection: UpstreamConnection): void;
}

export class UpstreamConnection implements ResponseSink {
  readonly socket: Socket;
  /** Until when it may be used again after its last exchange, as the target said. */
  keepAliveMs: number | undefined;
  /** Monotonic milliseconds when it became idle. */
  idleSince = 0;
  readonly #home: ConnectionHome;
  readonly #parser = new ResponseParser();
  #owner: ConnectionOwner | undefined;
  #reused = false;
  #requestDone = false;
  #unsent = false;
  #completed = false;
  #lastChunk: Buffer | undefined;
  #keepAlive = false;
  #failure: { kind: Loss['kind']; message: string } | undefined;
  #closed = false;
  readonly #listeners: readonly (readonly [event: string, listener: (chunk: Buffer) => void])[] = [
    ['data', (chunk) => this.#onData(chunk)],
    ['end', () => this.#onEnd()],
    ['drain', () => this.#owner?.onWritable()],
    ['timeout', () => this.fail('timeout', 'nothing came or went for too long')],
  ];

  /** @param socket connected */
  constructor(socket: Socket, home: ConnectionHome, idleTimeoutMs: number) {
    this.socket = socket;
    this.#home = home;
    socket.setTimeout(idleTimeoutMs);
    for (const [event, listener] of this.#listeners) socket.on(event, listener);
    socket.on('error', (error) => (this.#failure ??= { kind: 'closed', message: error.message }));
    socket.on('close', () => this.#onClose());
  }

  get usable(): boolean {
    return !this.#closed && this.#owner === undefined && this.socket.writable;
  }

  /**
   * Sends the head of a request, after which parts of its body may be written.
   * @param bodiless nothing follows the head
   * @returns false when not even that was possible; the owner is told soon that the connection is lost
   */
  send(
    owner: ConnectionOwner,
    method: string,
    head: string,
    bodiless: boolean,
    upgrade: boolean,
  ): boolean {
    this.#owner = owner;
    this.#requestDone = bodiless;
    this.#completed = false;
    this.#parser.begin(method, upgrade);
    this.socket.write(head, 'latin1');
    // A connection that was reset while idle refuses the write itself, at once.
    this.#unsent = this.socket.errored !== null;
    return !this.#unsent;
  }

  /** @returns false when the owner should wait for `onWritable` */
  write(chunk: Buffer | string): boolean {
    return this.socket.write(chunk, 'latin1');
  }

  /** The last byte of the request has been written. */
  endRequest(): void {
    this.#requestDone = true;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Breaks it off; the owner is told. */
  fail(kind: Loss['kind'], message: string): void {
    this.#failure ??= { kind, message };
    this.socket.destroy();
    this.#onClose();
  }

  /** Breaks it off; the owner, who asked for it, is not told. */
  abandon(): void {
    this.#owner = undefined;
    this.socket.destroy();
    this.#onClose();
  }

  onHead(head: ResponseHead): void {
    this.#keepAlive = head.keepAlive;
    this.keepAliveMs = head.keepAliveMs;
    this.#owner?.onHead(head);
  }

  onBody(chunk: Buffer): void {
    this.#owner?.onBody(chunk);
  }

  onComplete(chunk: Buffer | undefined): void {
    this.#completed = true;
    this.#lastChunk = chunk;
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    const owner = this.#owner;
    this.#owner = undefined;
    const { socket } = this;
    for (const [event, listener] of this.#listeners) socket.off(event, listener);
    owner?.onUpgrade(head, socket, rest);
  }

  #onData(chunk: Buffer): void {
    if (this.#owner === undefined) {
      // Nobody asked for anything: the target closes with a message, or it tries to answer the next request.
      this.socket.destroy();
      return;
    }
    const wrong = this.#parser.feed(chunk, this);
    if (wrong !== undefined) this.fail('malformed', wrong);
    else if (this.#completed) this.#complete();
  }

  #onEnd(): void {
    if (this.#owner !== undefined && this.#parser.finish(this)) this.#complete();
    else this.fail('closed', 'the target closed the connection');
  }

  #complete(): void {
    const owner = this.#owner;
    if (owner === undefined) return;
    const chunk = this.#lastChunk;
    this.#owner = undefined;
    this.#completed = false;
    this.#lastChunk = undefined;
    this.#reused = true;
    // A target that has answered early may still read the body as such, or as a request: never use it again.
    const reusable = this.#keepAlive && this.#requestDone && !this.#parser.extra;
    owner.onResponseEnd(chunk);
    if (!reusable || !this.socket.writable) {
      this.socket.destroy();
      return;
    }
    if (this.socket.isPaused()) this.socket.resume();
    this.#home.onIdle(this);
  }

  #onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    const owner = this.#owner;
    this.#owner = undefined;
    this.#home.onClosed(this);
    owner?.onLost({
      kind: this.#failure?.kind ?? 'closed',
      message: this.#failure?.message ?? 'the target closed the connection',
      started: this.#parser.started,
      reused: this.#reused,
      unsent: this.#unsent,
    });
  }
}
