// The last routing table on disk, so that a proxy which restarts while the api is away can serve. It is only ever a
// stand-in: a snapshot of the api's, where one can be had, comes first.
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { RoutingUpdate } from '@berth/model/generated/messages.ts';
import { type RoutingRecords, snapshotOf } from '@berth/model/routing/records.ts';
import { complete } from '@berth/rpc/codec.ts';

const PAUSE_MS = 200;

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
    return join(this.#directory, 'routing.json');
  }

  /** The saved table; undefined when there is none, or none that can be read. */
  async load(): Promise<RoutingUpdate | undefined> {
    try {
      const parsed = JSON.parse(await readFile(this.path, 'utf8')) as object;
      return complete('RoutingUpdate', { ...parsed, snapshot: true });
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#logger.warn({ err, path: this.path }, 'the saved routing table can not be read');
      }
      return undefined;
    }
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
        await this.#write(JSON.stringify(snapshotOf(records)));
      } catch (err) {
        this.#logger.warn({ err, path: this.path }, 'the routing table can not be saved');
      }
      await this.#clock.sleep(PAUSE_MS, new AbortController().signal);
    }
  }

  /** The old file stays whole until the new one is. */
  async #write(text: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const file = await open(`${this.path}.new`, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.path}.new`, this.path);
  }
}
