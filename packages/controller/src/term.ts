// One term of office of the controller: its loop, its observations and its reaper, all of which end with it.
import { Reconciler } from '@berth/control/reconciler.ts';
import { ulidSource } from '@berth/control/ulid.ts';
import type { Surroundings } from '@berth/process/role.ts';
import type { UnaryClient } from '@berth/rpc/leader-client.ts';
import type { Leadership } from '@berth/store/election.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

import { allKeys, keysOfChange, subjectOf } from './keys.ts';
import type { ControllerMetrics } from './metrics.ts';
import { Observations } from './observations.ts';
import { reap } from './reaper.ts';
import { reconcile } from './service-loop.ts';

export interface TermOptions extends Pick<Surroundings, 'clock' | 'random' | 'logger'> {
  readonly store: Store;
  /** Has reached the epoch: everything that earlier leaders wrote has been seen. */
  readonly cache: StateCache;
  readonly leadership: Leadership;
  readonly scheduler: UnaryClient<'Scheduler'>;
  readonly hostLostAfterMs: number;
  readonly proxyLostAfterMs: number;
  readonly metrics: ControllerMetrics;
  readonly onLoop: (loop: Reconciler | undefined) => void;
}

/** Services looked at side by side. Their turns mostly wait for etcd and the scheduler. */
const WORKERS = 16;
/** Nothing should need it: every change wakes the keys that it concerns. */
const RESYNC_MS = 5 * 60_000;

/** Act as the controller until the term ends and everything of it is at rest. */
export async function serveTerm(options: TermOptions): Promise<void> {
  const { cache, clock, random, logger, leadership, metrics, store } = options;
  const { signal } = leadership;
  const observations = new Observations(cache, clock, options.proxyLostAfterMs);
  const committer = {
    store,
    leadership,
    newEventId: ulidSource(clock, random),
    now: () => clock.now(),
  };
  const loop = new Reconciler({
    name: 'controller',
    workers: WORKERS,
    resyncMs: RESYNC_MS,
    keys: () => allKeys(cache),
    reconcile: (key, until) =>
      reconcile(
        {
          cache,
          observations,
          committer,
          scheduler: options.scheduler,
          hostLostAfterMs: options.hostLostAfterMs,
          onEnded: (result) => metrics.ended(result),
        },
        subjectOf(key),
        until,
      ),
    clock,
    random,
    logger,
    observer: { finished: (outcome, workMs) => metrics.reconciled(outcome, workMs / 1000) },
  });
  const unsubscribe = cache.subscribe((batch) => {
    for (const key of observations.take(batch)) loop.add(key);
    for (const change of batch.changes) {
      for (const key of keysOfChange(change, cache)) loop.add(key);
    }
  });
  const reaping = reap({
    store,
    state: cache,
    leadership,
    clock,
    logger,
    onDeleted: (keys) => metrics.deleted(keys),
  });
  options.onLoop(loop);
  try {
    await Promise.all([loop.run(signal), reaping]);
  } finally {
    unsubscribe();
    options.onLoop(undefined);
  }
}
