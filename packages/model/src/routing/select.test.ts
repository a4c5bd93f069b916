import assert from 'node:assert/strict';

import fc from 'fast-check';

import { type Selectable, eligibleTargets, leastOutstanding, roundRobin } from './select.ts';

const DEFAULT = { minimumHealthyCount: 1, minimumHealthyPercentage: 0 };

interface Named extends Selectable {
  readonly name: string;
}

/** `h` healthy, `u` not, `d` draining (and healthy), capital: ejected. */
function targets(letters: string): Named[] {
  return Array.from(letters, (letter, index) => ({
    name: `${letter}${index}`,
    draining: letter.toLowerCase() === 'd',
    healthy: letter.toLowerCase() !== 'u',
    ejected: letter !== letter.toLowerCase(),
  }));
}

describe('selection', () => {
  const cases: readonly (readonly [letters: string, eligible: string, failOpen: boolean])[] = [
    ['hhu', 'h0 h1', false],
    ['uu', 'u0 u1', true],
    ['', '', false],
    ['dd', '', false],
    ['du', 'u1', true],
    ['hH', 'h0', false],
    ['HH', 'H0 H1', false],
    ['Hu', 'H0', false],
    ['uU', 'u0', true],
  ];
  for (const [letters, names, failOpen] of cases) {
    it(`of "${letters}" takes "${names}"${failOpen ? ', failing open' : ''}`, () => {
      const found = eligibleTargets(targets(letters), DEFAULT);
      assert.equal(found.targets.map((target) => target.name).join(' '), names);
      assert.equal(found.failOpen, failOpen);
    });
  }

  it('fails open below the thresholds of the group', () => {
    const of = (count: number, percentage: number): boolean =>
      eligibleTargets(targets('hhuu'), {
        minimumHealthyCount: count,
        minimumHealthyPercentage: percentage,
      }).failOpen;
    assert.deepEqual([of(2, 0), of(3, 0), of(1, 50), of(1, 51)], [false, true, false, true]);
  });

  it('never takes a draining target, and is empty only when nobody is registered', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('h', 'u', 'd', 'H', 'U', 'D'), maxLength: 6 }),
        (letters) => {
          const all = targets(letters);
          const found = eligibleTargets(all, DEFAULT);
          assert.ok(found.targets.every((target) => !target.draining));
          assert.equal(
            found.targets.length === 0,
            all.every((target) => target.draining),
          );
        },
      ),
    );
  });

  it('goes round exactly', () => {
    const chosen: number[] = [];
    let cursor = 7;
    for (let i = 0; i < 9; i += 1) {
      const index = roundRobin(['a', 'b', 'c'], cursor);
      cursor = index + 1;
      chosen.push(index);
    }
    assert.deepEqual(chosen, [1, 2, 0, 1, 2, 0, 1, 2, 0]);
  });

  it('passes over what a request has tried, and ends', () => {
    assert.equal(
      roundRobin(['a', 'b'], 0, (name) => name === 'a'),
      1,
    );
    assert.equal(
      roundRobin(['a', 'b'], 0, () => true),
      -1,
    );
    assert.equal(roundRobin([], 3), -1);
  });

  it('by least outstanding requests takes the idlest, ties in turn', () => {
    const loads = (...inFlight: number[]): { inFlight: number }[] =>
      inFlight.map((n) => ({ inFlight: n }));
    assert.equal(leastOutstanding(loads(2, 1, 3), 0), 1);
    assert.equal(leastOutstanding(loads(1, 1, 1), 2), 2);
    assert.equal(
      leastOutstanding(loads(0, 1), 0, (t) => t.inFlight === 0),
      1,
    );
    assert.equal(leastOutstanding(loads(), 0), -1);
  });
});
