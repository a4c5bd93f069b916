// Counts what ends at single targets, for the certificates of deployments: totals of this run of the proxy, also of targets that are gone,
// for a while. On the path of requests it only adds numbers.
import { bucketOf, BUCKETS } from '@berth/model/deployment/latency.ts';
import { countsKey } from '@berth/model/deployment/target-counts.ts';
import type { FailedRequest, SlowRequest, TargetCounts } from '@berth/model/generated/messages.ts';

import type { RequestObserver, RequestSummary } from './request-summary.ts';
import { addressOf } from './requests/facts.ts';
import type { Target } from './target.ts';

/** What has been counted, and what of it is new. */
export interface CountSource {
  /**
   * Totals that have changed after the mark, the first to change first.
   * @returns the mark to go on from, and whether there are more
   */
  countsAfter(
    mark: number,
    most: number,
  ): { readonly counts: TargetCounts[]; readonly mark: number; readonly more: boolean };
  failuresAfter(number: number): FailedRequest[];
}

/** Targets that nothing was sent to for so long are forgotten, and the first of more than so many. */
const KEPT_MS = 24 * 3_600_000;
const MOST_TARGETS = 20_000;
const MOST_FAILURES = 500;
/** The slowest request is known of each of the last few slices. */
const SLICE_MS = 10_000;
const SLICES = 3;
const SERVER_ERROR = 500;
const SWITCHING_PROTOCOLS = 101;

interface Tally {
  readonly group: string;
  readonly target: string;
  readonly registeredAt: number;
  readonly taskId: string;
  requests: number;
  failed: number;
  failedOtherwise: number;
  targetErrors: number;
  readonly latency: Uint32Array;
  slowest: (SlowRequest & { readonly slice: number })[];
  changed: number;
  changedAt: number;
}

export class TargetTally implements RequestObserver, CountSource {
  /** In the order in which they changed. */
  readonly #byKey = new Map<string, Tally>();
  readonly #ofTarget = new WeakMap<Target, Tally>();
  readonly #untaken = new Map<string, Tally>();
  #failures: FailedRequest[] = [];
  #failed = 0;
  #mark = 0;

  onRequestEnd(summary: RequestSummary): void {
    const { group, target } = summary;
    if (group === undefined) return;
    const tally =
      target === undefined ? this.#tallyWithout(group) : this.#tallyOf(group, target, summary.at);
    tally.requests += 1;
    this.#mark += 1;
    tally.changed = this.#mark;
    tally.changedAt = summary.at;
    const reason = failureOf(summary);
    if (reason !== undefined) this.#fail(tally, summary, reason);
    else if (summary.targetStatus >= SERVER_ERROR) tally.targetErrors += 1;
    if (summary.status === SWITCHING_PROTOCOLS || summary.targetStatus === 0) return;
    this.#time(tally, summary);
  }

  #tallyOf(group: string, target: Target, now: number): Tally {
    const known = this.#ofTarget.get(target);
    if (known) return known;
    const { id, registeredAt, taskId } = target.record;
    const tally = this.#tally({ group, target: id, registeredAt, taskId }, now);
    this.#ofTarget.set(target, tally);
    return tally;
  }

  #tallyWithout(group: string): Tally {
    let tally = this.#untaken.get(group);
    if (!tally) {
      tally = this.#tally({ group, target: '', registeredAt: 0, taskId: '' }, 0);
      this.#untaken.set(group, tally);
    }
    return tally;
  }

  #tally(name: Pick<Tally, 'group' | 'target' | 'registeredAt' | 'taskId'>, now: number): Tally {
    const key = countsKey(name);
    const known = this.#byKey.get(key);
    if (known) return known;
    if (this.#byKey.size >= MOST_TARGETS) this.#forget(now);
    const tally: Tally = {
      ...name,
      requests: 0,
      failed: 0,
      failedOtherwise: 0,
      targetErrors: 0,
      latency: new Uint32Array(BUCKETS),
      slowest: [],
      changed: 0,
      changedAt: now,
    };
    this.#byKey.set(key, tally);
    return tally;
  }

  #forget(now: number): void {
    const oldest = [...this.#byKey].sort(([, a], [, b]) => a.changed - b.changed);
    for (const [index, [key, tally]] of oldest.entries()) {
      if (index > 0 && now - tally.changedAt < KEPT_MS) return;
      this.#byKey.delete(key);
      this.#untaken.delete(tally.group);
    }
  }

  #fail(tally: Tally, summary: RequestSummary, reason: string): void {
    const { target } = summary;
    const ofChange = target === undefined || target.draining || target.retired;
    if (ofChange) tally.failed += 1;
    else tally.failedOtherwise += 1;
    this.#failed += 1;
    this.#failures.push({
      number: this.#failed,
      requestId: summary.requestId,
      at: Math.round(summary.at),
      proxy: '',
      group: tally.group,
      target: tally.target,
      registeredAt: tally.registeredAt,
      taskId: tally.taskId,
      status: summary.targetStatus === 0 ? summary.status : 0,
      reason,
      ofChange,
    });
    if (this.#failures.length > MOST_FAILURES) this.#failures.shift();
  }

  #time(tally: Tally, summary: RequestSummary): void {
    const milliseconds = summary.endedAt - summary.startedAt;
    const bucket = bucketOf(milliseconds);
    tally.latency[bucket] = (tally.latency[bucket] ?? 0) + 1;
    const slice = Math.floor(summary.at / SLICE_MS);
    const last = tally.slowest.at(-1);
    if (last?.slice === slice && last.milliseconds >= milliseconds) return;
    if (last?.slice === slice) tally.slowest.pop();
    const { target } = summary;
    tally.slowest.push({
      slice,
      requestId: summary.requestId,
      at: Math.round(summary.at),
      milliseconds,
      target: target === undefined ? '' : addressOf(target.record),
    });
    if (tally.slowest.length > SLICES) tally.slowest.shift();
  }

  countsAfter(mark: number, most: number): ReturnType<CountSource['countsAfter']> {
    const changed = [...this.#byKey.values()].filter((tally) => tally.changed > mark);
    changed.sort((a, b) => a.changed - b.changed);
    const taken = changed.slice(0, most);
    return {
      counts: taken.map(countsOf),
      mark: taken.at(-1)?.changed ?? mark,
      more: changed.length > taken.length,
    };
  }

  failuresAfter(number: number): FailedRequest[] {
    return this.#failures.filter((failure) => failure.number > number);
  }
}

function countsOf(tally: Tally): TargetCounts {
  const { group, target, registeredAt, taskId, requests, failed, failedOtherwise } = tally;
  const last = tally.latency.findLastIndex((count) => count > 0);
  return {
    group,
    target,
    registeredAt,
    taskId,
    requests,
    failed,
    failedOtherwise,
    targetErrors: tally.targetErrors,
    latency: Array.from(tally.latency.subarray(0, last + 1)),
    slowest: tally.slowest.map(({ requestId, at, milliseconds, target: to }) => ({
      requestId,
      at,
      milliseconds,
      target: to,
    })),
  };
}

/** Why the client did not get what a target said; undefined where it did, or left by itself. */
function failureOf(summary: RequestSummary): string | undefined {
  const { status, targetStatus, attempts, target } = summary;
  const outcome = attempts.at(-1)?.outcome ?? '';
  if (targetStatus === 0) {
    if (status < SERVER_ERROR) return undefined;
    return target === undefined ? (summary.errorReason ?? 'no target could take it') : outcome;
  }
  const whole = outcome === 'answered' || status === SWITCHING_PROTOCOLS;
  return whole || outcome.startsWith('the client is ') ? undefined : outcome;
}
