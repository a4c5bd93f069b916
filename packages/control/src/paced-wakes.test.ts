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
    await clock.advance(2);
    assert.equal(woken.length, 33);
    await clock.advance(1);
    assert.equal(woken.length, 65);
    await clock.advance(10);
    const all = Array.from({ length: 101 }, (_, index) => index);
    assert.deepEqual(woken, all);
    wakes.add(101);
    wakes.add(101);
    await clock.advance(40);
    assert.deepEqual(woken, all, 'it rests longer after many');
    await clock.advance(30);
    assert.deepEqual(woken, [...all, 101]);
    end.abort();
    await running;
    wakes.add(7);
    await settle();
    assert.equal(woken.length, 102);
    assert.equal(clock.sleeping, 0);
  });
});
