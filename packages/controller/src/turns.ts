// Passes over all records of a kind, of which there may be a million. The leader's lease and the connections of the process have to
// be kept meanwhile: a pass yields `undefined` now and then, and who runs it lets others have their turn.
import type { Clock } from '@berth/control/clock.ts';

/** A few milliseconds. */
const AT_ONCE = 5_000;
const TURN_MS = 1;

/** Those that are wanted, each asked for when it is come to: meanwhile the state goes on. */
export function* picked<T>(
  all: Iterable<T>,
  wanted: (each: T) => boolean,
): Generator<undefined, T[], undefined> {
  const found: T[] = [];
  let count = 0;
  for (const each of all) {
    if (wanted(each)) found.push(each);
    count += 1;
    if (count % AT_ONCE === 0) yield undefined;
  }
  return found;
}

/** What a pass finds. @throws the signal's reason */
export async function inTurns<T>(
  pass: Iterable<T | undefined>,
  clock: Clock,
  signal: AbortSignal,
): Promise<T[]> {
  const found: T[] = [];
  for (const each of pass) {
    if (each === undefined) await clock.sleep(TURN_MS, signal);
    else found.push(each);
  }
  return found;
}
