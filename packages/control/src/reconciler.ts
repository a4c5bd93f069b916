// Runs one level-triggered loop for many keys: workers take keys from a queue, reconcile them, and come
// back to those that failed later and later. It knows nothing of what it reconciles.
import type { Clock, Random } from './clock.ts';
import { backoffDelay, TokenBucket, type BackoffOptions } from './backoff.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { Logger } from './logger.ts';

export interface Verdict {
  /** Wall time in ms at which only time will have changed the answer. */
  readonly wakeAt?: number | undefined;
  /** For so long the key is not worked on again: what changes meanwhile is looked at together. Default 0. */
  readonly pauseMs?: number | undefined;
}

export interface ReconcilerObserver {
  /** One key was worked on. */
  finished(outcome: 'success' | 'error', workMs: number, waitedMs: number): void;
}

export interface ReconcilerOptions {
  /** For the log. */
  readonly name: string;
  readonly workers: number;
  /** Read, plan, apply, record. Idempotent; the key may be gone. Throws to be called again with backoff. */
  reconcile(key: string, signal: AbortSignal): Promise<Verdict>;
  /** Every key is added again this often, at a random phase; 0: never. */
  readonly resyncMs: number;
  keys(): Iterable<string>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer?: ReconcilerObserver | undefined;
  /** Default 200 ms to 60 s. */
  readonly backoff?: BackoffOptions | undefined;
  /** How often all failing keys together are tried again, past a burst. Default 20 a second, 100 at once. */
  readonly retries?: { readonly perSecond: number; readonly burst: number } | undefined;
}

const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 200, maxMs: 60_000 };
const DEFAULT_RETRIES = { perSecond: 20, burst: 100 };

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #queue: KeyedQueue<string>;
  readonly #failures = new Map<string, number>();
  readonly #retries: TokenBucket;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue(options.clock);
    const { perSecond, burst } = options.retries ?? DEFAULT_RETRIES;
    this.#retries = new TokenBucket(options.clock, perSecond, burst);
  }

  /** Keys that wait for a worker now. */
  get depth(): number {
    return this.#queue.depth;
  }

  /** Keys whose last attempt failed. */
  get failing(): number {
    return this.#failures.size;
  }

  /** The key may need work. */
  add(key: string): void {
    this.#queue.add(key);
  }

  /** Work until the signal is aborted; resolves when the last worker has put its key down. Runs once. */
  async run(signal: AbortSignal): Promise<void> {
    const { workers, resyncMs } = this.#options;
    this.#addAll();
    const loops = Array.from({ length: workers }, () => this.#work(signal));
    if (resyncMs > 0) loops.push(this.#resync(signal));
    await Promise.all(loops);
    this.#queue.close();
  }

  #addAll(): void {
    for (const key of this.#options.keys()) this.#queue.add(key);
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const taken = await this.#queue.take(signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      if (!taken) return;
      const pauseMs = await this.#one(taken.key, taken.waitedMs, signal);
      this.#queue.done(taken.key, pauseMs);
    }
  }

  /** @returns for how long the key rests */
  async #one(key: string, waitedMs: number, signal: AbortSignal): Promise<number> {
    const { clock, observer } = this.#options;
    const started = clock.monotonic();
    try {
      const { wakeAt, pauseMs = 0 } = await this.#options.reconcile(key, signal);
      this.#failures.delete(key);
      if (wakeAt !== undefined) this.#queue.addAt(key, clock.monotonic() + wakeAt - clock.now());
      observer?.finished('success', clock.monotonic() - started, waitedMs);
      return pauseMs;
    } catch (error) {
      if (signal.aborted) return 0;
      this.#failed(key, error);
      observer?.finished('error', clock.monotonic() - started, waitedMs);
      return 0;
    }
  }

  #failed(key: string, error: unknown): void {
    const { clock, random, logger, name, backoff = DEFAULT_BACKOFF } = this.#options;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delay = Math.max(backoffDelay(backoff, failures, random), this.#retries.take());
    this.#queue.addAt(key, clock.monotonic() + delay);
    const fields = { err: error, reconciler: name, key, failures, retryInMs: Math.round(delay) };
    logger.warn(fields, 'reconciling failed; it will be tried again');
  }

  async #resync(signal: AbortSignal): Promise<void> {
    const { clock, random, resyncMs } = this.#options;
    let wait = resyncMs * random();
    while (!signal.aborted) {
      await clock.sleep(wait, signal).catch(() => undefined);
      if (signal.aborted) return;
      this.#addAll();
      wait = resyncMs;
    }
  }
}
