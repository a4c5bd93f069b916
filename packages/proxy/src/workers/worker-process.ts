// The program of a worker process. It lives as long as its primary: without it, it ends in order. Signals are for the primary.
import { createLogger } from '@berth/process/logger.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';

import type { News, Order } from './messages.ts';
import { Worker } from './worker.ts';

/** What may wait to be read by the primary before less important news is dropped. */
const MOST_WAITING = 500;
const ORPHAN_GRACE_MS = 10_000;

let waiting = 0;

function tell(news: News, socket?: object): boolean {
  if (!process.connected || process.send === undefined) return false;
  // Totals come again; who asks for requests is told that some were left out.
  const droppable =
    news.kind === 'traffic' ||
    news.kind === 'metrics' ||
    (news.kind === 'requests' && !news.answer.done);
  if (droppable && waiting >= MOST_WAITING) return false;
  waiting += 1;
  process.send(news, socket as never, undefined, () => (waiting -= 1));
  return true;
}

let worker: Worker | undefined;
let ending = false;

function end(graceMs: number): void {
  if (ending) return;
  ending = true;
  const stopped = worker?.stop(graceMs) ?? Promise.resolve();
  void stopped.finally(() => {
    if (!process.connected || process.send === undefined) process.exit(0);
    // What was told is on its way when this one has been written.
    process.send({ kind: 'pong' } satisfies News, undefined, undefined, () => process.exit(0));
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) {
  process.on(signal, () => undefined);
}
process.on('disconnect', () => end(ORPHAN_GRACE_MS));
process.on('message', (order: Order, socket?: object) => {
  if (order.kind === 'begin') {
    const { logLevel, slot, proxyId } = order.options;
    const fields = { component: 'proxy', proxyId, worker: slot };
    const logger = createLogger({ level: logLevel, to: 'stdout', fields });
    worker = new Worker(order.options, { clock: realClock, random: realRandom, logger, tell });
  } else if (order.kind === 'stop') end(order.graceMs);
  else void worker?.obey(order, socket);
});
tell({ kind: 'up' });
