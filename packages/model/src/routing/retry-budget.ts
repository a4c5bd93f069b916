// How many requests of a group may be on a further try at the same time, so that retries never become the load that breaks what is left.
// Only tries after something was sent count; going elsewhere because a connection can't be had costs the targets nothing.
// Source: ALB reference, section 7.
import type { RetrySettings } from './group-settings.ts';

/** @param active open requests of the group in this proxy. Pure. */
export function mayRetry(
  settings: Pick<RetrySettings, 'budgetPercent' | 'budgetMinimum'>,
  active: number,
  retrying: number,
): boolean {
  return retrying < settings.budgetMinimum + (active * settings.budgetPercent) / 100;
}
