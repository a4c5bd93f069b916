// The keys with which proxies seal the cookies that they make: the same for all proxies, kept in the store. A new one is made every
// 30 days; older ones stay for as long as a cookie of theirs may come back. Source: ALB reference, section 3.2.
import { randomBytes } from 'node:crypto';

import type { Clock } from '@berth/control/clock.ts';
import { Latch } from '@berth/control/latch.ts';
import type { Logger } from '@berth/control/logger.ts';
import { childScope } from '@berth/control/scope.ts';
import type { CookieKey } from '@berth/model/generated/messages.ts';
import type { Sealer } from '@berth/process/seal.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, StateCache } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

/** The name of the secret. */
export const COOKIE_KEYS = 'cookie-keys';
const PURPOSE = keyOf(collections.secrets, COOKIE_KEYS);
const DAY_MS = 86_400_000;
const RENEW_AFTER_MS = 30 * DAY_MS;
/** Cookies of balancers last for seven days at most. */
const KEEP_MS = 8 * DAY_MS;
const LOOK_EVERY_MS = 3_600_000;
const KEY_BYTES = 32;

interface DatedKey extends CookieKey {
  readonly createdAt: number;
}

/** The keys as proxies get them, the one to make cookies with first; none while there are none. @throws BerthError Internal */
export function readCookieKeys(state: State, sealer: Sealer): readonly CookieKey[] {
  return read(state, sealer).map(({ id, key }) => ({ id, key }));
}

function read(state: State, sealer: Sealer): readonly DatedKey[] {
  const record = state.get(collections.secrets, COOKIE_KEYS)?.value;
  if (!record) return [];
  const lines = Buffer.from(sealer.open(record.sealed, PURPOSE)).toString().split('\n');
  return lines.map((line) => {
    const [id = '', createdAt, key = ''] = line.split(' ');
    return { id, key: Buffer.from(key, 'base64'), createdAt: Number(createdAt) };
  });
}

function write(keys: readonly DatedKey[]): Buffer {
  const lines = keys.map(
    ({ id, key, createdAt }) => `${id} ${createdAt} ${Buffer.from(key).toString('base64')}`,
  );
  return Buffer.from(lines.join('\n'));
}

/** The keys as they should be now; the same list where nothing is due. */
export function turnedKeys(
  keys: readonly DatedKey[],
  now: number,
  draw: (bytes: number) => Buffer,
): readonly DatedKey[] {
  const [first] = keys;
  const due = !first || now - first.createdAt >= RENEW_AFTER_MS;
  const all = due
    ? [{ id: draw(8).toString('hex'), key: draw(KEY_BYTES), createdAt: now }, ...keys]
    : keys;
  // A key is out of use since the next one was made.
  const kept = all.filter((_key, index) => {
    const successor = all[index - 1];
    return !successor || now - successor.createdAt < KEEP_MS;
  });
  return due || kept.length < keys.length ? kept : keys;
}

export interface CookieKeysOptions {
  readonly store: Store;
  readonly cache: StateCache;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sealer: Sealer;
}

/** Sees to it that there are keys as long as proxies are connected to this replica. */
export class CookieKeys {
  readonly #options: CookieKeysOptions;
  readonly #wanted = new Latch();

  constructor(options: CookieKeysOptions) {
    this.#options = options;
  }

  /** A proxy has come. */
  wake(): void {
    this.#wanted.set();
  }

  /** Until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    try {
      await this.#wanted.take(signal);
      while (!signal.aborted) {
        await this.turn(signal).catch((error: unknown) => {
          if (!signal.aborted)
            logger.warn({ err: error }, 'the keys of cookies could not be seen to');
        });
        await this.#pause(signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Make or renew the keys, if that is due and nobody else does it first. @throws BerthError Unavailable, Internal */
  async turn(signal: AbortSignal): Promise<void> {
    const { store, cache, clock, sealer } = this.#options;
    const stored = cache.get(collections.secrets, COOKIE_KEYS);
    const keys = read(cache, sealer);
    const turned = turnedKeys(keys, clock.now(), randomBytes);
    if (turned === keys) return;
    const record = {
      name: COOKIE_KEYS,
      sealed: sealer.seal(write(turned), PURPOSE),
      createdAt: stored?.value.createdAt ?? clock.now(),
    };
    const guard = stored ? guardUnchanged(stored) : guardAbsent(collections.secrets, COOKIE_KEYS);
    const puts = [putRecord(collections.secrets, [COOKIE_KEYS], record)];
    const { revision } = await store.commit({ guards: [guard], puts, deletes: [] }, signal);
    await cache.reached(revision, signal);
  }

  /** For an hour, or until the next proxy comes. */
  async #pause(signal: AbortSignal): Promise<void> {
    const scope = childScope(signal);
    const { clock } = this.#options;
    const rest = (work: Promise<unknown>): Promise<unknown> => work.catch(() => undefined);
    try {
      await Promise.race([
        rest(clock.sleep(LOOK_EVERY_MS, scope.signal)),
        rest(this.#wanted.take(scope.signal)),
      ]);
    } finally {
      scope.abort(new Error('the pause is over'));
    }
  }
}
