// Wakes many sleepers for one piece of news without keeping everybody else waiting meanwhile: some at a time, and between rounds it
// rests, the longer the more it woke, so that what comes during a rush is told together.
import type { Clock } from './clock.ts';
import { Latch } from './latch.ts';

/** How many are woken before others get their turn. */
const AT_A_TIME = 32;
const TURN_MS = 1;
/** For each that was woken; at most. Ten wait for 6 ms; of thousands each finds several things to tell instead of one. */
const REST_MS = 0.6;
const MOST_REST_MS = 3_000;

/** For one caller of `run`. */
export class PacedWakes<K> {
  readonly #clock: Clock;
  readonly #wake: (sleeper: K) => void;
  #due = new Set<K>();
  readonly #news = new Latch();

  constructor(clock: Clock, wake: (sleeper: K) => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** Wake this one soon; once, however often it is asked for until then. */
  add(sleeper: K): void {
    this.#due.add(sleeper);
    this.#news.set();
  }

  /** Until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await this.#news.take(signal);
        const woken = await this.#round(signal);
        await this.#clock.sleep(Math.min(MOST_REST_MS, woken * REST_MS), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #round(signal: AbortSignal): Promise<number> {
    const round = this.#due;
    this.#due = new Set();
    let woken = 0;
    for (const sleeper of round) {
      this.#wake(sleeper);
      woken += 1;
      if (woken % AT_A_TIME === 0) await this.#clock.sleep(TURN_MS, signal);
    }
    await this.#clock.sleep(TURN_MS, signal);
    return woken;
  }
}
