// Deletes, about once a minute, what nobody needs any more. Each change stands by itself: one that is refused
// because its record has changed meanwhile is looked at again the next time.
import { garbage, type Garbage } from './garbage.ts';
import { REAPED_KINDS } from './metrics.ts';
import { commitAll, type TermContext } from './context.ts';
import { inTurns } from './turns.ts';
import { packed } from './writes.ts';

const EVERY_MS = 60_000;

/** Reap until the signal is aborted. Never rejects. */
export async function runReaper(context: TermContext, signal: AbortSignal): Promise<void> {
  const { clock, random, logger } = context;
  while (!signal.aborted) {
    try {
      await clock.sleep(EVERY_MS * (0.5 + random()), signal);
      await reap(context, signal);
    } catch (error) {
      if (!signal.aborted)
        logger.warn({ err: error }, 'old records could not be deleted this time');
    }
  }
}

/** @returns how many changes were made */
export async function reap(context: TermContext, signal: AbortSignal): Promise<number> {
  const { cache, clock, leadership, metrics, logger } = context;
  const found = await inTurns(garbage(cache, clock.now()), clock, signal);
  const counts = new Map<Garbage['kind'], number>();
  for (const kind of REAPED_KINDS) {
    const writes = found.filter((each) => each.kind === kind).map(({ write }) => write);
    // One transaction at a time, so that a refusal leaves the others in force.
    for (const transaction of packed(writes, [leadership.guard])) {
      if (!(await commitAll(context, [transaction], signal))) continue;
      const count = transaction.deletes.length + transaction.puts.length;
      counts.set(kind, (counts.get(kind) ?? 0) + count);
      metrics.reaped(kind, count);
    }
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (total > 0) logger.info({ ...Object.fromEntries(counts) }, 'deleted old records');
  return total;
}
