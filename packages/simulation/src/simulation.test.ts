import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { runScenario } from './scenario.ts';

/** Seeds of failures that were found and mended; they are run for ever. `docs/simulation.md` tells their stories. */
const REMEMBERED: readonly number[] = [
  88, // an api replica without etcd kept its sessions, and a proxy was taken for gone while it served
  209, // tasks with all of the traffic were stopped while the source of a shift was still growing
];
const SEEDS = 200;
const BATCH = 10;
const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

async function run(seed: number): Promise<void> {
  try {
    await runScenario(seed);
  } catch (error) {
    const replay = `npm run simulate -- --seed ${seed} --trace`;
    const what = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}: ${what}\nTo see it again: ${replay}`, { cause: error });
  }
}

describe('simulation', function () {
  this.timeout(300_000);

  for (let first = 1; first <= SEEDS; first += BATCH) {
    it(`holds the invariants and comes to rest: seeds ${first} to ${first + BATCH - 1}`, async () => {
      for (let seed = first; seed < first + BATCH; seed += 1) await run(seed);
    });
  }

  for (const seed of REMEMBERED) {
    it(`remembered seed ${seed}`, () => run(seed));
  }

  it('is the same story for the same seed', async () => {
    const lines: [string[], string[]] = [[], []];
    const first = await runScenario(5, { say: (line) => lines[0].push(line), logs: true });
    const second = await runScenario(5, { say: (line) => lines[1].push(line), logs: true });
    assert.deepEqual(lines[1], lines[0]);
    assert.deepEqual(second, first);
  });

  it('is the same story in another process', async () => {
    const { digest } = await runScenario(5);
    const node = ['--disable-warning=ExperimentalWarning', MAIN, '--seed', '5'];
    const { stdout } = await promisify(execFile)(process.execPath, node);
    assert.match(stdout, new RegExp(digest));
  });
});
