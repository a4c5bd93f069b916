// The launch throttle: a deployment whose tasks do not come up is tried less and less often, for ever.
// Independent of the circuit breaker. Pure. Source: ECS reference, section 6.6; the steps are Berth's own.
import type { DeploymentRecord } from '../generated/messages.ts';

export const THROTTLE_BASE_MS = 2_000;
export const THROTTLE_MAX_MS = 27 * 60_000;
/** From the third vain round on people are told. */
export const IMPAIRED_AFTER = 3;

type Throttle = Pick<DeploymentRecord, 'launchFailures' | 'nextLaunchAt'>;

/** How long to wait after so many vain rounds of launching. */
export function throttleDelay(rounds: number): number {
  return rounds === 0 ? 0 : Math.min(THROTTLE_MAX_MS, THROTTLE_BASE_MS * 2 ** (rounds - 1));
}

/** Tasks launched together fail together: what fails while the throttle already waits is the same round. */
export function throttled(before: Throttle, now: number): Throttle {
  const { launchFailures, nextLaunchAt } = before;
  if (nextLaunchAt !== undefined && now < nextLaunchAt) return before;
  const rounds = launchFailures + 1;
  return { launchFailures: rounds, nextLaunchAt: now + throttleDelay(rounds) };
}

export function mayLaunchAt({ nextLaunchAt }: Throttle, now: number): boolean {
  return nextLaunchAt === undefined || now >= nextLaunchAt;
}
