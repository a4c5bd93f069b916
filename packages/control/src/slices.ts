// Long work in a process that has leases and connections to keep.
import type { Clock } from './clock.ts';

/** About ten milliseconds of light work. */
const AT_ONCE = 5_000;

/**
 * Work through many things, and let others have their turn now and then. Of what comes or goes meanwhile some is met and some is not.
 * @throws the signal's reason
 */
export async function inSlices<T>(
  things: Iterable<T>,
  work: (thing: T) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let done = 0;
  for (const thing of things) {
    work(thing);
    done += 1;
    if (done % AT_ONCE === 0) await clock.sleep(1, signal);
  }
  signal.throwIfAborted();
}
