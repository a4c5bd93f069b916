// Writes what agents report of their tasks. For each task only the newest report waits; the store groups
// the commits of many. A report counts only for a task of the reporting host, and only from its present session.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { Reconciler } from '@berth/control/reconciler.ts';
import { abortable } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardPresent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Guard, Store } from '@berth/store/store.ts';

import { mergeStatus, saysTheSame } from './status-merge.ts';

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

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #onSettled = new Set<() => void>();
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

  /** Resolves when nothing that came by this session waits any more. @throws the signal's reason */
  async flushed(reporter: Reporter, signal: AbortSignal): Promise<void> {
    const waits = (): boolean =>
      Array.from(this.#pending.values()).some((pending) => pending.reporter === reporter);
    while (waits()) {
      await abortable(new Promise<void>((resolve) => this.#onSettled.add(resolve)), signal);
    }
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#reconciler.run(signal);
  }

  /** An agent may speak of the tasks of its own host only; of what it still runs without a record it is told to forget. */
  #isOurs(reporter: Reporter, report: TaskStatusRecord): boolean {
    const task = this.#options.cache.get(collections.tasks, reporter.cluster, report.id);
    return (
      task?.value.hostId === reporter.hostId &&
      report.hostId === reporter.hostId &&
      report.cluster === reporter.cluster
    );
  }

  async #write(id: string, signal: AbortSignal): Promise<object> {
    const pending = this.#pending.get(id);
    if (!pending) return {};
    const outcome = pending.reporter.signal.aborted ? 'stale' : await this.#commit(pending, signal);
    if (this.#pending.get(id) === pending) this.#pending.delete(id);
    this.#options.observe(outcome);
    for (const resolve of this.#onSettled) resolve();
    this.#onSettled.clear();
    return {};
  }

  async #commit({ reporter, report }: Pending, signal: AbortSignal): Promise<ReportOutcome> {
    const { store, cache } = this.#options;
    const parts = [report.cluster, report.id] as const;
    const task = cache.get(collections.tasks, ...parts);
    if (task?.value.hostId !== reporter.hostId) return 'refused';
    const stored = cache.get(collections.taskStatus, ...parts);
    const merged = mergeStatus(stored?.value, report);
    if (!merged) return 'stale';
    if (stored && saysTheSame(stored.value, merged)) return 'unchanged';
    const guards = [
      reporter.guard(),
      guardPresent(task),
      stored ? guardUnchanged(stored) : guardAbsent(collections.taskStatus, ...parts),
    ];
    const puts = [putRecord(collections.taskStatus, parts, merged)];
    const result = await store.commit({ guards, puts, deletes: [] }, signal);
    // The next report of this task is merged with what this one, or who came before it, has stored.
    await cache.reached(result.revision, signal);
    if (result.committed) return 'written';
    throw new BerthError(
      'Unavailable',
      `The status of task ${report.id} has changed while it was written.`,
    );
  }
}
