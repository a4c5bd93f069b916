// A bounded part of what `npm run fuzz:proxy` does for hours: see `hostile/differential.ts`.
// BERTH_FUZZ_CASES says how many cases there are, BERTH_FUZZ_SEED which.
import assert from 'node:assert/strict';

import { RequestFuzz, ResponseFuzz } from '../hostile/differential.ts';
import { minimise, runCase } from '../hostile/fuzzing.ts';
import { requestsByUs } from '../hostile/request-readings.ts';
import { responseByUs } from '../hostile/response-readings.ts';
import { REQUESTS, RESPONSES } from '../testing/messages.ts';

const CASES = Number(process.env['BERTH_FUZZ_CASES'] ?? 6_000);
const SEED = Number(process.env['BERTH_FUZZ_SEED'] ?? 1);
const CASE_MS = 20;

for (const [name, fuzz, valid] of [
  ['requests', new RequestFuzz(SEED), 4],
  ['responses', new ResponseFuzz(SEED), 8],
] as const) {
  describe(`${name} as llhttp reads them`, () => {
    it(`are read alike, or refused, in ${CASES} cases from seed ${SEED}`, async () => {
      for (let number = 0; number < CASES; number += 1) await runCase(fuzz, number);
      assert.ok(fuzz.agreed > CASES / valid, `only ${fuzz.agreed} were accepted`);
    }).timeout(60_000 + CASES * CASE_MS);
  });
}

describe('valid messages', () => {
  it('are accepted, all of them', async () => {
    for (const text of REQUESTS) {
      const [read] = await requestsByUs([Buffer.from(text, 'latin1')]);
      assert.ok(read?.complete, text);
    }
    for (const text of RESPONSES) {
      const read = responseByUs([Buffer.from(text, 'latin1')], 'GET', true);
      assert.ok(read?.complete, text);
    }
  });
});

describe('what fuzzing finds', () => {
  it('is cut down to what shows it', async () => {
    const text = `${'a'.repeat(300)}X${'b'.repeat(200)}Y${'c'.repeat(77)}`;
    const least = await minimise(text, (shorter) =>
      Promise.resolve(shorter.includes('X') && shorter.includes('Y')),
    );
    assert.equal(least, 'XY');
  });

  it('tells how to see it again', async () => {
    const fuzz = {
      what: 'requests',
      seed: 7,
      draw: (number: number) => ({ text: `GET /${number} HTTP/1.1` }),
      play: ({ text }: { readonly text: string }) =>
        text.includes('/5') ? Promise.reject(new Error('a five')) : Promise.resolve(),
    };
    await runCase(fuzz, 4);
    await assert.rejects(
      runCase(fuzz, 5),
      /^Error: requests, seed 7, case 5: a five\n[^]*as few bytes as will do: "\/5"\n[^]*--what requests --seed 7 --case 5$/,
    );
  });
});
