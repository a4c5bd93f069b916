// Guarded read-modify-write. A decision is made on the cache's view and committed only if what it looked at
// still stands; a lost race is decided anew on a newer view, at most five times. Nothing is ever half written:
// one decision is one transaction.
import { BerthError } from '@berth/model/errors.ts';
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import type { Collection } from '@berth/store/keys.ts';
import { guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';
import type { Guard, Put } from '@berth/store/store.ts';

import type { OperationContext } from './deps.ts';

const MOST_ATTEMPTS = 5;

export interface Decision<T> {
  readonly guards?: readonly Guard[];
  readonly puts?: readonly Put[];
  readonly deletes?: readonly string[];
  /** The answer, on a view that has the change. */
  readonly result: (state: State) => T;
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** What for, in words that follow "could not": `create service web`. */
  readonly attempted: string;
  /** What must not be changed by two calls of this process at once. */
  readonly turn?: string;
}

/**
 * Decide, commit, wait until the cache shows it, answer. A decision without puts and deletes commits nothing.
 * @param decide pure apart from chance; what it throws is the answer and nothing is written
 * @throws BerthError ServerException when other writers won five times, Unavailable when the outcome is unknown
 */
export async function write<T>(
  on: OperationContext,
  { signal, attempted, turn }: WriteOptions,
  decide: (state: State) => Decision<T>,
): Promise<T> {
  const attempt = (): Promise<T> => attemptAll(on, signal, attempted, decide);
  return turn === undefined ? attempt() : on.turns.run(turn, signal, attempt);
}

async function attemptAll<T>(
  { store, cache }: OperationContext,
  signal: AbortSignal,
  attempted: string,
  decide: (state: State) => Decision<T>,
): Promise<T> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    const { guards = [], puts = [], deletes = [], result } = decide(cache);
    if (puts.length === 0 && deletes.length === 0) return result(cache);
    const outcome = await store.commit({ guards, puts, deletes }, signal);
    await cache.reached(outcome.revision, signal);
    if (outcome.committed) return result(cache);
  }
  throw new BerthError(
    'ServerException',
    `Could not ${attempted}: other changes to the same things came first ${MOST_ATTEMPTS} times. Nothing was changed; try again.`,
  );
}

/** Guard and put that replace a record by a new value. */
export function replace<N extends MessageName>(
  of: Collection<N>,
  stored: Stored<MessageTypes[N]>,
  value: MessageTypes[N],
): { readonly guard: Guard; readonly put: Put } {
  return { guard: guardUnchanged(stored), put: putRecord(of, stored.parts, value) };
}

/**
 * Guard and put that leave a record as it is but move its revision. Whoever adds something that hangs on a record
 * touches it, so that a deletion decided meanwhile, which saw nothing hang there, fails its guard.
 */
export function touch<N extends MessageName>(
  of: Collection<N>,
  stored: Stored<MessageTypes[N]>,
): { readonly guard: Guard; readonly put: Put } {
  return replace(of, stored, stored.value);
}
