// Writes what agents report of their tasks. For each task only the newest report waits; the store groups
// the commits of many. A report counts only for a task of the reporting host, and only from its present session.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { Fifo } from '@berth/control/fifo.ts';
import { Latch } from '@berth/control/latch.ts';
import { Reconciler, type Verdict } from '@berth/control/reconciler.ts';
import { abortable } from '@berth/control/scope.ts';
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import type { TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Guard, Put, Store, Transaction } from '@berth/store/store.ts';
import { mergeTransactions } from '@berth/store/transaction.ts';

import { isStatus, mergeStatus, saysTheSame } from './status-merge.ts';

/** What became of a report. */
export type ReportOutcome = 'written' | 'unchanged' | 'stale' | 'refused';

/** The session that a report came by. */
export interface Reporter {
  readonly hostId: string;
  readonly cluster: string;
  /** Aborted when the session is over: the agent will report again in its next. */
  readonly signal: AbortSignal;
  /** Holds while this is the host's present session. @throws BerthError Unavailable while that is not known */
  guard(): Guard;
}

export interface StatusWriterOptions {
  readonly store: Store;
  readonly cache: StateCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observe: (outcome: ReportOutcome) => void;
}

interface Pending {
  readonly reporter: Reporter;
  readonly report: TaskStatusRecord;
}

/** Commits of many reports that are under way at a time, and what one of them may hold: etcd takes 128 guards, one is the mark's. */
const COMMITS = 4;
const MOST_GUARDS = 126;
const MOST_COMMIT_BYTES = 384 * 1024;
/** Reports that are written each by itself. */
const WORKERS = 32;
/** After an outage the reports of all agents wait; the store groups them. */
const RETRIES = { perSecond: 500, burst: 1_000 };
/** When a session whose standing is not known is asked for again. */
const SOON_MS = 100;
/** How often a write is repeated at once on a newer view. */
const MOST_TRIES = 3;
/** A record of more bytes is no task's; etcd takes up to 1.5 MiB. */
const MOST_BYTES = 256 * 1024;

/** What it takes to write one report. */
interface Step {
  readonly id: string;
  readonly pending: Pending;
  readonly guards: readonly Guard[];
  readonly put: Put;
}

/**
 * Reports of many tasks go out in one commit. What such a commit was refused for, or could not be part of, goes out by itself
 * and is tried again until it is written or of no use any more.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #pending = new Map<string, Pending>();
  /** How many of them came by each session. */
  readonly #counts = new Map<Reporter, number>();
  readonly #onFlushed = new Map<Reporter, (() => void)[]>();
  /** Tasks whose reports wait for a common commit, and those that wait or are in one. */
  readonly #due = new Fifo<string>();
  readonly #together = new Set<string>();
  readonly #news = new Latch();
  readonly #reconciler: Reconciler;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    this.#reconciler = new Reconciler({
      name: 'task-status',
      workers: WORKERS,
      reconcile: (id, signal) => this.#writeAlone(id, signal),
      resyncMs: 0,
      keys: () => [],
      clock,
      random,
      logger,
      backoff: { initialMs: 50, maxMs: 3_000 },
      retries: RETRIES,
    });
  }

  /** Reports that are not yet in the store. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Take one report. It replaces an older one of the same task that still waits. */
  offer(reporter: Reporter, report: TaskStatusRecord): void {
    const { id } = report;
    if (!this.#isOurs(reporter, report)) {
      this.#options.observe('refused');
      return;
    }
    const waiting = this.#pending.get(id);
    const known = waiting?.reporter === reporter ? waiting.report : undefined;
    if (known && !mergeStatus(known, report)) {
      this.#options.observe('stale');
      return;
    }
    this.#wait(id, { reporter, report });
    if (this.#together.has(id)) return;
    if (waiting) this.#reconciler.add(id);
    else this.#join(id);
  }

  /** Resolves when nothing that came by this session waits any more. @throws the signal's reason */
  async flushed(reporter: Reporter, signal: AbortSignal): Promise<void> {
    if (!this.#counts.has(reporter)) return;
    const all = new Promise<void>((resolve) => {
      const waiters = this.#onFlushed.get(reporter);
      if (waiters) waiters.push(resolve);
      else this.#onFlushed.set(reporter, [resolve]);
    });
    await abortable(all, signal);
  }

  /** Until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#reconciler.run(signal), this.#writeTogether(signal)]);
  }

  #join(id: string): void {
    this.#together.add(id);
    this.#due.push(id);
    this.#news.set();
  }

  #wait(id: string, pending: Pending): void {
    const former = this.#pending.get(id);
    this.#pending.set(id, pending);
    if (former?.reporter === pending.reporter) return;
    this.#counts.set(pending.reporter, (this.#counts.get(pending.reporter) ?? 0) + 1);
    if (former) this.#countDown(former.reporter);
  }

  /** @returns false when a newer report of the task has come meanwhile */
  #settle(id: string, pending: Pending, outcome: ReportOutcome): boolean {
    this.#options.observe(outcome);
    if (this.#pending.get(id) !== pending) return false;
    this.#pending.delete(id);
    this.#countDown(pending.reporter);
    return true;
  }

  #countDown(reporter: Reporter): void {
    const left = (this.#counts.get(reporter) ?? 0) - 1;
    if (left > 0) {
      this.#counts.set(reporter, left);
      return;
    }
    this.#counts.delete(reporter);
    for (const resolve of this.#onFlushed.get(reporter) ?? []) resolve();
    this.#onFlushed.delete(reporter);
  }

  /** An agent may speak of the tasks of its own host only; of what it still runs without a record it is told to forget. */
  #isOurs(reporter: Reporter, report: TaskStatusRecord): boolean {
    const task = this.#options.cache.get(collections.tasks, reporter.cluster, report.id);
    return (
      isStatus(report.lastStatus) &&
      task?.value.hostId === reporter.hostId &&
      report.hostId === reporter.hostId &&
      report.cluster === reporter.cluster
    );
  }

  async #writeTogether(signal: AbortSignal): Promise<void> {
    let underWay = 0;
    const commits = new Set<Promise<void>>();
    while (!signal.aborted) {
      await this.#news.take(signal).catch(() => undefined);
      while (!signal.aborted && this.#due.size > 0 && underWay < COMMITS) {
        underWay += 1;
        const commit = this.#commitSome(signal).finally(() => {
          underWay -= 1;
          commits.delete(commit);
          this.#news.set();
        });
        commits.add(commit);
      }
    }
    await Promise.all(commits);
  }

  /** As many of those that are due as one transaction takes. Never rejects. */
  async #commitSome(signal: AbortSignal): Promise<void> {
    const { store, cache, logger } = this.#options;
    const steps = this.#takeSteps();
    if (steps.length === 0) return;
    let written = false;
    try {
      const of = mergeTransactions(
        ...steps.map(({ guards, put }): Partial<Transaction> => ({ guards, puts: [put] })),
      );
      const result = await store.commit(of, signal);
      // The next report of a task is merged with what this one, or who came before it, has stored.
      await cache.reached(result.revision, signal);
      written = result.committed;
    } catch (error) {
      if (!signal.aborted) {
        logger.warn({ err: error, reports: steps.length }, 'reports are written one by one');
      }
    }
    for (const { id, pending } of steps) {
      this.#together.delete(id);
      if (!written) this.#reconciler.add(id);
      else if (!this.#settle(id, pending, 'written')) this.#join(id);
    }
  }

  #takeSteps(): Step[] {
    const steps: Step[] = [];
    const guarded = new Set<string>();
    let bytes = 0;
    // With the two guards of one more there is still room.
    while (guarded.size + 2 <= MOST_GUARDS && bytes < MOST_COMMIT_BYTES) {
      const id = this.#due.shift();
      if (id === undefined) break;
      const pending = this.#pending.get(id);
      if (!pending) {
        this.#together.delete(id);
        continue;
      }
      const step = pending.reporter.signal.aborted ? 'stale' : this.#stepOf(pending);
      if (typeof step === 'object') {
        steps.push({ id, pending, ...step });
        for (const { key } of step.guards) guarded.add(key);
        bytes += step.put.value.length;
        continue;
      }
      this.#together.delete(id);
      if (step === undefined) this.#reconciler.add(id);
      else this.#settle(id, pending, step);
    }
    return steps;
  }

  async #writeAlone(id: string, signal: AbortSignal): Promise<Verdict> {
    const pending = this.#pending.get(id);
    if (!pending) return {};
    const outcome = pending.reporter.signal.aborted ? 'stale' : await this.#commit(pending, signal);
    if (outcome === undefined) return { wakeAt: this.#options.clock.now() + SOON_MS };
    this.#settle(id, pending, outcome);
    return {};
  }

  /** @returns undefined when it is not known at present whether the report's session stands */
  async #commit(pending: Pending, signal: AbortSignal): Promise<ReportOutcome | undefined> {
    const { store, cache } = this.#options;
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      const step = this.#stepOf(pending);
      if (typeof step !== 'object') return step;
      const { guards, put } = step;
      const result = await store.commit({ guards, puts: [put], deletes: [] }, signal);
      await cache.reached(result.revision, signal);
      if (result.committed) return 'written';
    }
    throw new BerthError(
      'Unavailable',
      `The status of task ${pending.report.id} could not be written: what it depends on has changed ${MOST_TRIES} times.`,
    );
  }

  /**
   * What it takes to write a report as things stand; or why it is not written. That of a task whose record is deleted at the same
   * moment is written all the same: the controller sweeps it away.
   * @returns undefined when it is not known at present whether the report's session stands
   */
  #stepOf({ reporter, report }: Pending): Omit<Step, 'id' | 'pending'> | ReportOutcome | undefined {
    const { cache } = this.#options;
    const parts = [report.cluster, report.id] as const;
    const task = cache.get(collections.tasks, ...parts);
    if (task?.value.hostId !== reporter.hostId) return 'refused';
    const stored = cache.get(collections.taskStatus, ...parts);
    const merged = mergeStatus(stored?.value, report);
    if (!merged) return 'stale';
    if (stored && saysTheSame(stored.value, merged)) return 'unchanged';
    const put = putRecord(collections.taskStatus, parts, merged);
    if (put.value.length > MOST_BYTES) return 'refused';
    const session = guardOf(reporter);
    if (!session) return undefined;
    const unchanged = stored
      ? guardUnchanged(stored)
      : guardAbsent(collections.taskStatus, ...parts);
    return { guards: [session, unchanged], put };
  }
}

function guardOf(reporter: Reporter): Guard | undefined {
  try {
    return reporter.guard();
  } catch (error) {
    if (isBerthError(error, 'Unavailable')) return undefined;
    throw error;
  }
}
