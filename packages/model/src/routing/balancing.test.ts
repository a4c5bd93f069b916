import assert from 'node:assert/strict';

import fc from 'fast-check';

import { ErrorWindow, ANOMALY_SLICES, findAnomalies, nextWeight } from './anomaly.ts';
import { INLIER, type Outlier, afterFailure, afterSuccess, readmitted } from './ejection.ts';
import { mayRetry } from './retry-budget.ts';
import { byClient, pacedTurn, weightedRandom } from './select.ts';
import { slowStartShare, startsSlowly } from './slow-start.ts';
import { fullBucket, returnToken, takeToken } from './token-bucket.ts';

const EJECTION = {
  consecutiveFailures: 5,
  baseMs: 10_000,
  maximumMs: 300_000,
  maximumPercent: 50,
};

describe('paced turns', () => {
  const count = (shares: readonly number[], turns: number): number[] => {
    const targets = shares.map((share) => ({ share, credit: 0 }));
    const counts = shares.map(() => 0);
    let cursor = 0;
    for (let turn = 0; turn < turns; turn += 1) {
      const index = pacedTurn(targets, cursor);
      cursor = index + 1;
      counts[index] = (counts[index] ?? 0) + 1;
    }
    return counts;
  };

  it('give a target at a quarter a quarter of what the others get', () => {
    assert.deepEqual(count([1, 0.25], 100), [80, 20]);
    assert.deepEqual(count([1, 1, 0.5], 100), [40, 40, 20]);
  });

  it('keep the proportion when nobody has a full share', () => {
    assert.deepEqual(count([0.2, 0.1], 30), [20, 10]);
  });

  it('come close to the shares, whatever they are', () => {
    const share = fc.integer({ min: 10, max: 100 }).map((percent) => percent / 100);
    fc.assert(
      fc.property(fc.array(share, { minLength: 1, maxLength: 6 }), (shares) => {
        const turns = 2000;
        const total = shares.reduce((sum, one) => sum + one, 0);
        for (const [index, found] of count(shares, turns).entries()) {
          const expected = (turns * (shares[index] ?? 0)) / total;
          assert.ok(Math.abs(found - expected) <= 2 + shares.length, `${found} for ${expected}`);
        }
      }),
    );
  });

  it('never take one to be avoided, and end', () => {
    const targets = [
      { share: 1, credit: 0, name: 'a' },
      { share: 0.1, credit: 0, name: 'b' },
    ];
    assert.equal(
      pacedTurn(targets, 0, (target) => target.name === 'a'),
      1,
    );
    assert.equal(
      pacedTurn(targets, 0, () => true),
      -1,
    );
    assert.equal(pacedTurn([], 5), -1);
  });
});

describe('weighted random', () => {
  it('follows the weights', () => {
    const targets = [{ weight: 1 }, { weight: 0.5 }, { weight: 0.5 }];
    const counts = [0, 0, 0];
    for (let i = 0; i < 1000; i += 1) {
      const index = weightedRandom(targets, i / 1000);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    assert.deepEqual(counts, [500, 250, 250]);
  });

  it('always finds somebody who is not to be avoided', () => {
    const weights = fc.array(fc.double({ min: 0.1, max: 1, noNaN: true }), { maxLength: 5 });
    fc.assert(
      fc.property(
        weights,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (all, r) => {
          const targets = all.map((weight) => ({ weight }));
          const index = weightedRandom(targets, r, (target) => target === targets[0]);
          assert.equal(index === -1, targets.length <= 1);
          assert.notEqual(index, 0);
        },
      ),
    );
  });
});

describe('the choice by client', () => {
  const targets = Array.from({ length: 10 }, (_, i) => ({ key: `g/t${i}` }));
  const clients = Array.from({ length: 2000 }, (_, i) => `192.0.2.${i % 256}:${i}`);

  it('is the same each time, and spreads clients', () => {
    const counts = targets.map(() => 0);
    for (const client of clients) {
      const index = byClient(targets, client);
      assert.equal(byClient(targets, client), index);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    assert.ok(Math.min(...counts) > 120, counts.join(' '));
  });

  it('moves only the clients of a target that goes', () => {
    const left = targets.slice(1);
    for (const client of clients) {
      const before = targets[byClient(targets, client)];
      if (before !== targets[0]) assert.equal(left[byClient(left, client)], before);
    }
  });
});

describe('slow start', () => {
  it('rises from a tenth to the whole and never falls', () => {
    assert.equal(slowStartShare(0, 30_000), 0.1);
    assert.equal(slowStartShare(15_000, 30_000), 0.5);
    assert.equal(slowStartShare(30_000, 30_000), 1);
    assert.equal(slowStartShare(0, 0), 1);
    fc.assert(
      fc.property(fc.nat(900_000), fc.nat(900_000), fc.nat(900_000), (a, b, duration) => {
        const [early, late] = [Math.min(a, b), Math.max(a, b)];
        assert.ok(slowStartShare(early, duration) <= slowStartShare(late, duration));
      }),
    );
  });

  const target = { registeredAt: 5, settled: false, slowSince: undefined, recovering: false };
  const elder = { registeredAt: 1, settled: true, slowSince: undefined, recovering: false };
  const cases: readonly (readonly [string, readonly (typeof elder)[], boolean, boolean])[] = [
    ['beside an elder', [elder], false, true],
    ['alone', [], false, false],
    ['beside one that is not healthy', [{ ...elder, settled: false }], false, false],
    ['beside one of the same registration', [{ ...elder, registeredAt: 5 }], false, false],
    ['after recovery beside one of the same registration', [{ ...elder, registeredAt: 5 }], true, true],
  ]; // prettier-ignore
  for (const [name, others, recovering, expected] of cases) {
    it(`${expected ? 'is for' : 'is not for'} a target ${name}`, () => {
      assert.equal(startsSlowly({ ...target, recovering }, others), expected);
    });
  }

  it('is not for a target beside others that start slowly themselves', () => {
    assert.equal(startsSlowly(target, [{ ...elder, slowSince: 0 }]), false);
  });
});

describe('anomalies', () => {
  const sample = (requests: number, failures: number): { requests: number; failures: number } => ({
    requests,
    failures,
  });
  const none = [false, false, false];

  it('are targets with far more errors than their peers', () => {
    const samples = [sample(100, 0), sample(100, 30), sample(100, 1)];
    assert.deepEqual(findAnomalies(samples, none), [false, true, false]);
  });

  it('are none when all fail alike, with two targets, or with too few requests', () => {
    const failing = [sample(100, 50), sample(100, 60), sample(100, 55)];
    assert.deepEqual(findAnomalies(failing, none), none);
    assert.deepEqual(findAnomalies([sample(100, 0), sample(100, 90)], none), [false, false]);
    assert.deepEqual(findAnomalies([sample(9, 9), sample(100, 0), sample(100, 0)], none), none);
  });

  it('last until the errors have nearly gone', () => {
    const samples = [sample(100, 7), sample(100, 1), sample(100, 1)];
    assert.deepEqual(findAnomalies(samples, none), none);
    assert.deepEqual(findAnomalies(samples, [true, false, false]), [true, false, false]);
    assert.deepEqual(
      findAnomalies([sample(0, 0), ...samples.slice(1)], [true, false, false]),
      none,
    );
  });

  it('lower the weight by halves, and give it back', () => {
    let weight = 1;
    const weights: number[] = [];
    for (const anomalous of [true, true, true, true, false, false, false, false]) {
      weight = nextWeight(weight, anomalous);
      weights.push(weight);
    }
    assert.deepEqual(weights, [0.5, 0.25, 0.125, 0.1, 0.2, 0.4, 0.8, 1]);
  });

  it('look at the last slices only', () => {
    const window = new ErrorWindow();
    window.add(true);
    window.add(false);
    for (let i = 0; i < ANOMALY_SLICES - 1; i += 1) window.turn();
    assert.deepEqual(window.sample, { requests: 2, failures: 1 });
    window.turn();
    assert.deepEqual(window.sample, { requests: 0, failures: 0 });
  });
});

describe('ejection', () => {
  const fail = (
    outlier: Outlier,
    times: number,
    crowd = { targets: 4, ejected: 0 },
    now = 0,
  ): Outlier => {
    let state = outlier;
    for (let i = 0; i < times; i += 1) state = afterFailure(state, EJECTION, crowd, now);
    return state;
  };

  it('takes five failures in a row', () => {
    assert.equal(fail(INLIER, 4).ejectedUntil, undefined);
    assert.equal(fail(INLIER, 5).ejectedUntil, 10_000);
    assert.equal(fail(afterSuccess(fail(INLIER, 4)), 4).ejectedUntil, undefined);
  });

  it('grows with each time, to a limit, and is forgotten', () => {
    const first = fail(INLIER, 5);
    const second = fail(readmitted(first), 5, undefined, 10_000);
    assert.equal(second.ejectedUntil, 30_000);
    const often = fail({ ...INLIER, ejections: 99, rememberedUntil: 1 }, 5);
    assert.equal(often.ejectedUntil, 300_000);
    const later = fail(readmitted(first), 5, undefined, first.rememberedUntil);
    assert.equal((later.ejectedUntil ?? 0) - first.rememberedUntil, 10_000);
  });

  it('never goes beyond its share, nor to the last target, and can be off', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), fc.nat(100), (targets, ejected, maximumPercent) => {
        fc.pre(ejected <= targets);
        const settings = { ...EJECTION, consecutiveFailures: 1, maximumPercent };
        const after = afterFailure(INLIER, settings, { targets, ejected }, 0);
        if (after.ejectedUntil === undefined) return;
        assert.ok(ejected + 1 < targets);
        assert.ok((ejected + 1) * 100 <= targets * maximumPercent);
      }),
    );
    const off = { ...EJECTION, consecutiveFailures: 0 };
    assert.equal(afterFailure(INLIER, off, { targets: 9, ejected: 0 }, 0), INLIER);
  });
});

describe('a token bucket', () => {
  const limit = { perSecond: 10, burst: 3 };

  it('lets a burst through, then the rate, and says when', () => {
    const bucket = fullBucket(limit, 0);
    const waits = [0, 0, 0, 0, 50, 100].map((now) => takeToken(bucket, limit, now));
    assert.deepEqual(waits, [0, 0, 0, 100, 50, 0]);
    returnToken(bucket, limit);
    assert.equal(takeToken(bucket, limit, 100), 0);
  });

  it('never lets through more than burst and rate allow', () => {
    const gaps = fc.array(fc.nat(500), { maxLength: 60 });
    fc.assert(
      fc.property(
        gaps,
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 9 }),
        (all, perSecond, burst) => {
          const bucket = fullBucket({ perSecond, burst }, 0);
          let now = 0;
          let passed = 0;
          for (const gap of all) {
            now += gap;
            if (takeToken(bucket, { perSecond, burst }, now) === 0) passed += 1;
          }
          assert.ok(passed <= burst + (now * perSecond) / 1000 + 1e-6);
        },
      ),
    );
  });
});

describe('the budget of retries', () => {
  it('is a share of what is open, and some more', () => {
    const settings = { budgetPercent: 20, budgetMinimum: 3 };
    assert.equal(mayRetry(settings, 0, 2), true);
    assert.equal(mayRetry(settings, 0, 3), false);
    assert.equal(mayRetry(settings, 100, 22), true);
    assert.equal(mayRetry(settings, 100, 23), false);
    assert.equal(mayRetry({ budgetPercent: 0, budgetMinimum: 0 }, 1000, 0), false);
  });
});
