// How long to wait before trying again, and a bound on how often all together may.
import type { Clock, Random } from './clock.ts';

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Default 2. */
  readonly factor?: number;
}

/**
 * The wait after the given number of failures in a row (1 or more): exponential, between half and all of the full value, so
 * that those who failed together do not come back together. Pure but for `random`.
 */
export function backoffDelay(options: BackoffOptions, failures: number, random: Random): number {
  const { initialMs, maxMs, factor = 2 } = options;
  const full = Math.min(maxMs, initialMs * factor ** Math.min(failures - 1, 64));
  return full * (0.5 + random() / 2);
}

/** A bucket that fills with time. `take` says how long its caller has to wait for its token; nobody is refused. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = clock.monotonic();
  }

  /** @returns ms until the token taken is there */
  take(): number {
    const now = this.#clock.monotonic();
    const gained = ((now - this.#filledAt) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained) - 1;
    this.#filledAt = now;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1000;
  }
}
