// Deletes what `garbage` finds, once a minute, in fenced transactions of bounded size.
import type { Transaction } from '@berth/store/store.ts';

import type { TermContext } from './context.ts';
import { garbage, type Sweep } from './garbage.ts';
import { packed } from './writes.ts';

const INTERVAL_MS = 60_000;

/** Until the term ends. Never throws: what could not be deleted is looked at again. */
export async function reap(context: TermContext, signal: AbortSignal): Promise<void> {
  const { clock, logger } = context;
  while (!signal.aborted) {
    try {
      await sweepOnce(context, signal);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error }, 'old records could not be deleted; it will be tried again');
    }
    await clock.sleep(INTERVAL_MS, signal).catch(() => undefined);
  }
}

/** Delete all that is garbage now. @throws BerthError as the store does */
export async function sweepOnce(context: TermContext, signal: AbortSignal): Promise<void> {
  const { cache, clock, store, leadership, metrics } = context;
  const sweeps = garbage(cache, clock.now());
  const byKind = Map.groupBy(sweeps, ({ kind }) => kind);
  for (const [kind, some] of byKind) {
    for (const transaction of packed(some.map(writeOf), [leadership.guard])) {
      // What has changed meanwhile is looked at again next time.
      const { committed } = await store.commit(transaction, signal);
      if (committed) metrics.reaped(kind, transaction.deletes.length);
    }
  }
}

function writeOf({ guards, deletes }: Sweep): Partial<Transaction> {
  return { guards, deletes };
}
