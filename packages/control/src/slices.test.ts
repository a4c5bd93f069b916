import assert from 'node:assert/strict';

import { inSlices } from './slices.ts';
import { settle, VirtualClock } from './virtual-clock.ts';

describe('inSlices', () => {
  it('lets others have their turn, meets what is added meanwhile, and ends with the signal', async () => {
    const clock = new VirtualClock();
    const things = new Set(Array.from({ length: 12_000 }, (_, at) => at));
    const met: number[] = [];
    const stop = new AbortController();
    const end = new Error('enough');
    const work = inSlices(things, (thing) => met.push(thing), clock, stop.signal);
    const ended = assert.rejects(work, end);
    await settle();
    assert.equal(met.length, 5_000);
    things.add(12_000);
    await clock.advance(1);
    assert.equal(met.at(-1), 9_999);
    stop.abort(end);
    await ended;
    assert.equal(met.length, 10_000);

    await Promise.all([
      inSlices(things, (thing) => met.push(thing), clock, new AbortController().signal),
      clock.advance(10),
    ]);
    assert.equal(met.at(-1), 12_000);
  });
});
