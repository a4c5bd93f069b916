// A work queue of keys with the semantics of client-go's: a key waits at most once however often it is
// added; it is never worked on by two at once; added while being worked on, it comes again afterwards.
// Source: kubernetes/client-go util/workqueue.
import { invariant } from '@berth/model/assert.ts';

import type { Clock } from './clock.ts';
import { Fifo } from './fifo.ts';
import { childScope, type Scope } from './scope.ts';

interface Taken<K> {
  readonly key: K;
  /** How long it had waited since it was due, in ms. */
  readonly waitedMs: number;
}

export class KeyedQueue<K> {
  readonly #clock: Clock;
  /** Keys that want work, with the time they were added; those being worked on wait for `done`. */
  readonly #dirty = new Map<K, number>();
  readonly #processing = new Set<K>();
  readonly #waiting = new Fifo<K>();
  readonly #scheduled = new Map<K, number>();
  /** Keys that rest, with the time until which. */
  readonly #resting = new Map<K, number>();
  readonly #takers: (() => void)[] = [];
  #alarm: { readonly at: number; readonly scope: Scope } | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keys that could be taken now. */
  get depth(): number {
    return this.#waiting.size;
  }

  add(key: K): void {
    if (this.#closed) return;
    const rested = this.#resting.get(key);
    if (rested !== undefined && rested > this.#clock.monotonic()) {
      this.#schedule(key, rested);
      return;
    }
    this.#resting.delete(key);
    this.#scheduled.delete(key);
    if (this.#dirty.has(key)) return;
    this.#dirty.set(key, this.#clock.monotonic());
    if (!this.#processing.has(key)) this.#offer(key);
  }

  /** Add the key at a monotonic time; the earliest wins, and a plain `add` before it replaces it. */
  addAt(key: K, at: number): void {
    if (this.#closed) return;
    if (at <= this.#clock.monotonic()) {
      this.add(key);
      return;
    }
    this.#schedule(key, at);
  }

  #schedule(key: K, at: number): void {
    const known = this.#scheduled.get(key);
    if (known !== undefined && known <= at) return;
    this.#scheduled.set(key, at);
    this.#arm(at);
  }

  /** The next key, once there is one. Undefined: the queue is closed. @throws the signal's reason */
  async take(signal: AbortSignal): Promise<Taken<K> | undefined> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#closed) return undefined;
      const key = this.#waiting.shift();
      if (key !== undefined) {
        const since = this.#dirty.get(key);
        invariant(
          since !== undefined && !this.#processing.has(key),
          'a waiting key is dirty and idle',
        );
        this.#dirty.delete(key);
        this.#processing.add(key);
        return { key, waitedMs: this.#clock.monotonic() - since };
      }
      await this.#woken(signal);
      // Woken for a key and aborted before it took it: the key must not be left lying.
      if (signal.aborted && this.#waiting.size > 0) this.#takers.shift()?.();
    }
  }

  /**
   * The work on a key that was taken is over, however it ended.
   * @param restMs the key is not handed out again for so long
   */
  done(key: K, restMs = 0): void {
    invariant(this.#processing.delete(key), 'only a key that was taken can be done');
    if (restMs > 0) this.#resting.set(key, this.#clock.monotonic() + restMs);
    if (!this.#dirty.has(key)) return;
    if (restMs > 0) {
      this.#dirty.delete(key);
      this.add(key);
    } else this.#offer(key);
  }

  /** Nothing is handed out any more; whoever waits learns it. */
  close(): void {
    this.#closed = true;
    this.#alarm?.scope.abort();
    this.#alarm = undefined;
    this.#scheduled.clear();
    this.#resting.clear();
    for (const wake of this.#takers.splice(0)) wake();
  }

  #offer(key: K): void {
    this.#waiting.push(key);
    this.#takers.shift()?.();
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        const index = this.#takers.indexOf(wake);
        if (index >= 0) this.#takers.splice(index, 1);
        resolve();
      };
      this.#takers.push(wake);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** One sleep for all scheduled keys, until the earliest of them. */
  #arm(at: number): void {
    if (this.#alarm && this.#alarm.at <= at) return;
    this.#alarm?.scope.abort();
    const scope = childScope();
    this.#alarm = { at, scope };
    this.#clock.sleep(at - this.#clock.monotonic(), scope.signal).then(
      () => this.#ring(scope),
      () => undefined, // re-armed or closed
    );
  }

  #ring(scope: Scope): void {
    if (this.#alarm?.scope !== scope) return;
    this.#alarm = undefined;
    const now = this.#clock.monotonic();
    let next = Infinity;
    for (const [key, at] of this.#scheduled) {
      if (at > now) next = Math.min(next, at);
      else {
        this.#scheduled.delete(key);
        this.add(key); // or again later, for one that rests
      }
    }
    for (const [key, until] of this.#resting) if (until <= now) this.#resting.delete(key);
    if (next < Infinity) this.#arm(next);
  }
}
