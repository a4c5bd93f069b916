// What Linux says about processes. A process is told from a later one with the same number by its start time.
import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** In clock ticks since the machine's boot. */
  readonly startTime: number;
  /** Of the machine's boot. */
  readonly bootId: string;
}

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly startTime: number;
}

let boot: string | undefined;

export function bootId(): string {
  return (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}

/** @returns undefined when it is gone */
function stat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name is in parentheses and may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {
      state: fields[0] ?? '?',
      parent: Number(fields[1]),
      group: Number(fields[2]),
      startTime: Number(fields[19]),
    };
  } catch {
    return undefined;
  }
}

/** Who that process is now. @returns undefined when it is gone, or has ended and nobody has asked how */
export function identify(pid: number): ProcessIdentity | undefined {
  const found = stat(pid);
  if (!found || found.state === 'Z' || found.state === 'X') return undefined;
  return { pid, startTime: found.startTime, bootId: bootId() };
}

/** Who we are. */
export function self(): ProcessIdentity {
  const identity = identify(process.pid);
  if (!identity) throw new Error('/proc does not show this process');
  return identity;
}

/** Whether the very same process is still there. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now?.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** Stopped by SIGSTOP. */
export function isPaused(pid: number): boolean {
  return stat(pid)?.state === 'T';
}

/** The process, those of its group, and all that descend from them. */
export function familyOf(pid: number): number[] {
  const all = new Map(
    readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((entry) => {
        const found = stat(Number(entry));
        return found && found.state !== 'Z' ? [[Number(entry), found] as const] : [];
      }),
  );
  const family = new Set([...all].flatMap(([one, { group }]) => (group === pid ? one : [])));
  if (all.has(pid)) family.add(pid);
  for (let before = -1; before !== family.size;) {
    before = family.size;
    for (const [one, { parent }] of all) if (family.has(parent)) family.add(one);
  }
  return [...family];
}

/** Send a signal to those that are still there. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
