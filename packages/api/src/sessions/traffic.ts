// What the proxies have counted, as the operations read it.
import type { TrafficCounters } from '@berth/model/generated/messages.ts';

export interface TrafficSource {
  /** The target groups that the proxies connected to this replica have counted requests of. */
  groups(): Iterable<string>;
  /** The sum of what these proxies last reported of a target group. */
  counters(group: string): TrafficCounters;
}

/** Pure. */
export function sumOf(parts: Iterable<TrafficCounters>): TrafficCounters {
  const sum = { requests: 0, failed: 0, targetErrors: 0, active: 0 };
  for (const { requests, failed, targetErrors, active } of parts) {
    sum.requests += requests;
    sum.failed += failed;
    sum.targetErrors += targetErrors;
    sum.active += active;
  }
  return sum;
}
