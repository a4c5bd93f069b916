import type { EventRecord, ServiceEvent } from '@berth/model/generated/messages.ts';

import type { Context } from '../context.ts';
import { paint } from '../output/style.ts';
import { age } from '../output/text.ts';

/** "  3m  (service web) has reached a steady state." The message is not cut: it wraps as the terminal likes. */
export function eventLine(
  event: Pick<EventRecord | ServiceEvent, 'createdAt' | 'message'>,
  context: Context,
): string {
  const { color } = context.terminal;
  const ago = age(context.clock.now() - event.createdAt).padStart(5);
  return `${paint(color, 'dim', ago)}  ${shortIds(event.message)}`;
}

/** Ids in a text cut to what people read and commands accept. */
export function shortIds(message: string): string {
  return message.replace(/\b([0-9a-f]{8})[0-9a-f]{24}\b/g, '$1');
}

const LAST = 8;

/** The last events under a heading, as `show` ends with them. Empty for none. @param events newest first */
export function lastEvents(
  events: readonly Pick<EventRecord | ServiceEvent, 'createdAt' | 'message'>[],
  context: Context,
): string[] {
  if (events.length === 0) return [];
  return ['', 'Events:', ...events.slice(0, LAST).map((event) => eventLine(event, context))];
}
