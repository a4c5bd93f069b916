// Records that are true only as long as this replica lives: sessions and target health. What should stand
// in the store is kept in memory; a reconciler makes it so, again after a lost lease or a record that vanished.
import { Reconciler, type Verdict } from '@berth/control/reconciler.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import { keyOf, type Collection } from '@berth/store/keys.ts';
import { putRecord } from '@berth/store/record.ts';
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import type { ChangeBatch, StateCache } from '@berth/store/state.ts';
import type { Guard, Put, Store } from '@berth/store/store.ts';

import type { ReplicaLease } from './replica-lease.ts';

export interface LeasedRecordsOptions {
  readonly store: Store;
  readonly cache: StateCache;
  readonly lease: ReplicaLease;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How a record is written. */
export interface Terms {
  /**
   * What must hold, asked before each write; again, on a newer view, when it did not hold. Undefined: the record is not to
   * stand any longer.
   * @throws BerthError Unavailable to be asked again soon: what the record depends on is not there yet
   */
  guards(): readonly Guard[] | undefined;
}

export interface Written {
  readonly modRevision: number;
}

interface Entry {
  readonly value: object;
  readonly terms: Terms;
  put(lease: string): Put;
}

interface Standing extends Written {
  readonly lease: string;
  readonly value: object;
}

const WORKERS = 64;
/** After an outage thousands of records wait to be written; the store groups them. */
const RETRIES = { perSecond: 500, burst: 1_000 };
/** When terms that could not be told are asked for again. */
const SOON_MS = 100;
/** How often a write is repeated at once on a newer view. */
const MOST_TRIES = 3;
/** Values that are remembered of unanswered writes under one key, besides the last. */
const MOST_ATTEMPTS = 8;

export class LeasedRecords {
  readonly #options: LeasedRecordsOptions;
  readonly #wanted = new Map<string, Entry>();
  readonly #written = new Map<string, Standing>();
  /** What was sent under a key since the last answer: it may stand there. */
  readonly #uncertain = new Map<string, readonly Buffer[]>();
  readonly #reconciler: Reconciler;

  constructor(options: LeasedRecordsOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    this.#reconciler = new Reconciler({
      name: 'leased-records',
      workers: WORKERS,
      reconcile: (key, signal) => this.#reconcile(key, signal),
      resyncMs: 0,
      keys: () => this.#wanted.keys(),
      clock,
      random,
      logger,
      backoff: { initialMs: 50, maxMs: 3_000 },
      retries: RETRIES,
    });
    options.lease.onRenewed(() => this.#all());
  }

  /** Records that are to be in the store. */
  get size(): number {
    return this.#wanted.size;
  }

  /** From now on this record is to stand in the store. */
  set<N extends MessageName>(
    of: Collection<N>,
    parts: readonly string[],
    value: MessageTypes[N],
    terms: Terms,
  ): void {
    const key = keyOf(of, ...parts);
    this.#wanted.set(key, { value, terms, put: (lease) => putRecord(of, parts, value, lease) });
    this.#reconciler.add(key);
  }

  /**
   * A record that the caller has just written by itself under `lease`, in a transaction with others.
   * @returns false when a later one was faster, which then stays
   */
  adopt<N extends MessageName>(
    of: Collection<N>,
    parts: readonly string[],
    value: MessageTypes[N],
    terms: Terms,
    standing: Written & { readonly lease: string },
  ): boolean {
    const key = keyOf(of, ...parts);
    if ((this.#written.get(key)?.modRevision ?? 0) > standing.modRevision) return false;
    this.#written.set(key, { ...standing, value });
    this.set(of, parts, value, terms);
    return true;
  }

  /** A write by the caller that went unanswered: if it has happened, and is not wanted any more, it is undone. */
  disown({ key, value }: Put): void {
    this.#note(key, value);
    this.#reconciler.add(key);
  }

  /** What of it stands in the store, as far as known. */
  written(key: string): Written | undefined {
    return this.#written.get(key);
  }

  /**
   * The record is no longer to stand; it is deleted unless another has written it since.
   * @param value only if it is still this one that is wanted
   */
  remove(key: string, value?: object): void {
    const wanted = this.#wanted.get(key)?.value;
    if (wanted === undefined || (value !== undefined && wanted !== value)) return;
    this.#wanted.delete(key);
    this.#reconciler.add(key);
  }

  /** To be called for each batch of the cache: a record of ours that somebody deleted is written again. */
  observe(batch: ChangeBatch): void {
    for (const { before, after } of batch.changes) {
      if (after || !before || !this.#wanted.has(before.key)) continue;
      const standing = this.#written.get(before.key);
      if (standing && standing.modRevision >= batch.revision) continue; // written again since
      this.#written.delete(before.key);
      this.#reconciler.add(before.key);
    }
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#reconciler.run(signal);
  }

  /** Also those that are no longer wanted: they could not be deleted without a lease. */
  #all(): void {
    for (const keys of [this.#wanted, this.#written, this.#uncertain]) {
      for (const key of keys.keys()) this.#reconciler.add(key);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<Verdict> {
    const { lease } = this.#options;
    if (!lease.held) return {}; // the next one brings all of them up again
    const entry = this.#wanted.get(key);
    const standing = this.#written.get(key);
    if (!entry) await this.#delete(key, standing, signal);
    else if (standing?.lease !== lease.id || standing.value !== entry.value) {
      return this.#write(key, entry, signal);
    }
    return {};
  }

  async #delete(key: string, standing: Standing | undefined, signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    const modRevision = await this.#ownRevision(key, standing, signal);
    if (modRevision !== undefined) {
      await store.commit({ guards: [{ key, modRevision }], puts: [], deletes: [key] }, signal);
    }
    if (this.#written.get(key) === standing) this.#written.delete(key);
    this.#uncertain.delete(key);
  }

  /** The revision of what we have written and nobody has written since; the store is asked if a write went unanswered. */
  async #ownRevision(
    key: string,
    standing: Standing | undefined,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const attempts = this.#uncertain.get(key);
    if (!attempts) return standing?.modRevision;
    const found = await this.#options.store.get(key, signal);
    const isOurs =
      found?.modRevision === standing?.modRevision ||
      attempts.some((value) => found?.value.equals(value));
    return isOurs ? found?.modRevision : undefined;
  }

  async #write(key: string, entry: Entry, signal: AbortSignal): Promise<Verdict> {
    const { store, cache, lease, clock } = this.#options;
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      const standing = this.#written.get(key);
      const guards = guardsOf(entry);
      if (guards === 'unknown') return { wakeAt: clock.now() + SOON_MS };
      if (!guards) {
        if (this.#wanted.get(key) === entry) this.#wanted.delete(key);
        await this.#delete(key, standing, signal);
        return {};
      }
      const leaseId = lease.id;
      const put = entry.put(leaseId);
      this.#note(key, put.value);
      const { committed, revision } = await store.commit(
        { guards, puts: [put], deletes: [] },
        signal,
      );
      if (committed) {
        this.#written.set(key, { modRevision: revision, lease: leaseId, value: entry.value });
        this.#uncertain.delete(key);
        return {};
      }
      await cache.reached(revision, signal);
    }
    throw new BerthError(
      'Unavailable',
      `${key} could not be written: what it depends on has changed ${MOST_TRIES} times.`,
    );
  }

  #note(key: string, value: Buffer): void {
    const attempts = this.#uncertain.get(key)?.filter((other) => !other.equals(value)) ?? [];
    this.#uncertain.set(key, [...attempts.slice(-MOST_ATTEMPTS), value]);
  }
}

function guardsOf({ terms }: Entry): readonly Guard[] | 'unknown' | undefined {
  try {
    return terms.guards();
  } catch (error) {
    if (isBerthError(error, 'Unavailable')) return 'unknown';
    throw error;
  }
}
