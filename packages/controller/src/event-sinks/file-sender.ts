// A sink that is a file of this machine: a line for each event, in order. A file that is full takes the place of the one before it, so
// there are two at most. Whoever sends again what was not yet known to be written, as a controller does that begins anew, doubles
// nothing: what the file has already is passed over. A line that was cut off is taken out.
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { messageChain } from '@berth/model/errors.ts';
import type { EventRecord, EventSinkRecord } from '@berth/model/generated/messages.ts';

import { endOfLines, linesBackwards } from './file-tail.ts';
import { NotTaken, type Sender } from './sender.ts';

/** A file of this size becomes NAME.jsonl.1, in place of the one before. */
const FILE_BYTES = 64 << 20;
/** So far back lines are looked for that were written though nobody knows. More is not sent before the cursor is saved. */
const LOOK_BACK_BYTES = 16 << 20;

export interface FileSenderOptions {
  readonly sink: Pick<EventSinkRecord, 'name'>;
  /** Undefined: this machine keeps no files of events. */
  readonly eventDirectory: string | undefined;
  /** Default: 64 MiB. */
  readonly eventFileBytes?: number | undefined;
  /** One line, without its end: a JSON object with the `id` and the `sequence` of the event. */
  readonly textOf: (event: EventRecord) => string;
}

interface OpenFile {
  readonly handle: FileHandle;
  bytes: number;
  /** Ids of lines that it, or the file before, has of the event that was sent first, and of later ones. */
  readonly written: Set<string>;
}

interface Line {
  readonly id?: unknown;
  readonly sequence?: unknown;
}

export class FileSender implements Sender {
  readonly #options: FileSenderOptions;
  #file: OpenFile | undefined;

  constructor(options: FileSenderOptions) {
    this.#options = options;
  }

  /** Events have to come in their order. */
  async send(event: EventRecord): Promise<void> {
    const text = this.#options.textOf(event);
    const line = Buffer.from(`${text}\n`);
    const { eventFileBytes = FILE_BYTES } = this.#options;
    try {
      this.#file ??= await this.#open(event.sequence);
      if (this.#isWritten(text, this.#file)) return;
      if (this.#file.bytes > 0 && this.#file.bytes + line.length > eventFileBytes) {
        await this.#rotate(this.#file);
        this.#file = await this.#open(event.sequence);
      }
      await this.#file.handle.appendFile(line);
      this.#file.bytes += line.length;
    } catch (error) {
      await this.close();
      if (error instanceof NotTaken) throw error;
      throw new NotTaken(`${this.#path()} could not be written: ${messageChain(error)}`);
    }
  }

  #isWritten(text: string, { written }: OpenFile): boolean {
    if (written.size === 0) return false;
    return written.delete(String((JSON.parse(text) as Line).id));
  }

  /** @param sequence of the event that is to be written first */
  async #open(sequence: number): Promise<OpenFile> {
    const path = this.#path();
    const directory = this.#options.eventDirectory ?? '';
    await mkdir(directory, { recursive: true, mode: 0o750 });
    const handle = await open(path, 'a+', 0o640);
    try {
      const bytes = await endOfLines(handle);
      await handle.truncate(bytes);
      if (bytes === 0) await syncDirectory(directory);
      const written = new Set<string>();
      let left = LOOK_BACK_BYTES;
      if (await idsFrom(sequence, handle, left, written)) {
        left -= bytes;
        if (left > 0) await idsBefore(sequence, `${path}.1`, left, written);
      }
      return { handle, bytes, written };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  #path(): string {
    const { eventDirectory, sink } = this.#options;
    if (eventDirectory === undefined) {
      throw new NotTaken(
        'The controller that leads now was started without --event-dir, so it writes no files of events.',
      );
    }
    return join(eventDirectory, `${sink.name}.jsonl`);
  }

  async #rotate({ handle }: OpenFile): Promise<void> {
    await handle.datasync();
    await this.close();
    await rename(this.#path(), `${this.#path()}.1`);
  }

  async flush(): Promise<void> {
    await this.#file?.handle.datasync();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close().catch(() => undefined);
  }
}

/** Of the file before, where there is one. */
async function idsBefore(
  sequence: number,
  path: string,
  mostBytes: number,
  found: Set<string>,
): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    await idsFrom(sequence, handle, mostBytes, found);
  } finally {
    await handle.close();
  }
}

/** The ids of lines of this number or a later one. @returns whether older lines than those of this file may be such too */
async function idsFrom(
  sequence: number,
  handle: FileHandle,
  mostBytes: number,
  found: Set<string>,
): Promise<boolean> {
  for await (const text of linesBackwards(handle, mostBytes)) {
    const { id, sequence: at } = lineOf(text);
    if (at !== undefined && Number(at) < sequence) return false;
    if (typeof id === 'string') found.add(id);
  }
  return true;
}

/** Nothing of what somebody else has written into the file. */
function lineOf(text: string): Line {
  try {
    return (JSON.parse(text) ?? {}) as Line;
  } catch {
    return {};
  }
}

/** So that a new file is found again after the machine has lost its power. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
