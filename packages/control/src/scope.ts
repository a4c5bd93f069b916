// Waiting that can always be ended: by a signal, by a deadline. Every wait in Berth goes through one of
// these or takes a signal itself.
import { BerthError } from '@berth/model/errors.ts';

import type { Clock } from './clock.ts';

/**
 * The promise's outcome, or the signal's reason as soon as it is aborted. What the promise does afterwards is ignored; it
 * leaves nothing behind on the signal, so it may be called any number of times on a long-lived one.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * The promise's outcome if it comes within `ms`.
 * @param what named in the error: "starting the engine"
 * @throws BerthError DeadlineExceeded, or the signal's reason
 */
export async function withDeadline<T>(
  promise: Promise<T>,
  ms: number,
  clock: Clock,
  signal: AbortSignal,
  what: string,
): Promise<T> {
  const scope = childScope(signal);
  try {
    const expired = clock.sleep(ms, scope.signal).then(() => {
      throw new BerthError('DeadlineExceeded', `${what} took longer than ${ms} ms`);
    });
    return await abortable(Promise.race([promise, expired]), signal);
  } finally {
    scope.abort();
  }
}

export interface Scope {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

/** Made once: a scope ends with each call, and the stack of an error costs more than many a call. */
const ENDED = new DOMException('This operation was aborted', 'AbortError');

/** A scope that ends with any of the given ones, or by itself. Aborting it leaves nothing behind on its parents. */
export function childScope(...parents: readonly AbortSignal[]): Scope {
  const controller = new AbortController();
  const unlink: (() => void)[] = [];
  const abort = (reason: unknown = ENDED): void => {
    for (const step of unlink.splice(0)) step();
    controller.abort(reason);
  };
  for (const parent of parents) {
    if (parent.aborted) {
      abort(parent.reason);
      break;
    }
    const onAbort = (): void => abort(parent.reason);
    parent.addEventListener('abort', onAbort, { once: true });
    unlink.push(() => parent.removeEventListener('abort', onAbort));
  }
  return { signal: controller.signal, abort };
}

/**
 * The items of an iterable until it ends or the signal is aborted, even while it waits for the next one.
 * @throws what the iterable throws, or the signal's reason
 */
export async function* untilAborted<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await abortable(iterator.next(), signal);
      if (step.done) return;
      yield step.value;
    }
  } finally {
    // Not awaited: a generator learns of it only when what it waits for comes.
    iterator.return?.().catch(() => undefined);
  }
}
