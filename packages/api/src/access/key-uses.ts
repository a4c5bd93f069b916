// When each key was last used, as well as it can be had: written at most every quarter of an hour for a key, and not at all
// when there is much to do.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { collections } from '@berth/store/keys.ts';
import { guardPresent, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

interface KeyUsesDeps {
  readonly store: Pick<Store, 'commit'>;
  readonly cache: State;
  readonly clock: Clock;
  readonly logger: Logger;
}

const EVERY_MS = 15 * 60_000;
const MOST_UNDER_WAY = 8;

export class KeyUses {
  readonly #deps: KeyUsesDeps;
  /** By key, when it was written last by this replica. Keys that are there only, so it is no longer than those. */
  readonly #written = new Map<string, number>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #end = new AbortController();

  constructor(deps: KeyUsesDeps) {
    this.#deps = deps;
  }

  /** Returns at once. @param service as the audit log calls it */
  note(accessKeyId: string, service: string): void {
    const { cache, clock } = this.#deps;
    const now = clock.now();
    const known = cache.get(collections.accessKeyUses, accessKeyId)?.value.lastUsedAt ?? 0;
    if (now - Math.max(known, this.#written.get(accessKeyId) ?? 0) < EVERY_MS) return;
    if (this.#underWay.size >= MOST_UNDER_WAY || this.#end.signal.aborted) return;
    const key = cache.get(collections.accessKeys, accessKeyId);
    if (!key) return;
    this.#written.set(accessKeyId, now);
    const use = { id: accessKeyId, lastUsedAt: now, service };
    const writing = this.#deps.store
      .commit(
        {
          guards: [guardPresent(key)],
          puts: [putRecord(collections.accessKeyUses, [accessKeyId], use)],
          deletes: [],
        },
        this.#end.signal,
      )
      .then(
        () => undefined,
        (error: unknown) => {
          this.#deps.logger.debug({ err: error, accessKeyId }, 'the use of a key was not noted');
        },
      )
      .finally(() => this.#underWay.delete(writing));
    this.#underWay.add(writing);
  }

  async stop(): Promise<void> {
    this.#end.abort(new Error('the api is stopping'));
    await Promise.all(this.#underWay);
  }
}
