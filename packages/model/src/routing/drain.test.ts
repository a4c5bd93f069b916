import assert from 'node:assert/strict';

import fc from 'fast-check';

import { type Drain, REGISTERED, nextDrain } from './drain.ts';

const DELAY = 300;
const step = (drain: Drain, draining: boolean, inFlight: number, now: number): Drain =>
  nextDrain(drain, { draining, inFlight, now, delayMs: DELAY, early: true });

describe('drain', () => {
  it('ends at once when nothing is in flight', () => {
    assert.deepEqual(step(REGISTERED, true, 0, 10), { phase: 'drained', cut: false });
  });

  it('waits for what is in flight, no longer than the delay', () => {
    const draining = step(REGISTERED, true, 2, 10);
    assert.deepEqual(draining, { phase: 'draining', deadline: 310 });
    assert.deepEqual(step(draining, true, 1, 309), draining);
    assert.deepEqual(step(draining, true, 0, 309), { phase: 'drained', cut: false });
    assert.deepEqual(step(draining, true, 1, 310), { phase: 'drained', cut: true });
  });

  it('may last for the whole delay, as on AWS', () => {
    const facts = { draining: true, inFlight: 0, now: 10, delayMs: DELAY, early: false };
    const draining = nextDrain(REGISTERED, facts);
    assert.deepEqual(draining, { phase: 'draining', deadline: 310 });
    assert.deepEqual(nextDrain(draining, { ...facts, now: 310 }), { phase: 'drained', cut: false });
  });

  it('with a delay of zero cuts at once', () => {
    const facts = { draining: true, inFlight: 3, now: 5, delayMs: 0, early: true };
    assert.deepEqual(nextDrain(REGISTERED, facts), { phase: 'drained', cut: true });
  });

  it('stays drained until the target is registered anew', () => {
    const drained: Drain = { phase: 'drained', cut: false };
    assert.equal(step(drained, true, 1, 9999), drained);
    assert.equal(step(drained, false, 0, 9999), REGISTERED);
  });

  it('is over when the delay is, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }), (loads) => {
        let drain: Drain = REGISTERED;
        for (const [index, inFlight] of loads.entries()) drain = step(drain, true, inFlight, index);
        assert.equal(step(drain, true, 5, DELAY + loads.length).phase, 'drained');
      }),
    );
  });
});
