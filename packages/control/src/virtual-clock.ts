// Time that passes only when it is told to: for tests and for the simulated cluster. Deterministic:
// sleepers wake in the order of their time, then of their falling asleep.
import type { Clock } from './clock.ts';

interface Sleeper {
  readonly at: number;
  readonly sequence: number;
  asleep: boolean;
  wake(): void;
}

/** Wall and monotonic time run together; monotonic time starts at 0. */
export class VirtualClock implements Clock {
  readonly #start: number;
  #elapsed = 0;
  #sequence = 0;
  #sleeping = 0;
  /** A binary heap by time and sequence; those that have been woken otherwise are still in it. */
  readonly #sleepers: Sleeper[] = [];

  /** @param start wall time in ms at which the clock begins */
  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  /** How many wait for their time. */
  get sleeping(): number {
    return this.#sleeping;
  }

  /** Monotonic time at which the next sleeper wakes; undefined when none sleeps. */
  get nextWake(): number | undefined {
    return this.#next()?.at;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        sleeper.asleep = false;
        this.#sleeping -= 1;
        reject(signal.reason as Error);
      };
      const sleeper: Sleeper = {
        at: this.#elapsed + Math.max(0, ms),
        sequence: (this.#sequence += 1),
        asleep: true,
        wake: () => {
          signal.removeEventListener('abort', onAbort);
          sleeper.asleep = false;
          this.#sleeping -= 1;
          resolve();
        },
      };
      this.#sleeping += 1;
      push(this.#sleepers, sleeper);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Let `ms` pass. Whoever wakes runs until it waits again before the next is woken. */
  async advance(ms: number): Promise<void> {
    await settle();
    const end = this.#elapsed + ms;
    for (let next = this.#next(); next && next.at <= end; next = this.#next()) {
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.wake();
      await settle();
    }
    this.#elapsed = end;
  }

  /**
   * Let time pass until the condition holds.
   * @throws Error when it does not within `limitMs`, or nobody sleeps any more
   */
  async advanceUntil(condition: () => boolean, limitMs: number): Promise<void> {
    const end = this.#elapsed + limitMs;
    await settle();
    while (!condition()) {
      const next = this.#next();
      if (!next || next.at > end) {
        throw new Error(`the condition did not hold within ${limitMs} ms of virtual time`);
      }
      await this.advance(next.at - this.#elapsed);
    }
  }

  #next(): Sleeper | undefined {
    for (;;) {
      const [first] = this.#sleepers;
      if (!first || first.asleep) return first;
      pop(this.#sleepers);
    }
  }
}

function isBefore(a: Sleeper, b: Sleeper): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

function push(heap: Sleeper[], added: Sleeper): void {
  let at = heap.length;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] as Sleeper;
    if (isBefore(above, added)) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = added;
}

function pop(heap: Sleeper[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    const other = heap[child + 1];
    if (other && isBefore(other, heap[child] as Sleeper)) child += 1;
    const below = heap[child] as Sleeper;
    if (isBefore(last, below)) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
}

/** Let every promise that can settle without input or time do so. */
export function settle(): Promise<void> {
  // eslint-disable-next-line no-restricted-globals -- a turn of the event loop, not a span of time
  return new Promise((resolve) => setImmediate(resolve));
}

/** A seeded uniform generator (mulberry32), the same sequence for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
