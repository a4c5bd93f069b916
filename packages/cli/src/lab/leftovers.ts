// Takes a lab off the machine, however much of it there is: all that runs in it, mounts, namespaces, cgroups, files. Goes by
// what the machine shows, not by what the lab remembers, so that it works after any crash; repeating it changes nothing.
import type { Clock } from '@berth/control/clock.ts';

import { processesInCgroup, removeCgroups, thawCgroups } from './cgroups.ts';
import { unmountBelow } from './disks.ts';
import { namespacesWith, processesIn } from './namespace.ts';
import { removeNetwork } from './network.ts';
import type { Places } from './plan.ts';
import { signalAll } from './proc.ts';
import { forgetState } from './state.ts';

const POLL_MS = 50;
const QUIET_ROUNDS = 3;
const KILLED_MS = 20_000;

/** @returns what could not be removed */
export async function removeLab(
  name: string,
  places: Places,
  labs: string,
  clock: Clock,
): Promise<string[]> {
  const prefix = `berth-${name}`;
  const problems = await killEverything(prefix, clock);
  problems.push(...(await unmountBelow(places.directory)));
  problems.push(...(await removeNetwork({ prefix, rootLink: prefix }, labs)));
  problems.push(...removeCgroups(prefix));
  if (problems.length === 0) forgetState(places, labs);
  return problems;
}

/** Whether anything of such a lab runs. */
export function runsAnything(name: string): boolean {
  return everyProcess(`berth-${name}`).length > 0;
}

/** In its namespaces or in its containers' cgroups: that is how all that belongs to a lab is known. */
function everyProcess(prefix: string): number[] {
  return [
    ...new Set([...processesIn(namespacesWith(`${prefix}-`)), ...processesInCgroup(prefix)]),
  ].filter((pid) => pid !== process.pid);
}

/** What is being born while we look appears in a later round: only several empty ones are the end. */
async function killEverything(prefix: string, clock: Clock): Promise<string[]> {
  const begin = clock.monotonic();
  for (let quiet = 0; quiet < QUIET_ROUNDS;) {
    const pids = everyProcess(prefix);
    quiet = pids.length === 0 ? quiet + 1 : 0;
    if (clock.monotonic() - begin > KILLED_MS) {
      return [`processes that SIGKILL does not end: ${pids.join(', ')}`];
    }
    signalAll(pids, 'SIGKILL');
    if (pids.length > 0) thawCgroups(prefix);
    await clock.sleep(POLL_MS, new AbortController().signal);
  }
  return [];
}
