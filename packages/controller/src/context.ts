// What the parts of one term of the controller share.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { PlaceRequest, PlaceResponse } from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { Sealer } from '@berth/process/seal.ts';
import type { Leadership } from '@berth/store/election.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { CommitResult, Store, Transaction } from '@berth/store/store.ts';

import type { ReplicaCounts } from './deployment-certificates/replica-counts.ts';
import type { EventBudget } from './event-budget.ts';
import type { LookBudget } from './look-budget.ts';
import type { ControllerMetrics } from './metrics.ts';
import type { Observations } from './observations.ts';
import type { PlacementHolds } from './placement-holds.ts';
import type { ServiceViews } from './service-views.ts';

/** The scheduler, seen from here. */
export interface Placer {
  /** @throws BerthError StaleView, NotLeader, Unavailable, or what is wrong with the request */
  place(request: PlaceRequest, signal: AbortSignal): Promise<PlaceResponse>;
}

export interface TermContext {
  readonly store: Store;
  readonly cache: StateCache;
  readonly leadership: Leadership;
  readonly placer: Placer;
  readonly observations: Observations;
  readonly views: ServiceViews;
  readonly holds: PlacementHolds;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ControllerMetrics;
  readonly nextEventId: () => string;
  readonly eventBudget: EventBudget;
  readonly looks: LookBudget;
  readonly realm: Realm;
  readonly hostLostAfterMs: number;
  /** Tasks of services that are spread over hosts are moved onto hosts that joined. */
  readonly rebalanceOntoHosts?: boolean | undefined;
  readonly sealer: Sealer;
  /** What the proxies have counted of targets. */
  readonly replicaCounts: Pick<ReplicaCounts, 'collect'>;
  /** Where event sinks of kind file write; undefined: nowhere on this machine. */
  readonly eventDirectory: string | undefined;
  /** How large such a file gets; default: 64 MiB. */
  readonly eventFileBytes?: number | undefined;
}

/**
 * Commit transactions one after the other, and wait until the view shows them.
 * @returns false when one was refused because something had changed; what was before it is committed, and the view has
 * moved on
 */
export async function commitAll(
  { store, cache, metrics }: Pick<TermContext, 'store' | 'cache' | 'metrics'>,
  transactions: readonly Transaction[],
  signal: AbortSignal,
): Promise<boolean> {
  let last: CommitResult | undefined;
  for (const transaction of transactions) {
    last = await store.commit(transaction, signal);
    if (!last.committed) break;
  }
  if (!last) return true;
  if (!last.committed) metrics.conflict();
  await cache.reached(last.revision, signal);
  return last.committed;
}
