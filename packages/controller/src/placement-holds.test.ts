import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';

import { PlacementHolds } from './placement-holds.ts';

describe('placement holds', () => {
  let clock: VirtualClock;
  let holds: PlacementHolds;
  const held = (deployment = 'd'): number | undefined => {
    const until = holds.heldUntil('c/s', deployment);
    return until === undefined ? undefined : until - clock.now();
  };

  beforeEach(() => {
    clock = new VirtualClock();
    holds = new PlacementHolds(clock);
  });

  it('wait longer after each refusal, up to a minute, and end with a placement', async () => {
    assert.equal(held(), undefined);
    const waits: (number | undefined)[] = [];
    for (let refusal = 0; refusal < 5; refusal += 1) {
      assert.ok(holds.isDue('c/s'));
      holds.refused('c/s', 'c', 'd');
      assert.ok(!holds.isDue('c/s'));
      waits.push(held());
      await clock.advance(held() ?? 0);
    }
    assert.deepEqual(waits, [10_000, 20_000, 40_000, 60_000, 60_000]);
    holds.placed('c/s');
    assert.equal(held(), undefined);
  });

  it('are lifted by capacity, once, and a refusal then is not due', async () => {
    holds.refused('c/s', 'c', 'd');
    assert.deepEqual(holds.free('other'), []);
    assert.deepEqual(holds.free('c'), ['c/s']);
    assert.equal(held(), undefined);
    assert.ok(!holds.isDue('c/s'));
    await clock.advance(4_000);
    holds.refused('c/s', 'c', 'd');
    assert.equal(held(), 6_000);
  });

  it('do not bind a new deployment', () => {
    holds.refused('c/s', 'c', 'd');
    assert.equal(held('e'), undefined);
    assert.ok(holds.isDue('c/s'));
  });
});
