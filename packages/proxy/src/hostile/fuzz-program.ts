// `npm run fuzz:proxy [-- --seconds N] [--seed N] [--what requests|responses|proxy] [--case N]`: fuzzes the proxy for so long, or plays one case
// again. Its exit code is 1 when it has found something.
import { parseArgs } from 'node:util';

import { RequestFuzz, ResponseFuzz } from './differential.ts';
import { ProxyFuzz } from './fuzz.ts';
import { type Fuzz, runCase } from './fuzzing.ts';

const REPORT_EVERY_MS = 10_000;
/** So many cases at a time, so that about as much time goes to each. */
const ROUND: Readonly<Record<string, number>> = { requests: 100, responses: 100, proxy: 1 };

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    what: { type: 'string' },
    case: { type: 'string' },
  },
});

function whole(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new Error(`--${name} must be a whole number, not ${text}`);
  }
  return number;
}

const seed = whole('seed', values.seed);
const seconds = whole('seconds', values.seconds);
const only = values.case === undefined ? undefined : whole('case', values.case);
if (only !== undefined && values.what === undefined) throw new Error('--case needs --what');

const proxy = new ProxyFuzz(seed);
const all: readonly Fuzz[] = [new RequestFuzz(seed), new ResponseFuzz(seed), proxy];
const chosen = all.filter(({ what }) => values.what === undefined || values.what === what);
if (chosen.length === 0) {
  throw new Error(`--what must be one of ${all.map(({ what }) => what).join(', ')}`);
}
const done = new Map(chosen.map(({ what }) => [what, 0]));

const told = (): string => Array.from(done, ([what, count]) => `${count} ${what}`).join(', ');

async function play(end: number): Promise<void> {
  let reported = performance.now();
  while (performance.now() < end) {
    for (const fuzz of chosen) {
      const from = done.get(fuzz.what) ?? 0;
      const to = from + (ROUND[fuzz.what] ?? 1);
      for (let number = from; number < to; number += 1) await runCase(fuzz, number);
      done.set(fuzz.what, to);
    }
    if (performance.now() - reported < REPORT_EVERY_MS) continue;
    reported = performance.now();
    const heap = Math.round(process.memoryUsage().heapUsed / 1_048_576);
    console.log(`seed ${seed}: ${told()}; heap ${heap} MiB`);
  }
}

// What is thrown where nobody waits for it is a crash of the proxy, and belongs to the case that is played.
process.on('uncaughtException', (error) => proxy.crashed(error));
process.on('unhandledRejection', (error) => proxy.crashed(error));
try {
  await proxy.start();
  if (only === undefined) await play(performance.now() + seconds * 1_000);
  else for (const fuzz of chosen) await runCase(fuzz, only);
  await proxy.stop();
  console.log(`seed ${seed}: ${only === undefined ? told() : `case ${only}`}: nothing found`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
