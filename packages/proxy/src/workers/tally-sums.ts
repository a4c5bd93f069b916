// What all workers have counted of single targets, those that are gone included.
import { countsKey } from '@berth/model/deployment/target-counts.ts';
import { added } from '@berth/model/deployment/latency.ts';
import type { FailedRequest, TargetCounts } from '@berth/model/generated/messages.ts';

import type { CountSource } from '../target-tally.ts';

const MOST_FAILURES = 500;
const MOST_SLOWEST = 3;

export class TallySums implements CountSource {
  /** Of each worker, gone or not, by target. */
  readonly #told = new Map<number, Map<string, TargetCounts>>();
  readonly #gone = new Map<string, TargetCounts>();
  /** In the order in which they changed. */
  readonly #changed = new Map<string, number>();
  #failures: FailedRequest[] = [];
  #failed = 0;
  #mark = 0;

  /** @param worker its number */
  take(worker: number, targets: readonly TargetCounts[], failures: readonly FailedRequest[]): void {
    let told = this.#told.get(worker);
    if (!told) this.#told.set(worker, (told = new Map<string, TargetCounts>()));
    for (const counts of targets) {
      const key = countsKey(counts);
      told.set(key, counts);
      this.#mark += 1;
      this.#changed.delete(key);
      this.#changed.set(key, this.#mark);
    }
    for (const failure of failures) {
      this.#failed += 1;
      this.#failures.push({ ...failure, number: this.#failed });
    }
    this.#failures = this.#failures.slice(-MOST_FAILURES);
  }

  /** A worker has ended: what it counted stays. */
  end(worker: number): void {
    for (const [key, counts] of this.#told.get(worker) ?? []) {
      this.#gone.set(key, sum(this.#gone.get(key), counts));
    }
    this.#told.delete(worker);
  }

  countsAfter(mark: number, most: number): ReturnType<CountSource['countsAfter']> {
    const changed = [...this.#changed].filter(([, at]) => at > mark);
    const taken = changed.slice(0, most);
    return {
      counts: taken.flatMap(([key]) => this.#total(key) ?? []),
      mark: taken.at(-1)?.[1] ?? mark,
      more: changed.length > taken.length,
    };
  }

  #total(key: string): TargetCounts | undefined {
    let total = this.#gone.get(key);
    for (const told of this.#told.values()) {
      const counts = told.get(key);
      if (counts) total = sum(total, counts);
    }
    return total;
  }

  failuresAfter(number: number): FailedRequest[] {
    return this.#failures.filter((failure) => failure.number > number);
  }
}

function sum(a: TargetCounts | undefined, b: TargetCounts): TargetCounts {
  if (!a) return b;
  return {
    ...b,
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    failedOtherwise: a.failedOtherwise + b.failedOtherwise,
    targetErrors: a.targetErrors + b.targetErrors,
    latency: added(a.latency, b.latency),
    slowest: [...a.slowest, ...b.slowest]
      .sort((one, other) => other.milliseconds - one.milliseconds)
      .slice(0, MOST_SLOWEST),
  };
}
