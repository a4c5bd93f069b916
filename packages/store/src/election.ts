// Fenced leadership. See docs/decisions on elections for why the election of the etcd3 package is not used.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';

import type { Guard, Store } from './store.ts';

/** A term of office. Every transaction of a leader carries `guard`: a deposed leader's writes are refused by etcd. */
export interface Leadership {
  /** The create revision of the leader key: grows with every term. */
  readonly epoch: number;
  readonly guard: Guard;
  /** Aborted when the term ends, before another can begin. */
  readonly signal: AbortSignal;
}

export interface CampaignOptions {
  readonly store: Store;
  readonly role: 'scheduler' | 'controller';
  /** Who leads, for people: host name and process id. */
  readonly holder: string;
  /** Where the leader serves gRPC; empty where it serves none. */
  readonly address: string;
  readonly leaseSeconds: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Stand for election until `signal` is aborted; run `lead` for each term won. When a term ends, `lead` is
 * awaited, then a new campaign begins with a new lease. When `signal` is aborted during a term,
 * `lead` is awaited and the key is given up, so that the next candidate follows within milliseconds.
 */
export declare function campaign(
  options: CampaignOptions,
  lead: (leadership: Leadership) => Promise<void>,
  signal: AbortSignal,
): Promise<void>;
