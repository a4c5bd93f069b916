// Which target of a group takes the next request. A target group never fails over to another, and a draining target never
// takes a new request, whatever the state of the others. Source: ALB reference, sections 3.2 and 3.4.

export interface Selectable {
  readonly draining: boolean;
  readonly healthy: boolean;
  /** Connections to it failed a moment ago. */
  readonly ejected: boolean;
}

export interface Threshold {
  readonly minimumHealthyCount: number;
  /** Of the registered targets, 0-100. */
  readonly minimumHealthyPercentage: number;
}

export interface Eligible<T> {
  readonly targets: readonly T[];
  /** Too few are healthy, so all registered ones take part. */
  readonly failOpen: boolean;
}

/**
 * Healthy targets; all registered ones when fewer are healthy than the group's threshold says (by default:
 * none). Among either, those that were ejected take part only when nobody else is left. Pure.
 */
export function eligibleTargets<T extends Selectable>(
  targets: readonly T[],
  threshold: Threshold,
): Eligible<T> {
  const registered = targets.filter((target) => !target.draining);
  const healthy = registered.filter((target) => target.healthy);
  const wanted = Math.max(
    threshold.minimumHealthyCount,
    Math.ceil((registered.length * threshold.minimumHealthyPercentage) / 100),
  );
  const failOpen = registered.length > 0 && healthy.length < Math.max(1, wanted);
  const candidates = failOpen ? registered : healthy;
  const reachable = candidates.filter((target) => !target.ejected);
  return { targets: reachable.length > 0 ? reachable : candidates, failOpen };
}

/**
 * @param cursor any natural number; the caller goes on from the returned index plus one
 * @param avoid targets that this request has already tried
 * @returns an index into `eligible`, -1 when nobody is left. Pure.
 */
export function roundRobin<T>(
  eligible: readonly T[],
  cursor: number,
  avoid?: (target: T) => boolean,
): number {
  const count = eligible.length;
  for (let step = 0; step < count; step += 1) {
    const index = (cursor + step) % count;
    if (avoid === undefined || !avoid(eligible[index] as T)) return index;
  }
  return -1;
}

/** As `roundRobin`, but the target with the fewest requests in flight; ties go to the next in turn. Pure. */
export function leastOutstanding<T extends { readonly inFlight: number }>(
  eligible: readonly T[],
  cursor: number,
  avoid?: (target: T) => boolean,
): number {
  const count = eligible.length;
  let best = -1;
  let fewest = Infinity;
  for (let step = 0; step < count; step += 1) {
    const index = (cursor + step) % count;
    const target = eligible[index] as T;
    if (target.inFlight >= fewest || avoid?.(target) === true) continue;
    best = index;
    fewest = target.inFlight;
  }
  return best;
}
