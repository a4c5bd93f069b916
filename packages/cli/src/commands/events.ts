import { backoffDelay } from '@berth/control/backoff.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type { EventRecord } from '@berth/model/generated/messages.ts';

import type { Context, Handlers } from '../context.ts';
import { say } from '../output/terminal.ts';
import { paint } from '../output/style.ts';
import { absolute } from '../output/text.ts';
import { eventLine, shortIds } from './event-view.ts';

const LIMIT = 50;
const BACKOFF = { initialMs: 300, maxMs: 5_000 };
const MOST_FAILURES = 10;

export const handlers: Handlers = {
  events: async (context) => {
    const { flags, terminal, clock, signal } = context;
    const after = flags.integer('after', { min: 0, max: Number.MAX_SAFE_INTEGER });
    if (!flags.on('follow')) {
      for await (const event of await stream(context, after)) await print(event);
      return undefined;
    }
    // What breaks is taken up again behind the last event, so that none is missed and none comes twice.
    let last = after;
    for (let failures = 0; ;) {
      try {
        for await (const event of await stream(context, last)) {
          last = event.sequence;
          failures = 0;
          await print(event);
        }
      } catch (error) {
        const passing = isBerthError(error, 'Unavailable', 'LimitExceededException');
        failures += 1;
        if (!passing || signal.aborted || last === undefined || failures > MOST_FAILURES)
          throw error;
      }
      await clock.sleep(backoffDelay(BACKOFF, Math.max(1, failures), Math.random), signal);
    }

    async function print(event: EventRecord): Promise<void> {
      say(terminal, flags.on('json') ? JSON.stringify(shown(event)) : line(event, context));
      await terminal.drained();
    }
  },
};

async function stream(
  context: Context,
  afterSequence: number | undefined,
): Promise<AsyncIterable<EventRecord>> {
  const { flags, signal } = context;
  const { operations } = await context.api();
  return operations.WatchEvents(
    {
      cluster: context.cluster,
      service: flags.text('service'),
      limit: flags.integer('limit', { min: 0, max: 10_000 }) ?? LIMIT,
      follow: flags.on('follow'),
      afterSequence,
    },
    { signal },
  );
}

/** The detail as what it is. */
function shown({ detail, ...event }: EventRecord): object {
  return detail === undefined ? event : { ...event, detail: JSON.parse(detail) as object };
}

// What is followed scrolls by and is read later: there "3s ago" would be wrong soon.
function line(event: EventRecord, context: Context): string {
  if (!context.flags.on('follow')) return eventLine(event, context);
  const { color } = context.terminal;
  return `${paint(color, 'dim', absolute(event.createdAt))}  ${shortIds(event.message)}`;
}
