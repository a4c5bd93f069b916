// Lines for a file or standard output, written one batch after another. Nobody waits for more than asked: the queue is
// bounded, and what finds no room is told so at once. A file that has grown long is put aside under a number.
import { mkdirSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface LineSink {
  /** Resolves once the line has been handed to the operating system, or can't be: then false. Never rejects. */
  write(line: string): Promise<boolean>;
  /** Queues the line. False: there is no room for it. */
  offer(line: string): boolean;
  /** Resolves when everything queued has been written, or can't be. Nothing is taken afterwards. */
  close(): Promise<void>;
}

export interface LineWriterOptions {
  readonly to: 'stdout' | { readonly file: string };
  /** Called when a write fails, and once more when one works again: then without an error. */
  readonly onTrouble: (error: Error | undefined) => void;
  /** Of the file before it is put aside. Default 64 MiB. */
  readonly rotateBytes?: number;
  /** Files put aside that are kept: FILE.1 is the newest. Default 9. */
  readonly kept?: number;
  /** Lines that wait at most. Default 10,000. */
  readonly mostQueued?: number;
}

const ROTATE_BYTES = 64 * 1024 * 1024;
const KEPT = 9;
const MOST_QUEUED = 10_000;
const MODE = 0o640;

interface Queued {
  readonly line: string;
  readonly done: (written: boolean) => void;
}

/** @throws Error when the file's folder can't be made */
export function startLineWriter(options: LineWriterOptions): LineSink {
  return new LineWriter(
    options,
    options.to === 'stdout' ? new StandardOutput() : new RotatedFile(options.to.file, options),
  );
}

interface Destination {
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

class LineWriter implements LineSink {
  readonly #destination: Destination;
  readonly #onTrouble: LineWriterOptions['onTrouble'];
  readonly #most: number;
  #queue: Queued[] = [];
  #writing: Promise<void> | undefined;
  #inTrouble = false;
  #closed = false;

  constructor({ onTrouble, mostQueued }: LineWriterOptions, destination: Destination) {
    this.#destination = destination;
    this.#onTrouble = onTrouble;
    this.#most = mostQueued ?? MOST_QUEUED;
  }

  write(line: string): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.#take({ line, done: resolve })) resolve(false);
    });
  }

  offer(line: string): boolean {
    return this.#take({ line, done: () => undefined });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    await this.#destination.close();
  }

  #take(queued: Queued): boolean {
    if (this.#closed || this.#queue.length >= this.#most) return false;
    this.#queue.push(queued);
    this.#writing ??= this.#drain();
    return true;
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // lines of the same turn share a write
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      const written = await this.#append(batch.map(({ line }) => `${line}\n`).join(''));
      for (const { done } of batch) done(written);
    }
    this.#writing = undefined;
  }

  async #append(text: string): Promise<boolean> {
    try {
      await this.#destination.append(text);
      if (this.#inTrouble) this.#onTrouble(undefined);
      this.#inTrouble = false;
      return true;
    } catch (error) {
      if (!this.#inTrouble) this.#onTrouble(error as Error);
      this.#inTrouble = true;
      return false;
    }
  }
}

class StandardOutput implements Destination {
  append(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class RotatedFile implements Destination {
  readonly #path: string;
  readonly #rotateBytes: number;
  readonly #kept: number;
  #file: FileHandle | undefined;
  #size = 0;

  constructor(path: string, { rotateBytes, kept }: LineWriterOptions) {
    this.#path = path;
    this.#rotateBytes = rotateBytes ?? ROTATE_BYTES;
    this.#kept = kept ?? KEPT;
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  }

  async append(text: string): Promise<void> {
    try {
      this.#file ??= await this.#open();
      if (this.#size > 0 && this.#size + text.length > this.#rotateBytes) {
        await this.#rotate();
        this.#file = await this.#open();
      }
      await this.#file.appendFile(text);
      this.#size += Buffer.byteLength(text);
    } catch (error) {
      await this.close(); // opened anew for the next line
      throw error;
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }

  async #open(): Promise<FileHandle> {
    const file = await open(this.#path, 'a', MODE);
    this.#size = (await file.stat()).size;
    return file;
  }

  async #rotate(): Promise<void> {
    await this.close();
    for (let number = this.#kept; number >= 1; number -= 1) {
      const from = number === 1 ? this.#path : `${this.#path}.${number - 1}`;
      await rename(from, `${this.#path}.${number}`).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      });
    }
  }
}
