// What the control plane asks of its store. `etcd-store.ts` and `memory-store.ts` fulfil it and pass the
// same contract tests. Keys come from `keys.ts`; values are encoded records.

export interface Entry {
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

/** One comparison of a transaction; the key's create or mod revision must be exactly this. 0: the key must not exist. */
export type Guard =
  | { readonly key: string; readonly createRevision: number }
  | { readonly key: string; readonly modRevision: number };

export interface Put {
  readonly key: string;
  readonly value: Buffer;
  /** The record vanishes with this lease. */
  readonly lease?: string | undefined;
}

/** Applied as a whole if every guard holds, else not at all. At most 128 guards and 128 operations, 1 MiB. */
export interface Transaction {
  readonly guards: readonly Guard[];
  readonly puts: readonly Put[];
  readonly deletes: readonly string[];
}

export type CommitResult =
  | { readonly committed: true; readonly revision: number }
  /** A guard did not hold; nothing was written. `revision` is the store's at that moment. */
  | { readonly committed: false; readonly revision: number };

export interface ListPage {
  readonly entries: readonly Entry[];
  readonly revision: number;
}

export interface ListOptions {
  /** Only the first so many. */
  readonly limit?: number | undefined;
  /** Leave the values empty: only keys and revisions are wanted. */
  readonly keysOnly?: boolean | undefined;
  /** As of then. Throws what `isCompactedRead` tells where the store has forgotten it. Default: now. */
  readonly revision?: number | undefined;
}

export interface WatchEvent {
  readonly key: string;
  /** Absent: the key was deleted. */
  readonly entry?: Entry | undefined;
  readonly modRevision: number;
}

/** All events of one or more whole revisions, in order. An empty batch only says that `revision` is reached. */
export interface WatchBatch {
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

export interface Lease {
  readonly id: string;
  /** Aborted when the lease is lost or can no longer be shown to live; by monotonic time, before etcd expires it. */
  readonly lost: AbortSignal;
  /** Ends the lease at once: its keys vanish. Never throws. */
  revoke(): Promise<void>;
}

export interface Store {
  get(key: string, signal: AbortSignal): Promise<Entry | undefined>;
  /** Everything below the prefix in key order, as of one revision, read in pages. @throws BerthError Unavailable */
  list(prefix: string, signal: AbortSignal, options?: ListOptions): Promise<ListPage>;
  /**
   * As `list`, but each page is given out when it is there: what does not fit into memory twice.
   * @throws BerthError Unavailable, also between pages: those that were given out are then not all
   */
  pages(
    prefix: string,
    signal: AbortSignal,
    options?: Pick<ListOptions, 'keysOnly'>,
  ): AsyncIterable<ListPage>;
  /**
   * Commit one transaction. Independent transactions that are offered while one is in flight are sent together.
   * An answer lost on the way is looked up before anything is repeated: a commit is reported once and truly.
   * @throws BerthError Unavailable when the outcome can't be learnt within its deadline; it may have happened
   */
  commit(transaction: Transaction, signal: AbortSignal): Promise<CommitResult>;
  /**
   * Batches from `fromRevision` on until the signal is aborted.
   * @throws BerthError Unavailable on any doubt (cut connection, compacted revision): list again
   */
  watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchBatch>;
  lease(ttlSeconds: number, signal: AbortSignal): Promise<Lease>;
  close(): Promise<void>;
}
