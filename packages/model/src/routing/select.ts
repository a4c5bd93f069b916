// Which target of a group takes the next request. A target group never fails over to another, and a draining target never
// takes a new request, whatever the state of the others. Source: ALB reference, sections 3.2 and 3.4.

export interface Selectable {
  readonly draining: boolean;
  readonly healthy: boolean;
  /** Connections to it failed a moment ago, or it has answered with failures only. */
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

/** A target that may get less than its full share for a while. */
export interface Paced {
  /** Of what the others get: above 0, at most 1. */
  readonly share: number;
  /** What it has saved up for its next turn. Changed. */
  credit: number;
}

/**
 * As `roundRobin`, but a target is passed over until its share adds up to a turn: one at a third comes up in every third round. Where nobody
 * has a full share, the largest counts as one.
 */
export function pacedTurn<T extends Paced>(
  eligible: readonly T[],
  cursor: number,
  avoid?: (target: T) => boolean,
): number {
  const count = eligible.length;
  let largest = 0;
  for (const target of eligible) {
    if (avoid?.(target) !== true && target.share > largest) largest = target.share;
  }
  if (largest === 0) return -1;
  for (let step = 0; ; step += 1) {
    const index = (cursor + step) % count;
    const target = eligible[index] as T;
    if (avoid?.(target) === true) continue;
    target.credit = Math.min(1, target.credit) + target.share / largest;
    if (target.credit < 1 - ROUNDING) continue;
    target.credit -= 1;
    return index;
  }
}

const ROUNDING = 1e-9;

/**
 * One at random, each as likely as its weight says.
 * @param random in [0, 1)
 * @returns an index into `eligible`, -1 when nobody is left. Pure.
 */
export function weightedRandom<T extends { readonly weight: number }>(
  eligible: readonly T[],
  random: number,
  avoid?: (target: T) => boolean,
): number {
  let total = 0;
  let last = -1;
  for (const [index, target] of eligible.entries()) {
    if (avoid?.(target) === true || target.weight <= 0) continue;
    total += target.weight;
    last = index;
  }
  let left = random * total;
  for (const [index, target] of eligible.entries()) {
    if (avoid?.(target) === true || target.weight <= 0) continue;
    left -= target.weight;
    if (left < 0) return index;
  }
  return last;
}

/**
 * Always the same one for the same client while it is there; when targets come or go, few clients move (rendezvous hashing).
 * @returns an index into `eligible`, -1 when nobody is left. Pure.
 */
export function byClient<T extends { readonly key: string }>(
  eligible: readonly T[],
  client: string,
  avoid?: (target: T) => boolean,
): number {
  let best = -1;
  let highest = -1;
  for (const [index, target] of eligible.entries()) {
    if (avoid?.(target) === true) continue;
    const score = hash(`${client} ${target.key}`);
    if (score <= highest) continue;
    highest = score;
    best = index;
  }
  return best;
}

/** FNV-1a with a final mix, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
