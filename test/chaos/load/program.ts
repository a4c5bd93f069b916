// The load as a process of its own, so that nothing that a test does starves it. Its argument is LoadOptions as JSON, and the
// file that the fates go to, a line each. It says "began MS" (wall time) on its output, and ends after its time, or when
// its input ends or SIGTERM comes, once the last request has been answered.
import { createWriteStream } from 'node:fs';
import { Agent } from 'node:http';

import { encodeFate } from './fate.ts';
import { type LoadOptions, countOf, departure } from './schedule.ts';
import { send } from './send.ts';

const TICK_MS = 4;
const SOCKETS = 256;

const options = JSON.parse(process.argv[2] ?? '') as LoadOptions;
const file = createWriteStream(process.argv[3] ?? '');
// A client that keeps connections must give them up before the server does; the proxy keeps them for a minute.
const agents = options.urls.map(
  () => new Agent({ keepAlive: true, maxSockets: SOCKETS, timeout: 30_000 }),
);
const total = countOf(options);
const begin = performance.now();
const epoch = Date.now();
const open = new Set<Promise<void>>();
let sent = 0;

/** Begin all that are due. */
function tick(): void {
  const now = performance.now() - begin;
  while (sent < total) {
    const { atMs, kind, door } = departure(sent, options);
    if (atMs > now) return;
    sent += 1;
    const fate = { kind, door, at: epoch + atMs };
    if (open.size >= options.mostOpen) {
      const detail = `${options.mostOpen} requests are open already`;
      file.write(`${encodeFate({ ...fate, tookMs: 0, outcome: 'not sent', detail })}\n`);
      continue;
    }
    const url = options.urls[door] ?? '';
    const agent = agents[door] as Agent;
    const ended = send(kind, url, agent, options.timeoutMs).then((end) => {
      const tookMs = performance.now() - begin - atMs;
      file.write(`${encodeFate({ ...fate, tookMs, ...end })}\n`);
      open.delete(ended);
    });
    open.add(ended);
  }
  finish();
}

const timer = setInterval(tick, TICK_MS);
let ending = false;
function finish(): void {
  if (ending) return;
  ending = true;
  clearInterval(timer);
  process.stdin.destroy();
  void Promise.all(open).then(() => {
    for (const agent of agents) agent.destroy();
    file.end();
  });
}

process.on('SIGTERM', finish);
process.on('SIGINT', () => undefined); // a Ctrl-C is for whoever started this
process.stdin.on('end', finish).on('error', finish).resume();
console.log(`began ${epoch}`);
