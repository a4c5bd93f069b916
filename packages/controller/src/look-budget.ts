// How long a service rests after a look at it. A look costs as much as the service has tasks, so large services are looked at once for
// many changes; and while many of them change at the same time, all looks together take a part of this process' time and no more.
import type { Clock } from '@berth/control/clock.ts';

/** Services with up to so many tasks never rest. */
const SMALL_SERVICE = 50;
/** A larger one rests for a millisecond a task, up to the least of these; while looks are behind, up to the most. */
const LEAST_LONG_MS = 1_000;
const MOST_MS = 5_000;
/** Of the time of the process, what looks at large services may take. */
const SHARE = 0.25;

export class LookBudget {
  readonly #clock: Clock;
  /** Monotonic time at which what was spent so far is within the share again. */
  #evenAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A look is over.
   * @param tasks of the service
   * @param ms that the process was busy with it
   * @returns for how long the service rests, in ms
   */
  restAfter(tasks: number, ms: number): number {
    if (tasks <= SMALL_SERVICE) return 0;
    const now = this.#clock.monotonic();
    this.#evenAt = Math.max(this.#evenAt, now) + ms / SHARE;
    return Math.min(MOST_MS, Math.max(this.#evenAt - now, Math.min(LEAST_LONG_MS, tasks)));
  }
}
