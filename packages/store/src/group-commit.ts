// Independent transactions that are offered while others are in flight go out together in the next one:
// etcd commits 128 records in hardly more time than one. Each still has its own outcome. Transactions that
// touch what another writes keep the order in which they were offered. Does no I/O; `send` does.
import type { Clock } from '@berth/control/clock.ts';
import { abortable } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';

import { collections, prefixOf } from './keys.ts';
import type { CommitResult, Guard, Transaction } from './store.ts';
import {
  checkTransaction,
  guardHolds,
  mergeTransactions,
  transactionBytes,
} from './transaction.ts';

/** What the guarded keys were right after a transaction was refused; keys that are missing do not exist. */
export type Revisions = Map<
  string,
  { readonly createRevision: number; readonly modRevision: number }
>;

export type Outcome =
  | { readonly committed: true; readonly revision: number }
  | { readonly committed: false; readonly revision: number; readonly found: Revisions };

export interface GroupCommitOptions {
  readonly clock: Clock;
  /** How long a transaction may wait to be sent, and then for its outcome. */
  readonly withinMs: number;
  /** Each carries out one transaction at a time, until the monotonic time given. */
  readonly lanes: readonly ((of: Transaction, until: number) => Promise<Outcome>)[];
}

/** One less than etcd takes, for the mark of `commit-lane.ts`. */
const GROUP_OPERATIONS = 127;
const GROUP_BYTES = 512 * 1024;
const QUEUE_LIMIT = 20_000;
const LEADER_KEYS = prefixOf(collections.leader);
/** How far to look in the queue for transactions that may go along. */
const LOOK_AHEAD = 1_000;

interface Waiting {
  readonly of: Transaction;
  readonly bytes: number;
  readonly signal: AbortSignal;
  readonly until: number;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

export class GroupCommit {
  readonly #clock: Clock;
  readonly #withinMs: number;
  readonly #idle: GroupCommitOptions['lanes'][number][];
  readonly #inFlight = new Set<readonly Waiting[]>();
  #queue: Waiting[] = [];
  #closed = false;
  #deposed = 0;

  constructor(options: GroupCommitOptions) {
    this.#clock = options.clock;
    this.#withinMs = options.withinMs;
    this.#idle = [...options.lanes];
  }

  /** Transactions that were refused since their leader had been deposed before etcd saw them. */
  get deposed(): number {
    return this.#deposed;
  }

  /** @throws BerthError as `Store.commit`, or the signal's reason: what was already sent may then have been carried out */
  async commit(of: Transaction, signal: AbortSignal): Promise<CommitResult> {
    checkTransaction(of);
    signal.throwIfAborted();
    if (this.#closed) throw new BerthError('Unavailable', 'The store is closed.');
    if (this.#queue.length >= QUEUE_LIMIT) {
      throw new BerthError(
        'Unavailable',
        `${QUEUE_LIMIT} changes wait for etcd already, so another one was refused. Is etcd slow or away?`,
      );
    }
    const result = new Promise<CommitResult>((resolve, reject) => {
      const until = this.#clock.monotonic() + this.#withinMs;
      this.#queue.push({ of, bytes: transactionBytes(of), signal, until, resolve, reject });
    });
    queueMicrotask(() => this.#pump());
    return abortable(result, signal);
  }

  /** Refuses what waits and what is still to come. What is in flight gets its outcome. */
  close(): void {
    this.#closed = true;
    for (const one of this.#queue.splice(0)) {
      one.reject(new BerthError('Unavailable', 'The store was closed before the change was sent.'));
    }
  }

  #pump(): void {
    while (this.#queue.length > 0) {
      const lane = this.#idle.pop();
      if (!lane) return;
      const group = this.#takeGroup();
      if (group.length === 0) {
        this.#idle.push(lane);
        return;
      }
      this.#inFlight.add(group);
      void this.#carryOut(group, lane).finally(() => {
        this.#inFlight.delete(group);
        this.#idle.push(lane);
        this.#pump();
      });
    }
  }

  /** From the front of the queue, as many as fit together and depend on nothing that is under way or before them. */
  #takeGroup(): Waiting[] {
    const keys = new Footprint();
    for (const group of this.#inFlight) for (const one of group) keys.add(one.of);
    const group: Waiting[] = [];
    const left: Waiting[] = [];
    const size = { operations: 0, guards: 0, bytes: 0 };
    let at = 0;
    for (; at < this.#queue.length && at < LOOK_AHEAD; at += 1) {
      const one = this.#queue[at] as Waiting;
      if (this.#isOver(one)) continue;
      const operations = one.of.puts.length + one.of.deletes.length;
      const fits =
        group.length === 0 ||
        (size.operations + operations <= GROUP_OPERATIONS &&
          size.guards + one.of.guards.length <= GROUP_OPERATIONS &&
          size.bytes + one.bytes <= GROUP_BYTES);
      if (fits && !keys.meets(one.of)) {
        group.push(one);
        size.operations += operations;
        size.guards += one.of.guards.length;
        size.bytes += one.bytes;
      } else left.push(one);
      keys.add(one.of);
      if (size.operations >= GROUP_OPERATIONS || size.bytes >= GROUP_BYTES) {
        at += 1;
        break;
      }
    }
    this.#queue = at < this.#queue.length ? left.concat(this.#queue.slice(at)) : left;
    return group;
  }

  /** Drops a transaction that nobody waits for, or that has waited too long. */
  #isOver(one: Waiting): boolean {
    if (one.signal.aborted) return true;
    if (this.#clock.monotonic() < one.until) return false;
    one.reject(
      new BerthError('Unavailable', 'The change waited too long for etcd and was not sent.'),
    );
    return true;
  }

  /** If guards fail, answers those whose guards failed, and sends the others again. */
  async #carryOut(
    group: readonly Waiting[],
    lane: GroupCommitOptions['lanes'][number],
  ): Promise<void> {
    const until = this.#clock.monotonic() + this.#withinMs;
    let rest = group;
    while (rest.length > 0) {
      try {
        const outcome = await lane(mergeTransactions(...rest.map((one) => one.of)), until);
        const { revision } = outcome;
        if (outcome.committed) {
          for (const one of rest) one.resolve({ committed: true, revision });
          return;
        }
        const { found } = outcome;
        const refused = rest.filter((one) => !holds(one.of, found));
        if (refused.length === 0 && this.#clock.monotonic() >= until) throw unsettled(rest);
        this.#deposed += refused.filter((one) => isDeposed(one.of, found)).length;
        for (const one of refused) one.resolve({ committed: false, revision });
        rest = rest.filter((one) => !refused.includes(one));
      } catch (error) {
        if (rest.length > 1 && isOneOfThem(error)) {
          await this.#oneByOne(rest, lane);
        } else for (const one of rest) one.reject(error);
        return;
      }
    }
  }

  async #oneByOne(
    group: readonly Waiting[],
    lane: GroupCommitOptions['lanes'][number],
  ): Promise<void> {
    for (const one of group) await this.#carryOut([one], lane);
  }
}

/** True for an error that one transaction of a group has brought upon all: nothing was carried out. */
function isOneOfThem(error: unknown): boolean {
  return error instanceof BerthError && 'lease' in error.details;
}

/** What refused a transaction is gone each time that somebody looks. */
function unsettled(group: readonly Waiting[]): BerthError {
  const keys = group.flatMap(({ of }) => of.guards.map(({ key }) => key));
  return new BerthError(
    'Unavailable',
    `Others changed what the change depends on faster than it could be made; nothing was changed. It depends on ${keys.slice(0, 3).join(', ')}.`,
  );
}

function holds(of: Transaction, found: Revisions): boolean {
  return of.guards.every((guard) => guardHolds(guard, found.get(guard.key)));
}

/** Its leader's term is over: the key is gone, or another's. */
function isDeposed(of: Transaction, found: Revisions): boolean {
  const isTerm = (guard: Guard): boolean =>
    guard.key.startsWith(LEADER_KEYS) && 'createRevision' in guard && guard.createRevision > 0;
  return of.guards.some((guard) => isTerm(guard) && !guardHolds(guard, found.get(guard.key)));
}

/** The keys that some transactions read and write. */
class Footprint {
  readonly #touched = new Set<string>();
  readonly #written = new Set<string>();

  add(of: Transaction): void {
    for (const { key } of of.guards) this.#touched.add(key);
    for (const { key } of of.puts) this.#write(key);
    for (const key of of.deletes) this.#write(key);
  }

  /** Would this transaction's outcome, or that of one of them, depend on their order? */
  meets(of: Transaction): boolean {
    return (
      of.guards.some(({ key }) => this.#written.has(key)) ||
      of.puts.some(({ key }) => this.#touched.has(key)) ||
      of.deletes.some((key) => this.#touched.has(key))
    );
  }

  #write(key: string): void {
    this.#written.add(key);
    this.#touched.add(key);
  }
}
