// `npm run test:chaos`: every fault in full, each measured under load in one lab, then those that a Docker Swarm can be given too
// in a lab with one, and docs/chaos.md. Arguments name faults, those of the swarm as swarm/NAME or `swarm` for all of them, in
// the order in which they are to be run; their figures replace the earlier ones, all others stay. --rounds N takes another number
// of rounds where many are measured; --reduced takes the short form of `npm test`, in its lab, and writes nothing.
import { loadavg } from 'node:os';

import { faults } from './faults/all.ts';
import { Ground } from './ground.ts';
import type { Row } from './measure.ts';
import { writePage } from './page.ts';
import { type Result, describeMachine, keepResult } from './results.ts';
import { FULL, REDUCED, REQUESTS_PER_SECOND } from './sizes.ts';
import { swarmFaults } from './swarm/faults.ts';
import { Swarm } from './swarm/swarm.ts';
import { tableOf } from './table.ts';

const ROUNDS = 20;
const SWARM = 'swarm';

const words = process.argv.slice(2);
const reduced = words.includes('--reduced');
const roundsAt = words.indexOf('--rounds');
const rounds = roundsAt < 0 ? (reduced ? 1 : ROUNDS) : Number(words[roundsAt + 1]);
const given = words.filter(
  (word, at) => !word.startsWith('--') && (roundsAt < 0 || at !== roundsAt + 1),
);
const theirNames = swarmFaults.map(({ name }) => `${SWARM}/${name}`);
const ourNames = faults.flatMap(({ name, reduced: also }) => (also || !reduced ? [name] : []));
const names = (given.length > 0 ? given : [...ourNames, ...(reduced ? [] : [SWARM])]).flatMap(
  (name) => (name === SWARM ? theirNames : [name]),
);
const known = [...faults.map(({ name }) => name), ...theirNames];
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0 || !Number.isSafeInteger(rounds) || rounds < 1) {
  console.error(
    `No such fault: ${unknown.join(', ')}. There are ${[...known, SWARM].join(', ')}; --rounds is a number from 1 on.`,
  );
  process.exit(2);
}

const over = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => over.abort(new Error(`ended by ${signal}`)));
}
const begin = Date.now();
const say = (text: string): void =>
  console.log(`${((Date.now() - begin) / 1000).toFixed(0).padStart(5)} s  ${text}`);
const results: Result[] = [];
const machine = describeMachine();

/** A place where faults are measured. */
interface Stage {
  readonly rows: readonly Row[];
  restore(): Promise<void>;
  close(): Promise<readonly string[]>;
}

async function runAll(
  who: Result['who'],
  stage: Stage,
  wanted: readonly { readonly name: string; readonly run: () => Promise<void> }[],
): Promise<void> {
  say('the lab is at rest');
  try {
    for (const { name, run } of wanted) {
      if (over.signal.aborted) break;
      const before = stage.rows.length;
      let broke: string | undefined;
      try {
        await run();
        say(`ok      ${name}`);
      } catch (error) {
        process.exitCode = 1;
        const text = error instanceof Error ? error.message : String(error);
        [broke] = text.split('\n');
        say(`FAILED  ${name}: ${error instanceof Error ? (error.stack ?? text) : text}`);
      }
      const rows = stage.rows.slice(before);
      for (const row of rows) console.log(`          ${JSON.stringify(row)}`);
      const [, busy = 0] = loadavg();
      const result = { who, name, at: new Date().toISOString(), machine, busy, rows };
      results.push({ ...result, ...(broke === undefined ? {} : { broke }) });
      if (!reduced && !over.signal.aborted) keepResult(results.at(-1) ?? result);
      if (broke !== undefined) await stage.restore();
    }
  } finally {
    for (const problem of await stage.close()) say(`left behind: ${problem}`);
  }
}

const ours = names.flatMap((name) => faults.find((fault) => fault.name === name) ?? []);
const theirs = names.flatMap(
  (name) => swarmFaults.find((fault) => `${SWARM}/${fault.name}` === name) ?? [],
);
if (ours.length > 0) {
  const size = { ...(reduced ? REDUCED : FULL), name: 'chaos' };
  const ground = await Ground.open(size, REQUESTS_PER_SECOND, over.signal);
  const extent = { rounds, full: !reduced, leniency: 1 };
  await runAll(
    ...(['berth', ground] as const),
    ours.map(({ name, run }) => ({ name, run: () => run(ground, extent) })),
  );
}
if (theirs.length > 0 && !over.signal.aborted) {
  const swarm = await Swarm.open(REQUESTS_PER_SECOND, over.signal);
  await runAll(
    ...(['swarm', swarm] as const),
    theirs.map(({ name, run }) => ({ name, run: () => run(swarm) })),
  );
}
console.log(
  tableOf(
    faults.map(({ name }) => name),
    results,
  ),
);
if (!reduced) writePage();
