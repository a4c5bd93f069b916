import assert from 'node:assert/strict';

import fc from 'fast-check';

import { Fifo } from './fifo.ts';

describe('Fifo', () => {
  it('gives back what was put in, in that order, as an array would', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3_000, max: 3_000 }), { maxLength: 8 }), (steps) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        let next = 0;
        for (const step of steps) {
          for (let count = Math.abs(step); count > 0; count -= 1) {
            if (step > 0) {
              fifo.push(next);
              model.push(next);
              next += 1;
            } else assert.equal(fifo.shift(), model.shift());
          }
          assert.equal(fifo.size, model.length);
        }
      }),
      { numRuns: 50 },
    );
  });
});
