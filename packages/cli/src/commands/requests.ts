import type { RequestBatch, RequestRecord } from '@berth/model/generated/messages.ts';

import type { Context, Handlers } from '../context.ts';
import { paint, type Style } from '../output/style.ts';
import { cut } from '../output/table.ts';
import { say } from '../output/terminal.ts';
import { age, count, micros } from '../output/text.ts';

const LIMIT = 20;
const LIMIT_MOST = 1_000;
/** A terminal with room for targets. */
const WIDE = 110;

export const handlers: Handlers = {
  requests: async (context) => {
    const { flags, signal } = context;
    const { operations } = await context.api();
    const follow = flags.on('follow');
    const limit = flags.integer('limit', { min: 0, max: LIMIT_MOST }) ?? LIMIT;
    const stream = operations.WatchRequests(
      {
        limit,
        follow,
        status: flags.text('status'),
        targetGroup: flags.text('target-group'),
      },
      { signal },
    );
    let shown = 0;
    for await (const batch of stream) shown += await print(context, batch, follow);
    if (shown === 0 && !follow && !flags.on('json')) say(context.terminal, 'No such requests.');
    return undefined;
  },
};

async function print(context: Context, batch: RequestBatch, follow: boolean): Promise<number> {
  const { terminal, flags } = context;
  for (const request of batch.requests) {
    say(
      terminal,
      flags.on('json') ? JSON.stringify(request) : requestLine(request, context, follow),
    );
  }
  for (const why of batch.missing) terminal.complain(`berth: requests are missing of ${why}`);
  if (batch.skipped > 0) {
    terminal.complain(`berth: ${count(batch.skipped, 'request')} came too fast to be shown`);
  }
  await terminal.drained();
  return batch.requests.length;
}

/** "3s  200  48.1 ms  GET http://a/b → 10.0.0.1:80  1-58337281-1d84f3d73c47ec4e58577259" */
function requestLine(request: RequestRecord, context: Context, follow: boolean): string {
  const { color, width } = context.terminal;
  // What is followed scrolls by and is read later: there "3s ago" would be wrong soon.
  const when = follow
    ? new Date(request.at).toISOString().slice(11, 23)
    : age(context.clock.now() - request.at).padStart(5);
  const status = (request.status === 0 ? 'gone' : String(request.status)).padEnd(4);
  const took = micros(wholeOf(request)).padStart(8);
  const tried = request.attempts.length > 1 ? ` (${request.attempts.length} tries)` : '';
  const wide = width >= WIDE && request.target !== undefined;
  const to = wide ? ` → ${request.target}${tried}` : tried;
  const id = request.requestId === '' ? '-' : request.requestId;
  const fixed = when.length + status.length + took.length + to.length + id.length + 8;
  const what = `${request.method} ${request.url.replace(/^(https?:\/\/[^/]*?):(?:80|443)(?=\/)/, '$1')}`;
  const shown = cut(what, Math.max(16, width - fixed));
  return [
    paint(color, 'dim', when),
    paint(color, statusStyle(request.status), status),
    took,
    `${shown}${paint(color, 'dim', to)}`,
    paint(color, 'dim', id),
  ].join('  ');
}

export function wholeOf({ phases }: RequestRecord): number {
  return phases.reduce((sum, phase) => sum + phase.micros, 0);
}

export function statusStyle(status: number): Style | undefined {
  if (status >= 500 || status === 0) return 'bad';
  if (status >= 400) return 'warn';
  return status >= 200 && status < 300 ? 'good' : undefined;
}
