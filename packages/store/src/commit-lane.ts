// One transaction at a time, and the truth about each. Every transaction also replaces a mark, a key of this
// lane's own, and demands that the mark is as the previous one left it. When an answer is lost, a second
// transaction moves the mark itself: if it can, the lost one was not carried out and never will be, wherever
// it may still linger; if it can't, the mark says by its value that the lost one was, and at which revision.
import { backoffDelay } from '@berth/control/backoff.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import { BerthError } from '@berth/model/errors.ts';

import {
  berthErrorOf,
  isLeaseNotFound,
  isNoSpace,
  isOverload,
  isTransient,
} from './etcd-errors.ts';
import { MARKS } from './etcd-keys.ts';
import type { EtcdLink } from './etcd-link.ts';
import {
  type Compare,
  type Operation,
  TARGET,
  type TxnAnswer,
  type TxnRequest,
} from './etcd-messages.ts';
import { leaseGone } from './failures.ts';
import type { Outcome, Revisions } from './group-commit.ts';
import type { Transaction } from './store.ts';
import { MAX_OPERATIONS } from './transaction.ts';

/** The mark's lease sweeps it away after its process is gone; it is renewed by taking a new mark in time. */
const MARK_TTL_SECONDS = 3_600;
const MARK_USED_MS = 1_800_000;
const CLOSE_WITHIN_MS = 1_000;
const RETRY = { initialMs: 50, maxMs: 1_000 };

export interface CommitLaneOptions {
  readonly link: EtcdLink;
  readonly clock: Clock;
  readonly random: Random;
  /** Unique among all lanes of all processes, ever. */
  readonly name: string;
}

interface Mark {
  readonly key: string;
  readonly lease: string;
  readonly takenAt: number;
  /** Its mod revision; 0 before it is first written. */
  revision: number;
}

export class CommitLane {
  readonly #options: CommitLaneOptions;
  #mark: Mark | undefined;
  #marks = 0;
  #attempts = 0;

  constructor(options: CommitLaneOptions) {
    this.#options = options;
  }

  /**
   * @param until monotonic time by which the outcome must be known
   * @throws BerthError Unavailable when it is not; the transaction may then have been carried out
   */
  async commit(of: Transaction, until: number, signal: AbortSignal): Promise<Outcome> {
    let leaseDoubted = false;
    for (let failures = 1; ; failures += 1) {
      try {
        const mark = hasRoomForMark(of) ? await this.#freshMark(signal) : undefined;
        const outcome = await this.#attempt(of, mark, until, signal);
        if (outcome) return outcome;
      } catch (error) {
        signal.throwIfAborted();
        if (isLeaseNotFound(error)) {
          // The mark's lease or one of the caller's: with a new mark it is the caller's.
          this.#mark = undefined;
          const named = of.puts.find((put) => put.lease !== undefined)?.lease;
          if (leaseDoubted && named !== undefined) throw leaseGone(named);
          leaseDoubted = true;
        } else if (isNoSpace(error) && of.puts.length === 0) {
          return await this.#deleteWithoutMark(of, signal);
        } else if (!isOverload(error) && !isTransient(error)) {
          throw berthErrorOf(error, 'a commit');
        }
      }
      await this.#pause(failures, until, signal);
    }
  }

  /** Gives the mark's lease back. */
  async close(signal: AbortSignal): Promise<void> {
    const mark = this.#mark;
    this.#mark = undefined;
    if (!mark) return;
    const { link } = this.#options;
    await link.once(
      (member, options) => member.leases.leaseRevoke({ ID: mark.lease }, options),
      signal,
      CLOSE_WITHIN_MS,
    );
  }

  /** @returns undefined when nothing was carried out and nothing will be: try again */
  async #attempt(
    of: Transaction,
    mark: Mark | undefined,
    until: number,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    this.#attempts += 1;
    const attempt = String(this.#attempts);
    let answer: TxnAnswer;
    try {
      answer = await this.#send(requestOf(of, mark, attempt), signal);
    } catch (error) {
      if (!isTransient(error)) throw error;
      if (!mark || signal.aborted) throw unknownOutcome(error);
      return await this.#settle(mark, attempt, until, signal);
    }
    if (!answer.succeeded) return await this.#refusal(of, mark, signal);
    const { revision } = answer.header;
    if (mark) mark.revision = revision;
    return { committed: true, revision };
  }

  /**
   * What stands now where a refused transaction looked. It could have been told in the refusal itself, but then each that is
   * carried out, as nearly all are, would carry the question too.
   * @returns undefined when the transaction is to be tried again
   */
  async #refusal(
    { guards }: Transaction,
    mark: Mark | undefined,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    const keys = new Set([...guards.map(({ key }) => key), ...(mark ? [mark.key] : [])]);
    const look = (key: string): Operation => ({ range: { key: Buffer.from(key), keysOnly: true } });
    const answer = await this.#send(
      { compare: [], success: Array.from(keys, look), failure: [] },
      signal,
    );
    const found: Revisions = new Map();
    for (const { range } of answer.results) {
      for (const { key, createRevision, modRevision } of range?.kvs ?? []) {
        found.set(key, { createRevision, modRevision });
      }
    }
    if (mark && (found.get(mark.key)?.modRevision ?? 0) !== mark.revision) {
      // Swept away while we slept, or the store was restored from a backup.
      this.#mark = undefined;
      return undefined;
    }
    return { committed: false, revision: answer.header.revision, found };
  }

  /** Finds out what became of an attempt whose answer was lost, and makes sure that it stays so. */
  async #settle(
    mark: Mark,
    attempt: string,
    until: number,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    const { key } = mark;
    const fence = `not ${attempt}`;
    const request: TxnRequest = {
      compare: [markUnmoved(mark)],
      success: [{ put: { key, value: Buffer.from(fence), lease: mark.lease } }],
      failure: [{ range: { key: Buffer.from(key) } }],
    };
    for (let failures = 1; ; failures += 1) {
      try {
        const answer = await this.#send(request, signal);
        if (answer.succeeded) {
          mark.revision = answer.header.revision;
          return undefined;
        }
        const kv = answer.results[0]?.range?.kvs[0];
        const value = kv?.value.toString();
        if (!kv || (value !== attempt && value !== fence)) throw new Error('the mark is gone');
        mark.revision = kv.modRevision;
        return value === attempt ? { committed: true, revision: mark.revision } : undefined;
      } catch (error) {
        if (!isTransient(error) || signal.aborted) {
          this.#mark = undefined;
          throw unknownOutcome(error);
        }
        await this.#pause(failures, until, signal).catch(() => {
          this.#mark = undefined;
          throw unknownOutcome(error);
        });
      }
    }
  }

  async #freshMark(signal: AbortSignal): Promise<Mark> {
    const { clock, link, name } = this.#options;
    if (this.#mark && clock.monotonic() - this.#mark.takenAt < MARK_USED_MS) return this.#mark;
    const takenAt = clock.monotonic();
    const granted = await link.once(
      (member, options) => member.leases.leaseGrant({ TTL: MARK_TTL_SECONDS }, options),
      signal,
    );
    this.#marks += 1;
    this.#mark = { key: `${MARKS}${name}-${this.#marks}`, lease: granted.ID, takenAt, revision: 0 };
    return this.#mark;
  }

  /** A full etcd still deletes, but takes no mark. */
  async #deleteWithoutMark(of: Transaction, signal: AbortSignal): Promise<Outcome> {
    try {
      const { succeeded, header } = await this.#send(requestOf(of, undefined, ''), signal);
      if (succeeded) return { committed: true, revision: header.revision };
      return (await this.#refusal(of, undefined, signal)) as Outcome;
    } catch (error) {
      throw isTransient(error) ? unknownOutcome(error) : berthErrorOf(error, 'a commit');
    }
  }

  #send(request: TxnRequest, signal: AbortSignal): Promise<TxnAnswer> {
    return this.#options.link.once((member, options) => member.txn(request, options), signal);
  }

  async #pause(failures: number, until: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const pause = backoffDelay(RETRY, failures, random);
    if (clock.monotonic() + pause >= until) {
      throw new BerthError(
        'Unavailable',
        'etcd could not take the change in time; nothing was changed.',
      );
    }
    await clock.sleep(pause, signal);
  }
}

function hasRoomForMark(of: Transaction): boolean {
  return of.guards.length < MAX_OPERATIONS && of.puts.length + of.deletes.length < MAX_OPERATIONS;
}

function markUnmoved({ key, revision }: Mark): Compare {
  return { key, target: TARGET.modRevision, modRevision: revision };
}

function requestOf(of: Transaction, mark: Mark | undefined, attempt: string): TxnRequest {
  const compare = of.guards.map((guard): Compare =>
    'createRevision' in guard
      ? { ...guard, target: TARGET.createRevision }
      : { ...guard, target: TARGET.modRevision },
  );
  const success: Operation[] = [
    ...of.puts.map((put) => ({ put })),
    ...of.deletes.map((key) => ({ delete: { key } })),
  ];
  if (mark) {
    const { key, lease } = mark;
    compare.push(markUnmoved(mark));
    success.push({ put: { key, value: Buffer.from(attempt), lease } });
  }
  return { compare, success, failure: [] };
}

function unknownOutcome(cause: unknown): BerthError {
  return new BerthError(
    'Unavailable',
    'etcd did not say in time whether it took a change; it may have. Read before trying again.',
    { cause, details: { outcome: 'unknown' } },
  );
}
