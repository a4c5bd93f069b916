// One term of office of the controller: its loops, its observations and its reaper begin and end with it.
import { Reconciler, type ReconcilerOptions } from '@berth/control/reconciler.ts';
import { ulidSource } from '@berth/control/ulid.ts';
import type { StateCache } from '@berth/store/state.ts';

import type { TermContext } from './context.ts';
import type { Observations } from './observations.ts';
import { PlacementHolds } from './placement-holds.ts';
import { reap } from './reaper.ts';
import { reconcileService } from './service-reconciler.ts';
import { reconcileStandalone, standaloneKeys } from './standalone-reconciler.ts';
import { tellStateEvents } from './state-events.ts';
import { serviceKeys, wake } from './wake-ups.ts';

export interface TermOptions extends Omit<TermContext, 'holds' | 'nextEventId' | 'observations'> {
  /** Has reached the epoch: everything that earlier leaders wrote has been seen. */
  readonly cache: StateCache;
  readonly observations: Observations;
  /** Keys that wait for a worker, as long as the term lasts; 0 after it. */
  readonly onDepth: (depth: () => number) => void;
}

/** Looked at side by side: their turns mostly wait for etcd and the scheduler. */
const WORKERS = 16;
/** Nothing should need it: every change wakes whom it concerns. */
const RESYNC_MS = 5 * 60_000;

/** Act as the controller until the term ends and everything of it is at rest. */
export async function serveTerm(options: TermOptions): Promise<void> {
  const { cache, clock, random, logger, leadership, metrics, observations, onDepth } = options;
  const { signal } = leadership;
  const holds = new PlacementHolds(clock);
  const context: TermContext = { ...options, holds, nextEventId: ulidSource(clock, random) };
  observations.beginTerm();
  const common: Pick<
    ReconcilerOptions,
    'workers' | 'resyncMs' | 'clock' | 'random' | 'logger' | 'observer'
  > = {
    workers: WORKERS,
    resyncMs: RESYNC_MS,
    clock,
    random,
    logger,
    observer: {
      finished: (outcome, workMs, waitedMs) => {
        metrics.reconciled(outcome, workMs / 1000, waitedMs / 1000);
      },
    },
  };
  const services = new Reconciler({
    ...common,
    name: 'services',
    keys: () => serviceKeys(cache),
    reconcile: (key, until) => reconcileService(key, context, until),
  });
  const tasks = new Reconciler({
    ...common,
    name: 'standalone tasks',
    keys: () => standaloneKeys(cache),
    reconcile: (key, until) => reconcileStandalone(key, context, until),
  });
  const wakeUps = {
    service: (key: string) => services.add(key),
    task: (key: string) => tasks.add(key),
    room: (cluster: string) => {
      for (const key of holds.free(cluster)) services.add(key);
    },
  };
  const unsubscribe = cache.subscribe(({ changes }) => {
    for (const change of changes) wake(change, cache, wakeUps);
  });
  onDepth(() => services.depth + tasks.depth);
  try {
    await Promise.all([
      services.run(signal),
      tasks.run(signal),
      reap(context, signal),
      tellStateEvents(context, signal),
    ]);
  } finally {
    unsubscribe();
    onDepth(() => 0);
  }
}
