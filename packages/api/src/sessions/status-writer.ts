// Writes what agents report of their tasks. For each task only the newest report waits; the store groups
// the commits of many. A report counts only for a task of the reporting host, and only from its present session.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { Reconciler, type Verdict } from '@berth/control/reconciler.ts';
import { abortable } from '@berth/control/scope.ts';
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import type { TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardPresent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Guard, Store } from '@berth/store/store.ts';

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

const WORKERS = 128;
/** After an outage the reports of all agents wait; the store groups them. */
const RETRIES = { perSecond: 500, burst: 1_000 };
/** When a session whose standing is not known is asked for again. */
const SOON_MS = 100;
/** How often a write is repeated at once on a newer view. */
const MOST_TRIES = 3;
/** A record of more bytes is no task's; etcd takes up to 1.5 MiB. */
const MOST_BYTES = 256 * 1024;

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #onSettled = new Set<(id: string) => void>();
  readonly #reconciler: Reconciler;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    const { clock, random, logger } = options;
    this.#reconciler = new Reconciler({
      name: 'task-status',
      workers: WORKERS,
      reconcile: (id, signal) => this.#write(id, signal),
      resyncMs: 0,
      keys: () => this.#pending.keys(),
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
    if (!this.#isOurs(reporter, report)) {
      this.#options.observe('refused');
      return;
    }
    const waiting = this.#pending.get(report.id);
    const known = waiting?.reporter === reporter ? waiting.report : undefined;
    if (known && !mergeStatus(known, report)) {
      this.#options.observe('stale');
      return;
    }
    this.#pending.set(report.id, { reporter, report });
    this.#reconciler.add(report.id);
  }

  /** Resolves when nothing that came by this session so far waits any more. @throws the signal's reason */
  async flushed(reporter: Reporter, signal: AbortSignal): Promise<void> {
    const waits = (id: string): boolean => this.#pending.get(id)?.reporter === reporter;
    const left = new Set([...this.#pending.keys()].filter(waits));
    if (left.size === 0) return;
    let settled: (id: string) => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      settled = (id) => {
        if (!waits(id)) left.delete(id);
        if (left.size === 0) resolve();
      };
    });
    this.#onSettled.add(settled);
    try {
      await abortable(all, signal);
    } finally {
      this.#onSettled.delete(settled);
    }
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#reconciler.run(signal);
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

  async #write(id: string, signal: AbortSignal): Promise<Verdict> {
    const pending = this.#pending.get(id);
    if (!pending) return {};
    const outcome = pending.reporter.signal.aborted ? 'stale' : await this.#commit(pending, signal);
    if (outcome === undefined) return { wakeAt: this.#options.clock.now() + SOON_MS };
    if (this.#pending.get(id) === pending) this.#pending.delete(id);
    this.#options.observe(outcome);
    for (const settled of this.#onSettled) settled(id);
    return {};
  }

  /** @returns undefined when it is not known at present whether the report's session stands */
  async #commit(
    { reporter, report }: Pending,
    signal: AbortSignal,
  ): Promise<ReportOutcome | undefined> {
    const { store, cache } = this.#options;
    const parts = [report.cluster, report.id] as const;
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
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
      const guards = [
        session,
        guardPresent(task),
        stored ? guardUnchanged(stored) : guardAbsent(collections.taskStatus, ...parts),
      ];
      const result = await store.commit({ guards, puts: [put], deletes: [] }, signal);
      // The next report of this task is merged with what this one, or who came before it, has stored.
      await cache.reached(result.revision, signal);
      if (result.committed) return 'written';
    }
    throw new BerthError(
      'Unavailable',
      `The status of task ${report.id} could not be written: what it depends on has changed ${MOST_TRIES} times.`,
    );
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
