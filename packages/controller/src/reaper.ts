// Deletes what `garbage` finds, once a minute, in fenced transactions of bounded size.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type { Leadership } from '@berth/store/election.ts';
import type { State } from '@berth/store/state.ts';
import type { Store, Transaction } from '@berth/store/store.ts';
import { mergeTransactions } from '@berth/store/transaction.ts';

import { garbage } from './garbage.ts';

const INTERVAL_MS = 60_000;
/** Sweeps have at most three operations and guards each. */
const SWEEPS_A_TRANSACTION = 30;

export interface ReaperOptions {
  readonly store: Store;
  readonly state: State;
  readonly leadership: Leadership;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onDeleted: (keys: number) => void;
}

/** Until the term of leadership ends. Never throws. */
export async function reap(options: ReaperOptions): Promise<void> {
  const { clock, leadership, logger } = options;
  const { signal } = leadership;
  while (!signal.aborted) {
    try {
      await sweepOnce(options);
      await clock.sleep(INTERVAL_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error }, 'old records could not be deleted; it will be tried again');
      await clock.sleep(INTERVAL_MS, signal).catch(() => undefined);
    }
  }
}

/** Delete all that is garbage now. @throws BerthError as the store does */
export async function sweepOnce(options: ReaperOptions): Promise<void> {
  const { store, state, leadership, clock, onDeleted } = options;
  const sweeps = garbage(state, clock.now());
  for (let start = 0; start < sweeps.length; start += SWEEPS_A_TRANSACTION) {
    const batch = sweeps.slice(start, start + SWEEPS_A_TRANSACTION);
    const transaction: Transaction = mergeTransactions({ guards: [leadership.guard] }, ...batch);
    // What was not deleted because it changed is looked at again next time.
    const { committed } = await store.commit(transaction, leadership.signal);
    if (committed) onDeleted(transaction.deletes.length);
  }
}
