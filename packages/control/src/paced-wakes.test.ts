import assert from 'node:assert/strict';

import { PacedWakes } from './paced-wakes.ts';
import { settle, VirtualClock } from './virtual-clock.ts';

describe('PacedWakes', () => {
  const woken: number[] = [];
  const end = new AbortController();
  const clock = new VirtualClock();
  const wakes = new PacedWakes<number>(clock, (sleeper) => woken.push(sleeper));

  it('wakes one at once, some at a time, and each once a round', async () => {
    const running = wakes.run(end.signal);
    wakes.add(0);
    await settle();
    assert.deepEqual(woken, [0]);
    for (let sleeper = 1; sleeper <= 100; sleeper += 1) {
      wakes.add(sleeper);
      wakes.add(sleeper);
    }
    await settle();
    assert.deepEqual(woken, [0], 'it rests after a round');
    await clock.advance(3);
    assert.equal(woken.length, 33);
    await clock.advance(1);
    assert.equal(woken.length, 65);
    await clock.advance(100);
    assert.deepEqual(
      woken,
      Array.from({ length: 101 }, (_, index) => index),
    );
    end.abort();
    await running;
    wakes.add(7);
    await settle();
    assert.equal(woken.length, 101);
    assert.equal(clock.sleeping, 0);
  });
});
