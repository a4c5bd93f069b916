// Takes a lab down, also one whose `lab up` or `lab down` was killed half way. Nothing of a lab outlives it, so nothing is
// stopped in order: what runs is killed, then all that it used is removed.
import type { Clock } from '@berth/control/clock.ts';

import { isLocked } from '../dev/lock.ts';
import { CommandError, exitCodes } from '../failure.ts';
import { removeLab } from './leftovers.ts';
import type { Places } from './plan.ts';
import { isAlive, signalAll } from './proc.ts';
import { LABS, labsOf, placesOf, readState, writeState } from './state.ts';
import { holderOf, lockLab } from './up.ts';

const POLL_MS = 100;
/** For a `lab up` in the middle of building to let go; it takes down what it made itself. */
const BUILDER_MS = 60_000;

/** The caller holds the lock. @returns what could not be removed */
export async function destroyLab(name: string, clock: Clock): Promise<string[]> {
  const places = placesOf(name);
  const state = readState(places);
  if (state) writeState(places, { ...state, phase: 'ending' });
  return await removeLab(name, places, LABS, clock);
}

export interface DownResult {
  /** Whether there was anything of such a lab. */
  readonly existed: boolean;
  /** What could not be removed. */
  readonly problems: readonly string[];
}

/** Ask a builder to stop if there is one, then remove the lab. @throws CommandError when somebody else holds on to it */
export async function takeDown(name: string, clock: Clock): Promise<DownResult> {
  const existed = labsOf().includes(name);
  if (existed) await askHolderToEnd(placesOf(name), clock);
  const lock = await lockLab(name);
  try {
    return { existed, problems: await destroyLab(name, clock) };
  } finally {
    await lock.release();
  }
}

async function askHolderToEnd({ directory }: Places, clock: Clock): Promise<void> {
  if (!(await isLocked(directory))) return;
  const holder = holderOf(directory);
  if (holder && isAlive(holder)) signalAll([holder.pid], 'SIGTERM');
  const begin = clock.monotonic();
  while (await isLocked(directory)) {
    if (clock.monotonic() - begin > BUILDER_MS) {
      throw new CommandError(
        exitCodes.failed,
        `process ${holder?.pid ?? '?'}, which builds this lab or takes it down, did not end within ${BUILDER_MS / 1000} s`,
        { next: `kill -9 ${holder?.pid ?? 'PID'}, then the same command` },
      );
    }
    await clock.sleep(POLL_MS, new AbortController().signal);
  }
}
