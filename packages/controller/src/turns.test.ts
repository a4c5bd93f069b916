import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';

import { inTurns, picked } from './turns.ts';

describe('a long pass', () => {
  function* evenUpTo(most: number, begun: number[] = []): Generator<number | undefined> {
    const numbers = Array.from({ length: most }, (_, index) => index);
    yield* yield* picked(numbers, (each) => {
      begun.push(each);
      return each % 2 === 0;
    });
  }

  it('finds what is wanted, and lets others have their turn', async () => {
    const clock = new VirtualClock();
    const begun: number[] = [];
    const found = inTurns(evenUpTo(12_001, begun), clock, new AbortController().signal);
    assert.equal(begun.length, 5_000);
    await clock.advance(1);
    assert.equal(begun.length, 10_000);
    await clock.advance(1);
    assert.equal((await found).length, 6_001);
  });

  it('ends with the signal', async () => {
    const ending = new AbortController();
    const found = inTurns(evenUpTo(6_000), new VirtualClock(), ending.signal);
    ending.abort(new Error('it is over'));
    await assert.rejects(found, /it is over/);
  });
});
