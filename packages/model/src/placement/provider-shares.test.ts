import assert from 'node:assert/strict';

import fc from 'fast-check';

import { shareOut } from './provider-shares.ts';

const item = (capacityProvider: string, weight: number, base = 0) => ({
  capacityProvider,
  weight,
  base,
});
const counts = (shares: readonly { provider: string; count: number }[]) =>
  Object.fromEntries(shares.map(({ provider, count }) => [provider, count]));

describe('shares of capacity providers', () => {
  it('fill the base first and share the rest by weight', () => {
    const strategy = [item('a', 1, 2), item('b', 3)];
    assert.deepEqual(counts(shareOut(strategy, new Map(), 2)), { a: 2 });
    assert.deepEqual(counts(shareOut(strategy, new Map(), 10)), { a: 4, b: 6 });
    assert.deepEqual(counts(shareOut(strategy, new Map([['a', 2]]), 4)), { a: 1, b: 3 });
  });

  it('give a provider without weight its base and no more', () => {
    assert.deepEqual(counts(shareOut([item('a', 0, 1), item('b', 1)], new Map(), 5)), {
      a: 1,
      b: 4,
    });
    assert.deepEqual(shareOut([item('a', 0), item('b', 0)], new Map(), 5), []);
    assert.deepEqual(counts(shareOut([item('a', 0)], new Map(), 5)), { a: 5 });
  });

  it('are the same whether tasks come at once or one by one, and off by less than one task', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.nat(6), fc.nat(60), (list, base, count) => {
        const strategy = list.map((weight, index) => item(String(index), weight, index ? 0 : base));
        const atOnce = counts(shareOut(strategy, new Map(), count));
        const running = new Map<string, number>();
        for (let task = 0; task < count; task += 1) {
          for (const share of shareOut(strategy, running, 1)) {
            running.set(share.provider, (running.get(share.provider) ?? 0) + share.count);
          }
        }
        assert.deepEqual(Object.fromEntries([...running].sort()), atOnce);
        const total = list.reduce((sum, weight) => sum + weight, 0);
        const rest = Math.max(0, count - base);
        for (const [index, weight] of list.entries()) {
          const own = (atOnce[String(index)] ?? 0) - (index ? 0 : Math.min(base, count));
          assert.ok(own < (rest * weight) / total + weight / Math.min(...list) + 1);
          assert.ok(own >= 0);
        }
      }),
    );
  });
});
