// Lines out of a container's output, of bounded length whatever the container prints. Splits on bytes, so that
// characters of several bytes stay whole.

const MAX_LINE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

export class LineSplitter {
  #rest: Buffer[] = [];
  #restBytes = 0;

  /** @returns the lines that end in this chunk, without their ends; overlong ones in pieces of 64 KiB */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    while (start < chunk.length) {
      const end = chunk.indexOf(NEWLINE, start);
      const upTo = end < 0 ? chunk.length : end;
      const room = MAX_LINE_BYTES - this.#restBytes;
      if (upTo - start > room) {
        this.#keep(chunk.subarray(start, start + room));
        lines.push(this.#take());
        start += room;
      } else {
        this.#keep(chunk.subarray(start, upTo));
        if (end < 0) break;
        lines.push(this.#take());
        start = end + 1;
      }
    }
    return lines;
  }

  /** @returns what is left without an end */
  end(): string[] {
    return this.#restBytes > 0 ? [this.#take()] : [];
  }

  #keep(piece: Buffer): void {
    this.#rest.push(piece);
    this.#restBytes += piece.length;
  }

  #take(): string {
    const line = Buffer.concat(this.#rest).toString().replace(/\r$/, '');
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }
}
