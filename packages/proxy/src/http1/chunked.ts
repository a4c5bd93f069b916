// Takes the chunked coding off a body, strictly: sizes are bare hexadecimal digits, extensions are checked and thrown away, each line and each chunk's data
// end with CR LF and nothing else. Source: RFC 9112, section 7.1; ALB reference, section 6, cases 28-37.
import { HeaderCursor } from './header-cursor.ts';

export interface ChunkSink {
  /** A part of the payload, of at least one byte. */
  onBody(chunk: Buffer): void;
}

const SIZE_DIGITS = 16;
const LINE_LIMIT = 256 + SIZE_DIGITS;
const EXTENSIONS_LIMIT = 16_384;
const TRAILER_LIMIT = 16_384;
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const QUOTED = '"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t -~\\x80-\\xff])*"';
const SIZE_LINE = new RegExp(
  `^([0-9a-fA-F]{1,${SIZE_DIGITS}})((?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*)$`,
);
/** What belongs to the framing or to the connection is no trailer; some parsers would heed it even here. */
const FRAMING =
  /^(?:content-length|transfer-encoding|host|connection|proxy-connection|keep-alive|upgrade|te|trailer|expect)$/i;
const CR = 0x0d;
const LF = 0x0a;

const cursor = new HeaderCursor();

type State = 'size' | 'data' | 'data-end' | 'trailers' | 'done';

export class ChunkedDecoder {
  #state: State = 'done';
  /** A line that is not complete yet. */
  #line = '';
  #left = 0;
  #extensions = 0;
  #trailers = '';
  /** What is wrong with the body, once `feed` has returned -1. */
  problem = '';

  begin(): void {
    this.#state = 'size';
    this.#line = '';
    this.#extensions = 0;
    this.#trailers = '';
  }

  /** The last chunk and the trailers have come. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /** The trailers' lines; complete once it is done. */
  get trailers(): string {
    return this.#trailers;
  }

  /** @returns where it stopped reading in `bytes`, which is the end of it or of the body; -1: see `problem` */
  feed(bytes: Buffer, from: number, sink: ChunkSink): number {
    let at = from;
    while (at < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#state = 'data-end';
        sink.onBody(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
        at = end;
      } else {
        at = this.#readLine(bytes, at);
        if (at < 0) return -1;
      }
    }
    return at;
  }

  #readLine(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(LF, from);
    const stop = end < 0 ? bytes.length : end + 1;
    const limit = this.#state === 'trailers' ? TRAILER_LIMIT : LINE_LIMIT;
    if (this.#line.length + stop - from > limit + 2) return this.#fail('a line is too long');
    const part = bytes.toString('latin1', from, stop);
    const line = this.#line === '' ? part : this.#line + part;
    if (end < 0) {
      // Bytes that can't become right must not wait for more.
      const breaks = line.indexOf('\r');
      if (breaks >= 0 && breaks < line.length - 1) return this.#fail('a bare CR');
      if (this.#state === 'data-end' && line !== '\r') return this.#fail('data after a chunk');
      this.#line = line;
      return stop;
    }
    this.#line = '';
    if (line.charCodeAt(line.length - 2) !== CR) return this.#fail('a bare LF');
    return this.#take(line) ? stop : -1;
  }

  #take(line: string): boolean {
    if (this.#state === 'data-end') {
      this.#state = 'size';
      return line === '\r\n' || this.#fail('data after a chunk') > 0;
    }
    if (this.#state === 'trailers') return this.#takeTrailer(line);
    const found = SIZE_LINE.exec(line.slice(0, -2));
    if (found === null) return this.#fail('a malformed chunk size') > 0;
    this.#left = Number.parseInt(found[1] as string, 16);
    if (!Number.isSafeInteger(this.#left)) return this.#fail('a chunk size too large') > 0;
    this.#extensions += (found[2] as string).length;
    if (this.#extensions > EXTENSIONS_LIMIT) return this.#fail('too many chunk extensions') > 0;
    this.#state = this.#left === 0 ? 'trailers' : 'data';
    return true;
  }

  #takeTrailer(line: string): boolean {
    if (line === '\r\n') {
      this.#state = 'done';
      return true;
    }
    if (this.#trailers.length + line.length > TRAILER_LIMIT) {
      return this.#fail('trailers too long') > 0;
    }
    if (!cursor.read(line, 0) || cursor.next !== line.length) {
      return this.#fail('a malformed trailer') > 0;
    }
    const name = line.slice(0, cursor.nameEnd);
    if (FRAMING.test(name)) return this.#fail('a trailer that frames the body') > 0;
    this.#trailers += `${name}: ${line.slice(cursor.valueStart, cursor.valueEnd)}\r\n`;
    return true;
  }

  #fail(problem: string): -1 {
    this.problem = problem;
    return -1;
  }
}
