import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';

import { EventBudget } from './event-budget.ts';
import { EVENTS_KEPT } from './garbage.ts';

function told(budget: EventBudget, cluster: string, events: number): number {
  return Array.from({ length: events }, () => budget.allows(cluster)).filter(Boolean).length;
}

describe('the budget of events of tasks', () => {
  it('lets a burst of what is kept through, and as many again within a minute', async () => {
    const clock = new VirtualClock();
    let refused = 0;
    const budget = new EventBudget(clock, () => (refused += 1));
    assert.equal(told(budget, 'a', 2 * EVENTS_KEPT), EVENTS_KEPT);
    assert.equal(refused, EVENTS_KEPT);
    await clock.advance(30_000);
    assert.equal(told(budget, 'a', EVENTS_KEPT), EVENTS_KEPT / 2);
    await clock.advance(3_600_000);
    assert.equal(told(budget, 'a', 2 * EVENTS_KEPT), EVENTS_KEPT);
  });

  it('is each cluster’s own', () => {
    const budget = new EventBudget(new VirtualClock(), () => undefined);
    assert.equal(told(budget, 'a', EVENTS_KEPT + 1), EVENTS_KEPT);
    assert.equal(told(budget, 'b', 10), 10);
  });
});
