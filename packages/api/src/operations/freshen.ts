// Reads that show everything acknowledged before they began, whichever replica acknowledged it: learn the
// store's revision by a linearizable read of next to nothing, then wait until the cache has reached it.
import type { StateCache } from '@berth/store/state.ts';
import { collections, prefixOf } from '@berth/store/keys.ts';
import type { Store } from '@berth/store/store.ts';

/** @throws BerthError Unavailable when the store can't be asked or the cache does not follow */
export function freshenFrom(
  store: Store,
  cache: StateCache,
): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    const { revision } = await store.list(prefixOf(collections.leader), signal, { limit: 1 });
    await cache.reached(revision, signal);
  };
}
