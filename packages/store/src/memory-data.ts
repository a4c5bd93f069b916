// The data behind `memory-store.ts`: entries, revisions, history and leases, shared by all of its clients.
// Everything here happens at once: nothing awaits between reading and writing.
import type { Clock } from '@berth/control/clock.ts';

import { readCompacted } from './failures.ts';
import type {
  CommitResult,
  Entry,
  ListOptions,
  ListPage,
  Transaction,
  WatchBatch,
  WatchEvent,
} from './store.ts';
import { guardHolds } from './transaction.ts';

interface Revision {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

interface LeaseState {
  readonly ttlMs: number;
  readonly keys: Set<string>;
  readonly ended: AbortController;
  deadline: number;
}

export class MemoryData {
  readonly #clock: Clock;
  readonly #historyLimit: number;
  readonly #entries = new Map<string, Entry>();
  readonly #leaseOf = new Map<string, string>();
  readonly #leases = new Map<string, LeaseState>();
  readonly #waiters = new Set<() => void>();
  /** The entries as of the compacted revision. */
  readonly #base = new Map<string, Entry>();
  #history: Revision[] = [];
  #revision = 1;
  #compacted = 0;
  #granted = 0;
  /** Nothing more is taken in. */
  full = false;

  constructor(clock: Clock, historyLimit: number) {
    this.#clock = clock;
    this.#historyLimit = historyLimit;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Revisions up to this one can't be watched any more. */
  get compacted(): number {
    return this.#compacted;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  list(prefix: string, options: ListOptions): ListPage {
    const { revision = this.#revision } = options;
    if (revision < this.#compacted) throw readCompacted(prefix, revision);
    const all = revision === this.#revision ? this.#entries : this.#past(revision);
    const found = [...all.values()].filter((entry) => entry.key.startsWith(prefix));
    found.sort((a, b) => (a.key < b.key ? -1 : 1));
    const entries = found.slice(0, options.limit ?? found.length);
    return {
      entries: options.keysOnly
        ? entries.map((entry) => ({ ...entry, value: Buffer.alloc(0) }))
        : entries,
      revision,
    };
  }

  #past(revision: number): ReadonlyMap<string, Entry> {
    const entries = new Map(this.#base);
    for (const past of this.#history) {
      if (past.revision > revision) break;
      apply(past, entries);
    }
    return entries;
  }

  commit(of: Transaction): CommitResult {
    const holds = of.guards.every((guard) => guardHolds(guard, this.#entries.get(guard.key)));
    if (!holds) return { committed: false, revision: this.#revision };
    const revision = this.#revision + 1;
    const events: WatchEvent[] = [];
    for (const put of of.puts) {
      const before = this.#entries.get(put.key);
      const entry: Entry = {
        key: put.key,
        value: Buffer.from(put.value),
        createRevision: before?.createRevision ?? revision,
        modRevision: revision,
        version: (before?.version ?? 0) + 1,
      };
      this.#entries.set(put.key, entry);
      this.#attach(put.key, put.lease);
      events.push({ key: put.key, entry, modRevision: revision });
    }
    for (const key of of.deletes) {
      if (!this.#entries.delete(key)) continue;
      this.#attach(key, undefined);
      events.push({ key, modRevision: revision });
    }
    this.#record(revision, events);
    return { committed: true, revision: this.#revision };
  }

  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, Math.min(revision, this.#revision));
    const forgotten = this.#position(this.#compacted + 1);
    for (const past of this.#history.splice(0, forgotten)) apply(past, this.#base);
  }

  /** What happened below the prefix from a revision on, up to now. */
  since(revision: number, prefix: string): WatchBatch {
    const events: WatchEvent[] = [];
    for (let at = this.#position(revision); at < this.#history.length; at += 1) {
      for (const event of this.#history[at]?.events ?? []) {
        if (event.key.startsWith(prefix)) events.push(event);
      }
    }
    return { revision: this.#revision, events };
  }

  /** Let everyone who waits for a change look again. */
  wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  /** Resolves at the next change or `wake`, or when the signal is aborted. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }

  lives(lease: string): boolean {
    return this.#leases.has(lease);
  }

  grant(ttlMs: number): string {
    this.#granted += 1;
    const id = String(this.#granted);
    const lease: LeaseState = {
      ttlMs,
      keys: new Set(),
      ended: new AbortController(),
      deadline: this.#clock.monotonic() + ttlMs,
    };
    this.#leases.set(id, lease);
    void this.#expire(id, lease);
    return id;
  }

  /** @returns false when the lease has ended */
  renew(id: string): boolean {
    const lease = this.#leases.get(id);
    if (!lease) return false;
    lease.deadline = this.#clock.monotonic() + lease.ttlMs;
    return true;
  }

  /** As after the election of an etcd leader: every lease has its full time again. */
  extendLeases(): void {
    for (const lease of this.#leases.values()) {
      lease.deadline = this.#clock.monotonic() + lease.ttlMs;
    }
  }

  /** Ends the lease and deletes its keys, in one revision. */
  revoke(id: string): void {
    const lease = this.#leases.get(id);
    if (!lease) return;
    this.#leases.delete(id);
    lease.ended.abort();
    const keys = [...lease.keys].sort();
    if (keys.length > 0) this.commit({ guards: [], puts: [], deletes: keys });
  }

  async #expire(id: string, lease: LeaseState): Promise<void> {
    try {
      for (;;) {
        const left = lease.deadline - this.#clock.monotonic();
        if (left <= 0) break;
        await this.#clock.sleep(left, lease.ended.signal);
      }
      this.revoke(id);
    } catch {
      // Revoked meanwhile.
    }
  }

  #attach(key: string, lease: string | undefined): void {
    const former = this.#leaseOf.get(key);
    if (former !== undefined) this.#leases.get(former)?.keys.delete(key);
    if (lease === undefined) this.#leaseOf.delete(key);
    else {
      this.#leaseOf.set(key, lease);
      this.#leases.get(lease)?.keys.add(key);
    }
  }

  #record(revision: number, events: readonly WatchEvent[]): void {
    if (events.length === 0) return;
    this.#revision = revision;
    this.#history.push({ revision, events });
    if (this.#history.length > this.#historyLimit * 2) {
      this.compact(revision - this.#historyLimit);
    }
    this.wake();
  }

  /** Index of the first revision in the history that is not before `revision`. */
  #position(revision: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#history[middle]?.revision ?? Infinity) < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function apply({ events }: Revision, entries: Map<string, Entry>): void {
  for (const { key, entry } of events) {
    if (entry) entries.set(key, entry);
    else entries.delete(key);
  }
}
