// `npm run test:chaos`: every fault in full, each measured under load in a lab of its own, and the table of them in docs/chaos.md.
// Arguments name faults (default: all); --reduced takes the short form of `npm test`; a run of some faults writes no file.
import { faults } from './faults/all.ts';
import { Ground, type Row } from './ground.ts';
import { FULL, REDUCED, REQUESTS_PER_SECOND } from './sizes.ts';
import { tableOf } from './table.ts';

const words = process.argv.slice(2);
const reduced = words.includes('--reduced');
const names = words.filter((word) => !word.startsWith('--'));
const wanted = faults.filter((fault) =>
  names.length === 0 ? fault.reduced || !reduced : names.includes(fault.name),
);
const unknown = names.filter((name) => !faults.some((fault) => fault.name === name));
if (unknown.length > 0) {
  console.error(
    `No such fault: ${unknown.join(', ')}. There are ${faults.map(({ name }) => name).join(', ')}.`,
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
const rows: Row[] = [];
const ground = await Ground.open(
  { ...(reduced ? REDUCED : FULL), name: 'chaos' },
  REQUESTS_PER_SECOND,
  over.signal,
);
say('the lab is at rest');
try {
  for (const { name, run } of wanted) {
    if (over.signal.aborted) break;
    const before = ground.rows.length;
    let failed = false;
    try {
      await run(ground, { rounds: reduced ? 1 : 20, full: !reduced });
      say(`ok      ${name}`);
    } catch (error) {
      process.exitCode = 1;
      failed = true;
      say(
        `FAILED  ${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    }
    if (failed) await ground.restore();
    for (const row of ground.rows.slice(before)) console.log(`          ${JSON.stringify(row)}`);
  }
} finally {
  rows.push(...ground.rows);
  const problems = await ground.close();
  for (const problem of problems) say(`left behind: ${problem}`);
}
console.log(tableOf(rows));
