import type { EventRecord } from '@berth/model/generated/messages.ts';

import type { Handlers } from '../context.ts';
import { say } from '../output/terminal.ts';
import { paint } from '../output/style.ts';
import { absolute } from '../output/text.ts';
import { eventLine, shortIds } from './event-view.ts';

const LIMIT = 50;

export const handlers: Handlers = {
  events: async (context) => {
    const { flags, terminal, signal } = context;
    const { operations } = await context.api();
    const follow = flags.on('follow');
    const stream = operations.WatchEvents(
      {
        cluster: context.cluster,
        service: flags.text('service'),
        limit: flags.integer('limit', { min: 0, max: 10_000 }) ?? LIMIT,
        follow,
      },
      { signal },
    );
    for await (const event of stream) {
      say(terminal, flags.on('json') ? JSON.stringify(event) : line(event));
      await terminal.drained();
    }
    return undefined;

    // What is followed scrolls by and is read later: there "3s ago" would be wrong soon.
    function line(event: EventRecord): string {
      if (!follow) return eventLine(event, context);
      return `${paint(terminal.color, 'dim', absolute(event.createdAt))}  ${shortIds(event.message)}`;
    }
  },
};
