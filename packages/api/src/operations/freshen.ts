// Reads that show everything acknowledged before they began, whichever replica acknowledged it: learn the
// store's revision by a linearizable read of next to nothing, then wait until the cache has reached it. Calls that begin
// while a read is under way share the next one: however many there are, at most two reads are in flight or waiting.
import { abortable } from '@berth/control/scope.ts';
import type { StateCache } from '@berth/store/state.ts';
import { collections, prefixOf } from '@berth/store/keys.ts';
import type { Store } from '@berth/store/store.ts';

/** @throws BerthError Unavailable when the store can't be asked or the cache does not follow */
export function freshenFrom(
  store: Store,
  cache: StateCache,
): (signal: AbortSignal) => Promise<void> {
  const read = async (): Promise<number> => {
    // Not a caller's signal: others may wait for this read too. The store bounds it.
    const signal = new AbortController().signal;
    const { revision } = await store.list(prefixOf(collections.leader), signal, { limit: 1 });
    return revision;
  };
  let underWay: Promise<unknown> | undefined;
  let next: Promise<number> | undefined;

  /** A read that begins after this call: one that is under way may have been answered before it. */
  const nextRead = (): Promise<number> => {
    next ??= (async () => {
      await underWay?.catch(() => undefined);
      const own = read();
      underWay = own;
      next = undefined;
      return own;
    })();
    return next;
  };
  return async (signal) => {
    signal.throwIfAborted();
    await cache.reached(await abortable(nextRead(), signal), signal);
  };
}

type Freshen = (signal: AbortSignal) => Promise<void>;

/**
 * For a guard and the handler behind it, who both want to see what was acknowledged before the same call: once the guard does, so
 * does its handler.
 * @returns `guard`: a view for the guard of a call, known by its signal; `handler`: the same for what comes behind it, once
 */
export function sharedFreshen(freshen: Freshen): { guard: Freshen; handler: Freshen } {
  const seen = new WeakSet<AbortSignal>();
  return {
    guard: async (signal) => {
      await freshen(signal);
      seen.add(signal);
    },
    handler: async (signal) => {
      if (!seen.delete(signal)) await freshen(signal);
    },
  };
}
