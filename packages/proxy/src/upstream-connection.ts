// One connection of HTTP/1.1 to one target. It carries one exchange at a time, never pipelines, and tells its owner what becomes of
// it; when in doubt it is destroyed rather than used again.
import type { Socket } from 'node:net';

import type { Loss, OutgoingRequest, Upstream, UpstreamOwner } from './exchange-sides.ts';
import { READ_BUFFER } from './http1/read-buffer.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseParser, type ResponseSink } from './response-parser.ts';

export interface ConnectionHome {
  /** Monotonic milliseconds of its last look at its connections: as near to now as these need to know. */
  readonly now: number;
  /** The exchange is over and the connection may carry another. */
  onIdle(connection: UpstreamConnection): void;
  onClosed(connection: UpstreamConnection): void;
}

export class UpstreamConnection implements Upstream, ResponseSink {
  readonly socket: Socket;
  /** Until when it may be used again after its last exchange, as the target said. */
  keepAliveMs: number | undefined;
  /** Monotonic milliseconds when it became idle. */
  idleSince = 0;
  readonly #home: ConnectionHome;
  readonly #parser = new ResponseParser();
  #owner: UpstreamOwner | undefined;
  #reused = false;
  #requestDone = false;
  #chunked = false;
  #unsent = false;
  #completed = false;
  #lastChunk: Buffer | undefined;
  #trailers = '';
  #keepAlive = false;
  #retired = false;
  #failure: { kind: Loss['kind']; message: string } | undefined;
  #closed = false;
  /** When something last came or went, by the clock of its home. */
  #activeAt = 0;
  #idleTimeoutMs = 0;
  readonly #onReadable = (chunk: Buffer): void => this.#onData(chunk);
  readonly #onFin = (): void => this.#onEnd();
  readonly #onDrain = (): void => {
    this.#activeAt = this.#home.now;
    this.#owner?.onWritable();
  };
  readonly #onTimeout = (): void => this.fail('timeout', 'nothing came or went for too long');

  /** @param socket connected */
  constructor(socket: Socket, home: ConnectionHome) {
    this.socket = socket;
    this.#home = home;
    socket.on('data', this.#onReadable);
    socket.on('end', this.#onFin);
    socket.on('drain', this.#onDrain);
    socket.on('timeout', this.#onTimeout);
    socket.on('error', (error) => (this.#failure ??= { kind: 'closed', message: error.message }));
    socket.on('close', () => this.#onClose());
  }

  get usable(): boolean {
    return !this.#closed && this.#owner === undefined && this.socket.writable;
  }

  get reused(): boolean {
    return this.#reused;
  }

  get full(): boolean {
    return this.socket.writableNeedDrain;
  }

  send(owner: UpstreamOwner, request: OutgoingRequest): boolean {
    const { method, target, authority, lines, bodyLength, upgrade } = request;
    this.#owner = owner;
    this.#chunked = bodyLength < 0;
    this.#requestDone = bodyLength === 0;
    this.#completed = false;
    this.#activeAt = this.#home.now;
    this.#idleTimeoutMs = request.idleTimeoutMs;
    this.#parser.begin(method, upgrade);
    const framing =
      bodyLength > 0 || (bodyLength === 0 && expectsLength(method))
        ? `Content-Length: ${bodyLength}\r\n`
        : bodyLength < 0
          ? 'Transfer-Encoding: chunked\r\n'
          : '';
    const switching = upgrade ? 'Connection: Upgrade\r\nUpgrade: websocket\r\n' : '';
    this.socket.write(
      `${method} ${target} HTTP/1.1\r\nHost: ${authority}\r\n${lines}${framing}${switching}\r\n`,
      'latin1',
    );
    // A connection that was reset while idle refuses the write itself, at once.
    this.#unsent = this.socket.errored !== null;
    return !this.#unsent;
  }

  write(chunk: Buffer): boolean {
    const { socket } = this;
    this.#activeAt = this.#home.now;
    if (!this.#chunked) return socket.write(chunk);
    socket.cork();
    socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    socket.write(chunk);
    const room = socket.write('\r\n', 'latin1');
    socket.uncork();
    return room;
  }

  end(): void {
    if (this.#chunked) this.socket.write('0\r\n\r\n', 'latin1');
    this.#requestDone = true;
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.#activeAt = this.#home.now;
    this.socket.resume();
  }

  retire(): void {
    this.#retired = true;
  }

  /** Breaks it off; the owner is told. */
  fail(kind: Loss['kind'], message: string): void {
    this.#failure ??= { kind, message };
    this.socket.destroy();
    this.#onClose();
  }

  abandon(): void {
    this.#owner = undefined;
    this.socket.destroy();
    this.#onClose();
  }

  /** Gives up a target that has been silent for too long; to be called now and then. */
  look(now: number): void {
    if (this.#owner === undefined || now - this.#activeAt < this.#idleTimeoutMs) return;
    // Of what the system has not taken yet only the socket itself knows whether it moves.
    if (this.socket.writableLength === 0) this.#onTimeout();
    else if (this.socket.timeout !== this.#idleTimeoutMs) {
      this.socket.setTimeout(this.#idleTimeoutMs);
    }
  }

  onInformational(head: ResponseHead): void {
    this.#owner?.onInformational(head.status, head.lines);
  }

  onHead(head: ResponseHead): void {
    this.#keepAlive = head.keepAlive;
    this.keepAliveMs = head.keepAliveMs;
    this.#owner?.onHead(head);
  }

  onBody(chunk: Buffer): void {
    this.#owner?.onBody(chunk);
  }

  onComplete(chunk: Buffer | undefined, trailers: string): void {
    this.#completed = true;
    this.#lastChunk = chunk;
    this.#trailers = trailers;
  }

  onUpgrade(head: ResponseHead, rest: Buffer): void {
    const owner = this.#owner;
    this.#owner = undefined;
    const { socket } = this;
    socket
      .off('data', this.#onReadable)
      .off('end', this.#onFin)
      .off('drain', this.#onDrain)
      .off('timeout', this.#onTimeout);
    owner?.onUpgrade(head, socket, rest);
  }

  /** So many bytes have been read into `READ_BUFFER`. */
  onRead(length: number): void {
    this.#onData(length === READ_BUFFER.length ? READ_BUFFER : READ_BUFFER.subarray(0, length));
  }

  #onData(chunk: Buffer): void {
    if (this.#owner === undefined) {
      // Nobody asked for anything: the target closes with a message, or it tries to answer the next request.
      this.socket.destroy();
      return;
    }
    this.#activeAt = this.#home.now;
    const wrong = this.#parser.feed(chunk, this);
    if (wrong !== undefined) this.fail('malformed', wrong);
    else if (this.#completed) this.#complete();
    else this.#owner?.onPause();
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
    const reusable = this.#keepAlive && this.#requestDone && !this.#parser.extra && !this.#retired;
    // It is back in its pool before its owner answers, since the client may send its next request at once.
    if (reusable && this.socket.writable) {
      if (this.socket.isPaused()) this.socket.resume();
      this.#home.onIdle(this);
    } else this.socket.destroy();
    owner.onResponseEnd(chunk, this.#trailers);
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

/** A request of these methods says that its body is empty. Source: RFC 9110, section 8.6. */
function expectsLength(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}
