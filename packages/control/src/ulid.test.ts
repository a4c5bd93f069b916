import assert from 'node:assert/strict';

import fc from 'fast-check';

import { ulidSource, ulidTime } from './ulid.ts';
import { seededRandom } from './virtual-clock.ts';

describe('ulidSource', () => {
  it('draws ever greater ULIDs, whatever the clock does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 50 }),
        fc.nat(),
        (steps, seed) => {
          let now = Date.UTC(2026, 0, 1);
          const clock = { now: () => now, monotonic: () => 0, sleep: () => Promise.resolve() };
          const next = ulidSource(clock, seededRandom(seed));
          let last = '';
          for (const step of steps) {
            now += step;
            const ulid = next();
            assert.match(ulid, /^[0-9A-HJKMNP-TV-Z]{26}$/);
            assert.ok(ulid > last);
            last = ulid;
          }
        },
      ),
    );
  });

  it('goes on past the last ULID of a millisecond', () => {
    const clock = { now: () => 1000, monotonic: () => 0, sleep: () => Promise.resolve() };
    const next = ulidSource(clock, () => 0.999999);
    assert.equal(ulidTime(next()), 1000);
    assert.equal(ulidTime(next()), 1001);
  });

  it('carries the time', () => {
    const now = Date.UTC(2031, 5, 7, 8, 9, 10, 11);
    const clock = { now: () => now, monotonic: () => 0, sleep: () => Promise.resolve() };
    assert.equal(ulidTime(ulidSource(clock, seededRandom(3))()), now);
  });
});
