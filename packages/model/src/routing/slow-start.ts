// A target that has just become healthy gets its full share of requests only after a while, rising from a tenth in a straight line.
// Source: ALB reference, section 3.2; the form of the rise is ours, AWS does not tell its own.

const LEAST_SHARE = 0.1;

export interface Starter {
  /** When it was registered, wall time. */
  readonly registeredAt: number;
  /** It is healthy, and was when the group looked last. */
  readonly settled: boolean;
  /** Monotonic milliseconds when its slow start began; undefined: it has its full share. */
  readonly slowSince: number | undefined;
  /** It has been healthy before in this registration. */
  readonly recovering: boolean;
}

/** @returns the share of a target whose slow start has begun `elapsedMs` ago; 1 when it is over. Pure. */
export function slowStartShare(elapsedMs: number, durationMs: number): number {
  if (durationMs <= 0 || elapsedMs >= durationMs) return 1;
  return Math.max(LEAST_SHARE, elapsedMs / durationMs);
}

/**
 * Whether a target that has become healthy starts slowly: only beside another that is healthy and not starting itself, and that did not
 * come by the same registration. Pure.
 */
export function startsSlowly(target: Starter, others: Iterable<Starter>): boolean {
  for (const other of others) {
    if (other === target || !other.settled || other.slowSince !== undefined) continue;
    if (target.recovering || other.registeredAt !== target.registeredAt) return true;
  }
  return false;
}
