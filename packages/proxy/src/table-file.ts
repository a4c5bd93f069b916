// The last routing table on disk, so that a proxy which restarts while the api is away can serve. It is only ever a
// stand-in: a snapshot of the api's, where one can be had, comes first. It holds the keys of certificates, so nobody else may read it.
import { createHash } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { RoutingUpdate } from '@berth/model/generated/messages.ts';
import { emptyUpdate, type RoutingRecords, snapshotOf } from '@berth/model/routing/records.ts';
import { codec } from '@berth/rpc/codec.ts';

export interface SavedTable {
  readonly update: RoutingUpdate;
  /** Wall time in milliseconds when it was written. */
  readonly savedAt: number;
}

const PAUSE_MS = 200;
/** Records that are encoded at a time; in between requests pass. */
const PART_RECORDS = 200;
/** First line of the file: what it is, and the digest of the rest. */
const HEADER = 'berth routing table 2 sha256 ';
const NEVER = new AbortController().signal;

/** The lists of an update, which make up all of its size. */
type Lists = {
  -readonly [K in keyof RoutingUpdate as RoutingUpdate[K] extends readonly object[] ? K : never]: K;
};

export class TableFile {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #waiting: RoutingRecords | undefined;
  #writing: Promise<void> | undefined;

  constructor(directory: string, clock: Clock, logger: Logger) {
    this.#directory = directory;
    this.#clock = clock;
    this.#logger = logger;
  }

  get path(): string {
    return join(this.#directory, 'routing.table');
  }

  get #previous(): string {
    return `${this.path}.previous`;
  }

  /** The saved table, or the one before it if that can't be read; undefined when there is none of either. */
  async load(): Promise<SavedTable | undefined> {
    for (const path of [this.path, this.#previous]) {
      try {
        const bytes = await readFile(path);
        return { update: decoded(bytes), savedAt: (await stat(path)).mtimeMs };
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code === 'ENOENT') continue;
        this.#logger.error(
          { err, path },
          'the saved routing table can not be read: it is passed over',
        );
      }
    }
    return undefined;
  }

  /** Saves these records soon; of several in a short time only the last. */
  save(records: RoutingRecords): void {
    this.#waiting = records;
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  /** Resolves when everything is on disk. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting !== undefined) {
      const records = this.#waiting;
      this.#waiting = undefined;
      try {
        await this.#write(await encoded(snapshotOf(records)));
      } catch (err) {
        this.#logger.warn({ err, path: this.path }, 'the routing table can not be saved');
      }
      await this.#clock.sleep(PAUSE_MS, NEVER);
    }
  }

  /** The old file stays whole until the new one is, and is kept once more. */
  async #write(parts: readonly Buffer[]): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const fresh = `${this.path}.new`;
    const file = await open(fresh, 'w', 0o600);
    try {
      // It may have been there, from a write that was broken off.
      await chmod(fresh, 0o600);
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(this.path, this.#previous).catch(() => undefined);
    await rename(fresh, this.path);
  }
}

/** Parts one after the other are one message, as protobuf has it: encoded a few records at a time, so that requests pass in between. */
async function encoded(update: RoutingUpdate): Promise<Buffer[]> {
  const wire = codec('RoutingUpdate');
  const parts: Buffer[] = [];
  const rest: Partial<Record<string, unknown>> = { ...update };
  for (const name of Object.keys(update) as (keyof Lists)[]) {
    const list: readonly unknown[] = Array.isArray(update[name]) ? update[name] : [];
    for (let from = 0; from < list.length; from += PART_RECORDS) {
      const some = { [name]: list.slice(from, from + PART_RECORDS) };
      parts.push(wire.encode({ ...emptyUpdate(update.revision, true), ...some }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (Array.isArray(update[name])) rest[name] = [];
  }
  parts.push(wire.encode(rest as unknown as RoutingUpdate));
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return [Buffer.from(`${HEADER}${digest.digest('hex')}\n`), ...parts];
}

/** @throws Error that says what is wrong with it */
function decoded(bytes: Buffer): RoutingUpdate {
  const end = bytes.indexOf(0x0a);
  const header = bytes.subarray(0, Math.max(0, end)).toString('latin1');
  if (!header.startsWith(HEADER)) throw new Error('it is no routing table of this version');
  const body = bytes.subarray(end + 1);
  const digest = createHash('sha256').update(body).digest('hex');
  if (header !== `${HEADER}${digest}`) throw new Error('its content is not what was written');
  return { ...codec('RoutingUpdate').decode(body), snapshot: true };
}
