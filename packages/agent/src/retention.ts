// Which stopped tasks' containers may go. Their logs are of use for a while; their number is bounded, since a
// task that crashes at once would otherwise fill the disk with what it leaves behind. Pure.

export interface StoppedTask {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly stoppedAt: number;
}

const KEEP_NEWEST = 20;
const KEEP_MS = 10 * 60_000;
const KEEP_AT_MOST = 100;

/** Kept are the newest 20, and of the others those of the last 10 minutes, 100 in all. @returns the ids of the others */
export function expendable(stopped: readonly StoppedTask[], now: number): readonly string[] {
  return [...stopped]
    .sort((a, b) => b.stoppedAt - a.stoppedAt)
    .filter(({ stoppedAt }, rank) => {
      const young = now - stoppedAt < KEEP_MS && rank < KEEP_AT_MOST;
      return rank >= KEEP_NEWEST && !young;
    })
    .map(({ id }) => id);
}
