import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';

import { LookBudget } from './look-budget.ts';

describe('LookBudget', () => {
  it('lets small services be looked at at once, and larger ones rest by their size', () => {
    const looks = new LookBudget(new VirtualClock());
    assert.equal(looks.restAfter(50, 100), 0);
    assert.equal(looks.restAfter(200, 1), 200);
    assert.equal(looks.restAfter(5_000, 1), 1_000);
  });

  it('keeps looks at many large services to a quarter of the time', async () => {
    const clock = new VirtualClock();
    const looks = new LookBudget(clock);
    const rests = Array.from({ length: 1_000 }, () => looks.restAfter(1_000, 5));
    assert.equal(rests[0], 1_000);
    assert.equal(rests[99], 2_000);
    assert.equal(rests.at(-1), 5_000);
    await clock.advance(20_000);
    assert.equal(looks.restAfter(1_000, 5), 1_000);
  });
});
