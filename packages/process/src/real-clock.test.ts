import assert from 'node:assert/strict';

import { realRandom } from './real-clock.ts';

describe('random numbers', () => {
  it('are from 0 to 1, spread evenly, and never the same', () => {
    const drawn = Array.from({ length: 20_000 }, realRandom);
    assert.ok(drawn.every((value) => value >= 0 && value < 1));
    assert.equal(new Set(drawn).size, drawn.length);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const within = drawn.filter((value) => Math.floor(value * 10) === tenth).length;
      // 2000 are expected; ten times the standard deviation away would be no chance.
      assert.ok(Math.abs(within - 2000) < 430, `${within} of 20,000 are in tenth ${tenth}`);
    }
  });
});
