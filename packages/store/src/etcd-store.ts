// The store on a real etcd, one for a process. Reads, commits, watches and leases have connections of their
// own. Only Berth's control plane uses this etcd: whatever else writes to it makes views wait longer.
import { randomUUID } from 'node:crypto';

import { CommitLane } from './commit-lane.ts';
import { berthErrorOf, isCompacted, isTooLargeAnswer } from './etcd-errors.ts';
import { after, endOf, isMark } from './etcd-keys.ts';
import { readCompacted } from './failures.ts';
import { grantLease } from './etcd-lease.ts';
import { EtcdLink, type LinkOptions, type Preference } from './etcd-link.ts';
import type { KeyValue, RangeAnswer } from './etcd-messages.ts';
import { watchEtcd } from './etcd-watch.ts';
import { GroupCommit } from './group-commit.ts';
import { KeyStride } from './key-stride.ts';
import { ROOT } from './keys.ts';
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

/** Commits in flight at a time. More than two did not pay: see `test/bench/store.ts`. */
const LANES = 2;
/** Large enough that asking costs little, small enough for etcd and its reader to have several of them at hand. */
const PAGE = { first: 500, least: 1, most: 200_000, bytes: 4 * 1024 * 1024 };
/**
 * How much longer than other reads a page may take. The first one has etcd go through all keys, and it goes on with one that nobody
 * waits for any more: to ask again soon only makes it slower.
 */
const PAGE_PATIENCE = 8;
const LIST_TRIES = 5;

export class EtcdStore implements Store {
  readonly #options: LinkOptions;
  readonly #reads: EtcdLink;
  readonly #writes: EtcdLink;
  readonly #leases: EtcdLink;
  readonly #watches: EtcdLink;
  readonly #lanes: readonly CommitLane[];
  readonly #commits: GroupCommit;
  readonly #closed = new AbortController();
  #clusterId = '';

  constructor(options: LinkOptions) {
    this.#options = options;
    const { clock, random, endpoints } = options;
    const preference: Preference = { member: Math.floor(random() * endpoints.length) };
    this.#reads = new EtcdLink(options, preference);
    this.#writes = new EtcdLink(options, preference);
    this.#leases = new EtcdLink(options, preference);
    this.#watches = new EtcdLink(options, preference);
    const unique = randomUUID();
    this.#lanes = Array.from(
      { length: LANES },
      (_, at) => new CommitLane({ ...options, link: this.#writes, name: `${unique}-${at}` }),
    );
    this.#commits = new GroupCommit({
      clock,
      withinMs: this.#writes.totalMs,
      lanes: this.#lanes.map((lane) => (of, until) => lane.commit(of, until, this.#closed.signal)),
    });
  }

  /** Transactions that etcd refused since their leader had been deposed. */
  get deposedWrites(): number {
    return this.#commits.deposed;
  }

  async get(key: string, signal: AbortSignal): Promise<Entry | undefined> {
    const answer = await this.#reads.repeat(
      `reading ${key}`,
      (member, options) => member.range({ key: Buffer.from(key) }, options),
      signal,
    );
    return answer.kvs[0];
  }

  async list(prefix: string, signal: AbortSignal, options: ListOptions = {}): Promise<ListPage> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#listOnce(prefix, signal, options);
      } catch (error) {
        signal.throwIfAborted();
        const { revision } = options;
        if (revision !== undefined && isCompacted(error)) {
          throw readCompacted(prefix, revision, error);
        }
        // The revision of the first page was compacted meanwhile.
        if (!isCompacted(error) || tries === LIST_TRIES) {
          throw berthErrorOf(error, `listing ${prefix}`);
        }
      }
    }
  }

  async *pages(
    prefix: string,
    signal: AbortSignal,
    options: Pick<ListOptions, 'keysOnly'> = {},
  ): AsyncGenerator<ListPage, void, undefined> {
    try {
      yield* this.#pages(prefix, signal, options);
    } catch (error) {
      signal.throwIfAborted();
      throw berthErrorOf(error, `listing ${prefix}`);
    }
  }

  commit(of: Transaction, signal: AbortSignal): Promise<CommitResult> {
    return this.#commits.commit(of, signal);
  }

  watch(
    prefix: string,
    fromRevision: number,
    signal: AbortSignal,
  ): AsyncGenerator<WatchBatch, void, undefined> {
    return watchEtcd(
      {
        link: this.#watches,
        clock: this.#options.clock,
        clusterId: () => this.#clusterId,
        newestRevision: async (until) => (await this.#newest(until)).header.revision,
      },
      prefix,
      fromRevision,
      signal,
    );
  }

  lease(ttlSeconds: number, signal: AbortSignal): Promise<Lease> {
    return grantLease(this.#leases, this.#options.clock, ttlSeconds, signal, this.#closed.signal);
  }

  /** What is in flight is cancelled; leases expire by themselves; open watches end with an error. */
  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#commits.close();
    await Promise.allSettled(this.#lanes.map((lane) => lane.close(this.#closed.signal)));
    this.#closed.abort(new Error('the store is closed'));
    for (const link of [this.#reads, this.#writes, this.#leases, this.#watches]) link.close();
  }

  async #listOnce(prefix: string, signal: AbortSignal, options: ListOptions): Promise<ListPage> {
    const { limit = Infinity } = options;
    const entries: Entry[] = [];
    let revision = 0;
    for await (const page of this.#pages(prefix, signal, options)) {
      revision = page.revision;
      for (const entry of page.entries) {
        entries.push(entry);
        if (entries.length >= limit) return { entries, revision };
      }
    }
    return { entries, revision };
  }

  async *#pages(
    prefix: string,
    signal: AbortSignal,
    { limit = Infinity, keysOnly = false, revision: asked = 0 }: ListOptions,
  ): AsyncGenerator<ListPage, void, undefined> {
    const end = endOf(prefix);
    const stride = new KeyStride();
    let start: Buffer = Buffer.from(prefix);
    let bound = end;
    let revision = asked;
    let size = PAGE.first;
    for (;;) {
      const most = Math.min(size, limit + 1);
      let page: RangeAnswer;
      try {
        page = await this.#page(start, bound, most, revision, keysOnly, signal);
      } catch (error) {
        if (!isTooLargeAnswer(error) || size <= PAGE.least) throw error;
        size = Math.max(PAGE.least, Math.floor(size / 8));
        continue;
      }
      revision ||= page.header.revision;
      this.#clusterId = page.header.clusterId ?? '';
      yield { entries: page.kvs.filter(({ key }) => !isMark(key)), revision };
      const last = page.kvs.at(-1);
      if (bound === end && !page.more) return;
      start = page.more && last ? after(last.key) : bound;
      if (last) size = nextSize(page.kvs);
      bound = stride.next(page.kvs, start, size, end);
    }
  }

  #page(
    key: Buffer,
    rangeEnd: Buffer,
    limit: number,
    revision: number,
    keysOnly: boolean,
    signal: AbortSignal,
  ): Promise<RangeAnswer> {
    return this.#reads.repeat(
      `listing ${key.toString()}`,
      (member, options) => member.range({ key, rangeEnd, limit, revision, keysOnly }, options),
      signal,
      {
        withinMs: PAGE_PATIENCE * this.#reads.callWithinMs,
        totalMs: PAGE_PATIENCE * this.#reads.totalMs,
      },
    );
  }

  /** A read through the quorum that finds nothing, for its header. */
  #newest(signal: AbortSignal): Promise<RangeAnswer> {
    return this.#reads.repeat(
      'asking for the newest revision',
      (member, options) => member.range({ key: Buffer.from(ROOT), countOnly: true }, options),
      signal,
    );
  }
}

/** Pages as large as the records allow: few round trips, and far below the limit of a message. */
function nextSize(page: readonly KeyValue[]): number {
  let bytes = 0;
  for (const { key, value } of page) bytes += key.length + value.length + 64;
  const fitting = Math.floor((PAGE.bytes * page.length) / bytes);
  return Math.max(PAGE.least, Math.min(PAGE.most, fitting));
}
