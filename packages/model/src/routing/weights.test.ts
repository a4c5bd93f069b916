import assert from 'node:assert/strict';

import fc from 'fast-check';

import { sharesOf, takeTurn } from './weights.ts';

/** All turns until everyone has had their share. */
function weightCycle(weights: readonly number[]): number[] {
  const shares = sharesOf(weights);
  const credit = shares.map(() => 0);
  const length = shares.reduce((sum, share) => sum + share, 0);
  return Array.from({ length }, () => takeTurn(shares, credit));
}

const count = (cycle: readonly number[], index: number): number =>
  cycle.filter((item) => item === index).length;

describe('weights', () => {
  it('are exact over a cycle', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(999), { minLength: 1, maxLength: 5 }), (weights) => {
        const cycle = weightCycle(weights);
        const total = weights.reduce((a, b) => a + b, 0);
        if (total === 0) {
          assert.deepEqual(cycle, []);
          return;
        }
        for (const [index, weight] of weights.entries()) {
          assert.equal(count(cycle, index) * total, weight * cycle.length);
        }
      }),
    );
  });

  it('are spread evenly: two groups never stray by a whole request', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), (a, b) => {
        const cycle = weightCycle([a, b]);
        for (let length = 0; length <= cycle.length; length += 1) {
          const expected = (length * a) / (a + b);
          assert.ok(Math.abs(count(cycle.slice(0, length), 0) - expected) < 1);
        }
      }),
    );
  });

  it('never choose a group of weight zero', () => {
    assert.deepEqual(weightCycle([0, 5]), [1]);
    assert.deepEqual(weightCycle([2, 0, 2]), [0, 2]);
    assert.equal(takeTurn(sharesOf([0, 0]), []), -1);
  });
});
