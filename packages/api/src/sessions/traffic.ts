// What the proxies have counted, as the operations read it.
import type { TrafficCounters } from '@berth/model/generated/messages.ts';

export interface TrafficSource {
  /** The sum of what the live proxies last reported of this target group. */
  counters(group: string): TrafficCounters;
}
