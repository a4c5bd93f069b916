// Requests that wait until a target of their group has room. First come, first served; no more than a bounded number, each for a bounded time.
import type { Clock } from '@berth/control/clock.ts';

import type { Target } from '../target.ts';

/** Exactly one of the two is called, unless it gives up first. */
export interface TargetWaiter {
  /** The target counts the request already. */
  onTarget(target: Target): void;
  /** Nobody had room in time. */
  onNoTarget(): void;
}

export class TargetQueue {
  readonly #clock: Clock;
  readonly #waiting = new Map<TargetWaiter, AbortController>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get length(): number {
    return this.#waiting.size;
  }

  add(waiter: TargetWaiter, ms: number): void {
    const served = new AbortController();
    this.#waiting.set(waiter, served);
    this.#expire(waiter, ms, served.signal).catch(() => undefined);
  }

  async #expire(waiter: TargetWaiter, ms: number, served: AbortSignal): Promise<void> {
    await this.#clock.sleep(ms, served);
    if (this.#waiting.delete(waiter)) waiter.onNoTarget();
  }

  /** @returns whose turn it is, who is no longer in the queue */
  take(): TargetWaiter | undefined {
    for (const [waiter] of this.#waiting) {
      this.remove(waiter);
      return waiter;
    }
    return undefined;
  }

  remove(waiter: TargetWaiter): void {
    this.#waiting.get(waiter)?.abort();
    this.#waiting.delete(waiter);
  }
}
