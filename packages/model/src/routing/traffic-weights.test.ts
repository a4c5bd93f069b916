import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { Action } from '../generated/messages.ts';
import { groupWeightsOf, weighted, weightsOf } from './traffic-weights.ts';

const forward = (...groups: [string, number][]): Action => ({
  type: 'forward',
  forward: {
    targetGroups: groups.map(([targetGroupArn, weight]) => ({ targetGroupArn, weight })),
    targetGroupStickinessConfig: { enabled: true, durationSeconds: 60 },
  },
});

describe('routing: weights of deployments', () => {
  const cases: [number, number, number][] = [
    [1000, 100, 0],
    [0, 0, 100],
    [950, 95, 5],
    [50, 5, 95],
    [1, 1, 999],
    [999, 999, 1],
    [333, 333, 667],
  ];
  for (const [tenths, first, second] of cases) {
    it(`${tenths} tenths of a percent are ${first} to ${second}`, () => {
      assert.deepEqual(
        weightsOf('a', 'b', tenths).map(({ weight }) => weight),
        [first, second],
      );
    });
  }

  it('keep the share, and stay within what ALB allows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), (tenths) => {
        const [first, second] = weightsOf('a', 'b', tenths);
        assert.ok(first && second);
        assert.ok(first.weight <= 999 && second.weight <= 999);
        assert.equal(first.weight / (first.weight + second.weight), tenths / 1000);
      }),
    );
  });

  it('take the place of the groups, and of nothing else', () => {
    const actions = weighted([forward(['blue', 1])], { weights: weightsOf('blue', 'green', 900) });
    assert.deepEqual(groupWeightsOf(actions), [
      { group: 'blue', weight: 90 },
      { group: 'green', weight: 10 },
    ]);
    assert.deepEqual(actions[0]?.forward?.targetGroupStickinessConfig, {
      enabled: true,
      durationSeconds: 60,
    });
  });

  it('leave actions alone where there are none', () => {
    const actions = [forward(['blue', 3])];
    assert.equal(weighted(actions, undefined), actions);
  });
});
