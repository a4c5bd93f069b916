// A connection without an operating system between its ends: what is pushed into it is read from it at once, what is written to it is kept.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export class MemorySocket extends Duplex {
  readonly remoteAddress = '192.0.2.1';
  readonly remotePort = 1;
  timeout = 0;
  readonly written: Buffer[] = [];

  constructor() {
    super({ allowHalfOpen: true, autoDestroy: true });
    this.on('error', () => undefined);
  }

  /** As what the code that it is given to expects. */
  get socket(): Socket {
    return this as unknown as Socket;
  }

  override _read(): void {
    // What comes is pushed.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(Buffer.from(chunk));
    done();
  }

  override _final(done: () => void): void {
    done();
  }

  get text(): string {
    return Buffer.concat(this.written).toString('latin1');
  }

  setTimeout(ms: number): this {
    this.timeout = ms;
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): this {
    return this.destroy();
  }
}
