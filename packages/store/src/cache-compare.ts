// Finds out whether a cache has missed something, while both it and the store go on changing.
import type { ChangeBatch, StateCache, Stored } from './state.ts';
import { ROOT } from './keys.ts';
import type { Store } from './store.ts';

/** What a comparison needs of a cache. */
export type ComparableCache = Pick<StateCache, 'reached' | 'subscribe'> & {
  at(key: string): Stored<unknown> | undefined;
  all(): Iterable<Stored<unknown>>;
};

/**
 * The keys for which the cache does not show what the store holds. Keys that change during the
 * comparison are left out.
 * @param ignored keys whose records the cache knows it can't decode
 * @throws BerthError Unavailable when the store can't be read or the cache does not catch up with it
 */
export async function differences(
  cache: ComparableCache,
  store: Store,
  signal: AbortSignal,
  ignored: (key: string) => boolean = () => false,
): Promise<string[]> {
  const changed = new Set<string>();
  const stop = cache.subscribe((batch: ChangeBatch) => {
    for (const change of batch.changes) {
      const record = change.after ?? change.before;
      if (record) changed.add(record.key);
    }
  });
  try {
    const listed = new Set<string>();
    const found: string[] = [];
    let revision = 0;
    for await (const page of store.pages(ROOT, signal, { keysOnly: true })) {
      revision = page.revision;
      for (const { key, modRevision } of page.entries) {
        const cached = cache.at(key);
        // The text that the cache has anyway.
        if (cached) listed.add(cached.key);
        if (cached?.modRevision !== modRevision && !ignored(key)) found.push(key);
      }
    }
    await cache.reached(revision, signal);
    for (const { key } of cache.all()) if (!listed.has(key)) found.push(key);
    return found.filter((key) => !changed.has(key));
  } finally {
    stop();
  }
}
