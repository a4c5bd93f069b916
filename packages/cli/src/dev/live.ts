// What `berth dev` shows while it runs: the cluster at a glance on a terminal, its events as lines elsewhere.
import { isBerthError } from '@berth/model/errors.ts';
import type { EventRecord } from '@berth/model/generated/messages.ts';

import type { Context } from '../context.ts';
import { eventLine, shortIds } from '../commands/event-view.ts';
import { overviewLines, readOverview } from '../commands/status.ts';
import { paint } from '../output/style.ts';
import { cut } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { absolute } from '../output/text.ts';
import { liveBlock } from '../progress/live-block.ts';

const EVERY_MS = 1000;
const EVENTS_SHOWN = 6;
const RECONNECT_MS = 1000;

/**
 * Runs until the signal is aborted, and then ends without a word.
 * @param hint what Ctrl-C does
 */
export async function showLive(context: Context, plain: boolean, hint: string): Promise<void> {
  const { signal } = context;
  const events: EventRecord[] = [];
  const live = context.terminal.live && !plain;
  const onEvent = (event: EventRecord): void => {
    if (live) events.splice(0, 0, event).splice(EVENTS_SHOWN);
    else say(context.terminal, `${absolute(event.createdAt)}  ${shortIds(event.message)}`);
  };
  const loops = [followEvents(context, onEvent), ...(live ? [redraw(context, events, hint)] : [])];
  try {
    await Promise.all(loops);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function followEvents(
  context: Context,
  onEvent: (event: EventRecord) => void,
): Promise<void> {
  const { signal, clock, cluster } = context;
  const { operations } = await context.api();
  let limit = EVENTS_SHOWN;
  for (;;) {
    try {
      const request = { cluster, limit, follow: true };
      for await (const event of operations.WatchEvents(request, { signal })) {
        limit = 0;
        onEvent(event);
      }
    } catch (error) {
      if (signal.aborted || !isBerthError(error)) throw error;
    }
    await clock.sleep(RECONNECT_MS, signal);
  }
}

async function redraw(
  context: Context,
  events: readonly EventRecord[],
  hint: string,
): Promise<void> {
  const { terminal, signal, clock, cluster } = context;
  const api = await context.api();
  const block = liveBlock(terminal);
  for (;;) {
    const lines = await readOverview(api, cluster).then(
      (overview) => overviewLines(overview, context),
      (error: unknown) => {
        if (signal.aborted || !isBerthError(error)) throw error;
        return [paint(terminal.color, 'bad', error.message)];
      },
    );
    const last = [...events].reverse().map((event) => cutEvent(eventLine(event, context)));
    block.draw([
      '',
      ...lines,
      ...(last.length > 0 ? ['', ...last] : []),
      '',
      paint(terminal.color, 'dim', hint),
    ]);
    await clock.sleep(EVERY_MS, signal);
  }

  function cutEvent(line: string): string {
    // Colour codes take no room on the screen.
    const codes = line.length - line.replace(/\u001b\[\d+m/g, '').length;
    return cut(line, terminal.width + codes);
  }
}
