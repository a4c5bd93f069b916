import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';

import { LookBudget } from './look-budget.ts';

describe('LookBudget', () => {
  it('lets small services be looked at at once, and larger ones rest by their size', () => {
    const looks = new LookBudget(new VirtualClock());
    assert.equal(looks.restAfter(50, 100), 0);
    assert.equal(looks.restAfter(200, 1), 50);
    assert.equal(looks.restAfter(5_000, 1), 250);
  });

  it('keeps looks at 1,000 large services that change at once to a tenth of the time', async () => {
    const clock = new VirtualClock();
    const looks = new LookBudget(clock);
    let looked = 0;
    const next = new Map<number, number>();
    for (let second = 0; second < 60; second += 1) {
      for (let service = 0; service < 1_000; service += 1) {
        if ((next.get(service) ?? 0) > clock.monotonic()) continue;
        looked += 1;
        next.set(service, clock.monotonic() + looks.restAfter(1_000, 1.2));
      }
      await clock.advance(1_000);
    }
    const share = (looked * 1.2) / 60_000;
    assert.ok(share > 0.06 && share < 0.12, `${share}`);
  });

  it('lets no service wait for more than 15 s, and forgets what was too much', async () => {
    const clock = new VirtualClock();
    const looks = new LookBudget(clock);
    const rests = Array.from({ length: 1_000 }, () => looks.restAfter(1_000, 5));
    assert.equal(rests[0], 250);
    assert.equal(rests[99], 5_000);
    assert.equal(rests.at(-1), 15_000);
    await clock.advance(15_000);
    assert.equal(looks.restAfter(1_000, 5), 250);
  });
});
