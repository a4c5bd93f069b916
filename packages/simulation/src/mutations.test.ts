import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { MUTATIONS } from './mutations.ts';

const PROGRAM = fileURLToPath(new URL('mutated.ts', import.meta.url));

interface Result {
  readonly seed?: number;
  readonly failure?: string;
}

/** Most are noticed in the first; what people change elsewhere gives every seed another story. */
const MOST_SEEDS = 400;

async function mutated(name: string, from = 1): Promise<Result> {
  const node = [
    '--disable-warning=ExperimentalWarning',
    PROGRAM,
    name,
    String(from),
    String(MOST_SEEDS),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, node);
  return JSON.parse(stdout) as Result;
}

describe('the simulator notices the loss of', function () {
  this.timeout(300_000);

  for (const { name, found, from } of MUTATIONS) {
    it(name, async () => {
      const { failure } = await mutated(name, from);
      assert.match(failure ?? 'nothing was noticed', found);
    });
  }
});
