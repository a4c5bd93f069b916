// What processes have used so far, as the kernel counts it. Linux only.
import { readFileSync } from 'node:fs';

/** Of what the kernel counts CPU time in; the same on every Linux. */
const TICKS_A_SECOND = 100;
const MIB = 1024;

export interface Usage {
  /** User and system time in seconds. */
  readonly cpuSeconds: number;
  /** Now, and at most so far. */
  readonly residentMiB: number;
  readonly peakMiB: number;
}

const NOTHING: Usage = { cpuSeconds: 0, residentMiB: 0, peakMiB: 0 };

/** Of one process; nothing when it is gone. */
export function usageOf(pid: number | undefined): Usage {
  if (pid === undefined) return NOTHING;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything; after it come the fields from the third on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [user = 0, system = 0] = fields.slice(11, 13).map(Number);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kib = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
    return {
      cpuSeconds: (user + system) / TICKS_A_SECOND,
      residentMiB: kib('VmRSS') / MIB,
      peakMiB: kib('VmHWM') / MIB,
    };
  } catch {
    return NOTHING;
  }
}
