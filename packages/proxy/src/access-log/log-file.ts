// Lines on their way to a file or to standard output. Whoever writes never waits: lines wait in a bounded buffer, and what does not fit is counted and dropped.
// Several processes may append to one file; whichever finds it too large or too old renames it, and the others notice.
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { write as writeFd } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';

export interface LogFileOptions {
  /** A file, or `stdout`. */
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A file of this size, or this old, is renamed and a new one begun. */
  readonly rotateBytes?: number;
  readonly rotateMs?: number;
  /** How many renamed files are kept. */
  readonly keep?: number;
  /** What may wait. */
  readonly bufferBytes?: number;
}

const DEFAULTS = {
  rotateBytes: 100 << 20,
  rotateMs: 24 * 60 * 60_000,
  keep: 10,
  bufferBytes: 8 << 20,
};
const FLUSH_MS = 100;
/** Written at once. What goes to a pipe in pieces of this size is not mixed with the lines of others (POSIX, PIPE_BUF). */
const PIPE_CHUNK = 4_096;
const FILE_CHUNK = 64 << 10;
/** Empty chunks that are kept: new ones would be memory for the collector to look after. */
const SPARE_CHUNKS = 16;
/** Bytes of UTF-8 for a unit of a text. */
const WIDEST_CHARACTER = 3;
const LINE_END = 0x0a;
const STDOUT = 1;
const FULL_MS = 20;
const CLOSE_MS = 2_000;
const NEVER = new AbortController().signal;

/** Whole lines. */
interface Chunk {
  readonly bytes: Buffer;
  length: number;
  lines: number;
}

export class LogFile {
  readonly #options: LogFileOptions & typeof DEFAULTS;
  /** What waits, as bytes: texts would be copied again and again by the collector. Only the last may take more. */
  #chunks: Chunk[] = [];
  #bytes = 0;
  readonly #spare: Buffer[] = [];
  #due = false;
  #busy = false;
  #writing: Promise<void> = Promise.resolve();
  #file: FileHandle | undefined;
  #inode = 0;
  #troubled = false;
  #dropped = 0;
  #written = 0;

  constructor(options: LogFileOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Lines that found no room, or could not be written. */
  get dropped(): number {
    return this.#dropped;
  }

  get written(): number {
    return this.#written;
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.#bytes;
  }

  /** @param line without its line end. @returns false when it was dropped */
  write(line: string): boolean {
    const size = line.length + 1;
    if (this.#bytes + size > this.#options.bufferBytes) {
      this.#dropped += 1;
      return false;
    }
    const last = this.#chunks.at(-1);
    if (last === undefined || !append(last, line)) {
      const chunk = { bytes: this.#bufferFor(line), length: 0, lines: 0 };
      append(chunk, line);
      this.#chunks.push(chunk);
      // A burst at the end of the time would hold up the data path.
      if (last !== undefined && !this.#busy) void this.#flush(false);
    }
    this.#bytes += size;
    if (!this.#due) {
      this.#due = true;
      setTimeout(() => {
        this.#due = false;
        void this.flush();
      }, FLUSH_MS).unref();
    }
    return true;
  }

  #bufferFor(line: string): Buffer {
    const size = Math.max(this.#chunkSize, WIDEST_CHARACTER * line.length + 1);
    const spare = size === this.#chunkSize ? this.#spare.pop() : undefined;
    return spare ?? Buffer.allocUnsafeSlow(size);
  }

  get #chunkSize(): number {
    return this.#options.path === 'stdout' ? PIPE_CHUNK : FILE_CHUNK;
  }

  /** Resolves when what was written so far is with the system, or lost. */
  flush(): Promise<void> {
    return this.#flush(true);
  }

  /** @param look whether the file is still ours to write: asked in time, but not for each of the chunks of a busy proxy */
  #flush(look: boolean): Promise<void> {
    this.#busy = true;
    this.#writing = this.#writing.then(() => this.#writeAll(look));
    return this.#writing;
  }

  async #writeAll(look: boolean): Promise<void> {
    if (this.#chunks.length === 0) {
      this.#busy = false;
      return;
    }
    const chunks = this.#chunks;
    this.#chunks = [];
    const bytes = this.#bytes;
    let lost = chunks.reduce((sum, { lines }) => sum + lines, 0);
    try {
      const fd = await this.#ready(look);
      for (const chunk of chunks) {
        await writeWhole(fd, chunk.bytes.subarray(0, chunk.length), this.#options.clock);
        this.#written += chunk.lines;
        lost -= chunk.lines;
        this.#keep(chunk.bytes);
      }
      this.#troubled = false;
    } catch (err) {
      this.#dropped += lost;
      await this.#close();
      const { path, logger } = this.#options;
      if (!this.#troubled) logger.error({ err, path }, 'the access log can not be written');
      this.#troubled = true;
    } finally {
      this.#bytes -= bytes;
      this.#busy = false;
    }
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === this.#chunkSize && this.#spare.length < SPARE_CHUNKS) {
      this.#spare.push(bytes);
    }
  }

  async #ready(look: boolean): Promise<number> {
    const { path } = this.#options;
    if (path === 'stdout') return STDOUT;
    if (look) await this.#lookAt(path);
    if (this.#file === undefined) {
      await mkdir(dirname(path), { recursive: true });
      this.#file = await open(path, 'a', 0o640);
      this.#inode = (await this.#file.stat()).ino;
    }
    return this.#file.fd;
  }

  /** Lets go of a file that another process has renamed, and renames it when it is due. */
  async #lookAt(path: string): Promise<void> {
    const { rotateBytes, rotateMs, clock } = this.#options;
    const found = await stat(path).catch(() => undefined);
    if (found === undefined || found.ino !== this.#inode) await this.#close();
    if (found === undefined || found.size === 0) return;
    const now = clock.now();
    if (found.size < rotateBytes && now - found.birthtimeMs < rotateMs) return;
    await this.#close();
    const stamp = new Date(now).toISOString().replace(/[-:]/g, '').replace('.', '');
    await rename(path, `${path}.${stamp}-${process.pid}`).catch(() => undefined);
    await this.#forgetOld(path);
  }

  async #forgetOld(path: string): Promise<void> {
    const prefix = `${basename(path)}.`;
    const old = (await readdir(dirname(path))).filter((name) => name.startsWith(prefix)).sort();
    for (const name of old.slice(0, Math.max(0, old.length - this.#options.keep))) {
      await unlink(join(dirname(path), name)).catch(() => undefined);
    }
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#inode = 0;
    await file?.close().catch(() => undefined);
  }

  /** Gives what waits a moment to be written: nobody need read from standard output any more. */
  async close(): Promise<void> {
    const waited = new AbortController();
    const late = this.#options.clock.sleep(CLOSE_MS, waited.signal).catch(() => undefined);
    await Promise.race([this.flush(), late]);
    waited.abort();
    await this.#close();
  }
}

/** @returns false when it does not fit */
function append(chunk: Chunk, line: string): boolean {
  const { bytes } = chunk;
  if (chunk.length + WIDEST_CHARACTER * line.length + 1 > bytes.length) return false;
  chunk.length += bytes.write(line, chunk.length, 'utf8');
  bytes[chunk.length] = LINE_END;
  chunk.length += 1;
  chunk.lines += 1;
  return true;
}

/** Not through a stream: those of pipes write synchronously, and a reader that stands still would hold up the data path. */
async function writeWhole(fd: number, bytes: Buffer, clock: Clock): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    try {
      done += await new Promise<number>((resolve, reject) => {
        writeFd(fd, bytes, done, bytes.length - done, undefined, (error, count) => {
          if (error === null) resolve(count);
          else reject(error);
        });
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await clock.sleep(FULL_MS, NEVER);
    }
  }
}
