// How long a service rests after a look at it. A look costs as much as the service has tasks, so large services are looked at once for
// many changes; and while many of them change at the same time, all looks together take a part of this process' time and no more.
//
// In numbers: a look at 1,000 tasks that lie cold in memory takes 1 to 1.5 ms. Of one such service alone at most four looks a second
// are taken, 0.6 % of a core. When 1,000 of them change at once, a round of looks takes 1 to 1.5 s, which a tenth of the time spreads
// over 10 to 15 s: so long does each of them rest then. What a rush needs most, to start tasks, is done by the first look, when there
// are none to read; the others only follow how far they have come.
import type { Clock } from '@berth/control/clock.ts';

/** Services with up to so many tasks never rest. */
const SMALL_SERVICE = 50;
/** A larger one rests for so long a task, up to the least of these; while looks are behind, up to the most. */
const MS_A_TASK = 0.25;
const LEAST_LONG_MS = 250;
const MOST_MS = 15_000;
/** Of the time of the process, what looks at large services may take. */
const SHARE = 0.1;

export class LookBudget {
  readonly #clock: Clock;
  /** Monotonic time at which what was spent so far is within the share again; what no rest can make up for is forgotten. */
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
    this.#evenAt = Math.min(now + MOST_MS, Math.max(this.#evenAt, now) + ms / SHARE);
    return Math.max(this.#evenAt - now, Math.min(LEAST_LONG_MS, tasks * MS_A_TASK));
  }
}
