// Services whose tasks fit nowhere: tried again after a growing wait, or as soon as capacity may have changed.
// In memory only: a new leader tries at once, which does no harm.
import type { Clock } from '@berth/control/clock.ts';

const FIRST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 60_000;

interface Hold {
  readonly cluster: string;
  readonly deploymentId: string;
  readonly refusals: number;
  /** Wall time. */
  readonly until: number;
  /** Capacity may have changed since the last refusal. */
  readonly freed: boolean;
}

export class PlacementHolds {
  readonly #clock: Clock;
  readonly #holds = new Map<string, Hold>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Until when nothing should be placed for the service; undefined: try. A new deployment is tried at once. */
  heldUntil(key: string, deploymentId: string | undefined): number | undefined {
    const hold = this.#holds.get(key);
    if (!hold || hold.freed) return undefined;
    if (hold.deploymentId !== deploymentId) {
      this.#holds.delete(key);
      return undefined;
    }
    return hold.until;
  }

  /** Is an attempt now made because its time has come, or is the first? */
  isDue(key: string): boolean {
    const hold = this.#holds.get(key);
    return !hold || this.#clock.now() >= hold.until;
  }

  refused(key: string, cluster: string, deploymentId: string): void {
    const before = this.#holds.get(key);
    const now = this.#clock.now();
    if (before?.freed === true && now < before.until) {
      this.#holds.set(key, { ...before, freed: false });
      return;
    }
    const refusals = (before?.refusals ?? 0) + 1;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(refusals - 1, 10));
    this.#holds.set(key, { cluster, deploymentId, refusals, until: now + wait, freed: false });
  }

  placed(key: string): void {
    this.#holds.delete(key);
  }

  /** The keys of a cluster that wait for capacity; they may try again. */
  free(cluster: string): string[] {
    const waiting = [...this.#holds].filter(([, hold]) => hold.cluster === cluster);
    for (const [key, hold] of waiting) this.#holds.set(key, { ...hold, freed: true });
    return waiting.map(([key]) => key);
  }
}
