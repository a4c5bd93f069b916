// The in-memory twin of etcd, for simulation and tests: it passes the same contract tests as `etcd-store.ts`,
// is deterministic, and can be told to fail. It never touches the network, the disk or real time.
import type { Clock } from '@berth/control/clock.ts';
import { abortable } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';

import { leaseGone, watchFailed } from './failures.ts';
import { ROOT } from './keys.ts';
import { keepLease } from './lease-keeper.ts';
import { MemoryData } from './memory-data.ts';
import type {
  CommitResult,
  Entry,
  Lease,
  ListOptions,
  ListPage,
  Store,
  Transaction,
  WatchBatch,
} from './store.ts';
import { checkTransaction } from './transaction.ts';

export type MemoryOperation =
  | 'get'
  | 'list'
  | 'commit'
  | 'lease'
  | 'renew'
  | 'revoke'
  | 'watch'
  /** A batch on its way to a watcher. */
  | 'deliver';

/** What goes wrong between one client and the store, besides `partition`. Change the fields at any time. */
export interface MemoryFaults {
  /** So many of the next commits are applied, but answered with Unavailable. */
  loseReplies: number;
  /** So many of the next watches fail at once. */
  failWatches: number;
  /** Awaited before each operation; may throw. Lets a test choose an order, or add latency. */
  before: ((operation: MemoryOperation) => Promise<void>) | undefined;
  /** Awaited between an operation and its answer; what it throws is the answer, though the operation has happened. */
  after: ((operation: MemoryOperation) => Promise<void>) | undefined;
}

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** How many revisions a watch may look back. Default 10,000. */
  readonly historyLimit?: number;
}

/** One client of the data. `peer()` makes another client of the same data, with its own faults. */
export class MemoryStore implements Store {
  readonly faults: MemoryFaults = {
    loseReplies: 0,
    failWatches: 0,
    before: undefined,
    after: undefined,
  };
  readonly #clock: Clock;
  readonly #data: MemoryData;
  readonly #watches = new Set<AbortController>();
  readonly #closed = new AbortController();
  #partitioned = false;

  constructor(options: MemoryStoreOptions, data?: MemoryData) {
    this.#clock = options.clock;
    this.#data = data ?? new MemoryData(options.clock, options.historyLimit ?? 10_000);
  }

  /** Another client of the same data, as another process would be, with its own clock if one is given. */
  peer(clock = this.#clock): MemoryStore {
    return new MemoryStore({ clock }, this.#data);
  }

  /** As an etcd that has reached its quota: it takes no puts and grants no leases. */
  set full(full: boolean) {
    this.#data.full = full;
  }

  get revision(): number {
    return this.#data.revision;
  }

  /** Forget the history before `revision`: watches from there fail and readers must list again. */
  compact(revision = this.#data.revision): void {
    this.#data.compact(revision);
  }

  /** Until `heal`, calls fail, leases are not renewed and open watches stay silent, as on a cut network. */
  partition(): void {
    this.#partitioned = true;
  }

  heal(): void {
    this.#partitioned = false;
    this.#data.wake();
  }

  /** Every open watch of this client fails now. */
  cutWatches(): void {
    for (const watch of this.#watches) watch.abort();
  }

  async get(key: string, signal: AbortSignal): Promise<Entry | undefined> {
    await this.#begin('get', signal);
    const found = this.#data.get(key);
    await this.#end('get', signal);
    return found;
  }

  async list(prefix: string, signal: AbortSignal, options: ListOptions = {}): Promise<ListPage> {
    await this.#begin('list', signal);
    const page = this.#data.list(prefix, options);
    await this.#end('list', signal);
    return page;
  }

  async *pages(
    prefix: string,
    signal: AbortSignal,
    options: ListOptions = {},
  ): AsyncGenerator<ListPage, void, undefined> {
    yield await this.list(prefix, signal, options);
  }

  async commit(of: Transaction, signal: AbortSignal): Promise<CommitResult> {
    checkTransaction(of);
    await this.#begin('commit', signal);
    const missing = of.puts.find((put) => put.lease !== undefined && !this.#data.lives(put.lease));
    if (missing?.lease !== undefined) throw leaseGone(missing.lease);
    if (of.puts.length > 0) this.#refuseFull('a commit');
    const result = this.#data.commit(of);
    if (this.faults.loseReplies > 0) {
      this.faults.loseReplies -= 1;
      throw unknownOutcome();
    }
    await this.#end('commit', signal);
    return result;
  }

  async *watch(
    prefix: string,
    fromRevision: number,
    signal: AbortSignal,
  ): AsyncGenerator<WatchBatch, void, undefined> {
    await this.#begin('watch', signal);
    if (this.faults.failWatches > 0) {
      this.faults.failWatches -= 1;
      throw watchFailed(prefix, 'disconnected');
    }
    const cut = new AbortController();
    this.#watches.add(cut);
    const stop = AbortSignal.any([signal, cut.signal, this.#closed.signal]);
    let next = fromRevision;
    try {
      for (;;) {
        if (signal.aborted) return;
        if (stop.aborted) throw watchFailed(prefix, 'disconnected');
        if (next <= this.#data.compacted) throw watchFailed(prefix, 'compacted');
        if (!this.#partitioned && this.#data.revision >= next) {
          const batch = this.#data.since(next, prefix);
          next = batch.revision + 1;
          // Only a watch of everything is told of revisions that hold nothing for it.
          if (batch.events.length === 0 && prefix !== ROOT) continue;
          const delivered = this.faults.before?.('deliver');
          if (delivered) await abortable(delivered, stop).catch(rethrowUnless(stop));
          if (!stop.aborted) yield batch;
        } else await this.#data.changed(stop);
      }
    } finally {
      this.#watches.delete(cut);
    }
  }

  async lease(ttlSeconds: number, signal: AbortSignal): Promise<Lease> {
    await this.#begin('lease', signal);
    const sent = this.#clock.monotonic();
    const ttlMs = ttlSeconds * 1000;
    this.#refuseFull('a lease');
    const id = this.#data.grant(ttlMs);
    await this.#end('lease', signal);
    return keepLease({
      clock: this.#clock,
      id,
      ttlMs,
      askedAt: sent,
      renew: async (until) => {
        await this.#begin('renew', until);
        const lives = this.#data.renew(id);
        await this.#end('renew', until);
        return lives;
      },
      revoke: async () => {
        await this.#begin('revoke', this.#closed.signal);
        this.#data.revoke(id);
      },
      closed: this.#closed.signal,
    });
  }

  /** Ends this client: its watches fail and its leases are no longer renewed. */
  close(): Promise<void> {
    this.#closed.abort();
    return Promise.resolve();
  }

  #refuseFull(what: string): void {
    if (!this.#data.full) return;
    throw new BerthError(
      'Unavailable',
      `The store refused ${what}: it has reached its quota, and until that is mended it takes no writes.`,
      { details: { etcd: 'nospace' } },
    );
  }

  async #end(operation: MemoryOperation, signal: AbortSignal): Promise<void> {
    const after = this.faults.after?.(operation);
    if (after) await abortable(after, signal);
  }

  async #begin(operation: MemoryOperation, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const before = this.faults.before?.(operation);
    if (before) await abortable(before, signal);
    if (this.#closed.signal.aborted) {
      throw new BerthError(
        'Unavailable',
        `The store was asked to ${operation} after it was closed.`,
      );
    }
    if (this.#partitioned) {
      throw new BerthError('Unavailable', `The store can't be reached to ${operation}.`);
    }
  }
}

/** The answer to a commit is lost for good. */
export function unknownOutcome(): BerthError {
  return new BerthError('Unavailable', 'The answer to a commit was lost; it may have happened.', {
    details: { outcome: 'unknown' },
  });
}

function rethrowUnless(stop: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!stop.aborted) throw error;
  };
}
