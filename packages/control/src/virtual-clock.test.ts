import assert from 'node:assert/strict';

import { seededRandom, VirtualClock } from './virtual-clock.ts';

const never = new AbortController().signal;

describe('VirtualClock', () => {
  it('wakes sleepers in the order of time, then of falling asleep', async () => {
    const clock = new VirtualClock(1000);
    const woken: string[] = [];
    const sleep = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms, never);
      woken.push(`${name}@${clock.now()}`);
    };
    const all = [sleep('late', 20), sleep('first', 10), sleep('second', 10)];
    await clock.advance(9);
    assert.deepEqual(woken, []);
    await clock.advance(100);
    assert.deepEqual(woken, ['first@1010', 'second@1010', 'late@1020']);
    assert.equal(clock.now(), 1109);
    assert.equal(clock.monotonic(), 109);
    await Promise.all(all);
  });

  it('wakes who falls asleep again within the same stretch of time', async () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    const loop = (async () => {
      for (let turn = 0; turn < 3; turn += 1) {
        await clock.sleep(10, never);
        times.push(clock.monotonic());
      }
    })();
    await clock.advance(30);
    assert.deepEqual(times, [10, 20, 30]);
    await loop;
  });

  it("rejects a sleep with the signal's reason and forgets it", async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(10, controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(sleeping, /enough/);
    await assert.rejects(clock.sleep(1, controller.signal), /enough/);
    assert.equal(clock.sleeping, 0);
  });

  it('advances to a condition, and says when it never holds', async () => {
    const clock = new VirtualClock();
    let done = false;
    void clock.sleep(500, never).then(() => (done = true));
    await clock.advanceUntil(() => done, 1000);
    assert.equal(clock.monotonic(), 500);
    await assert.rejects(
      clock.advanceUntil(() => false, 1000),
      /did not hold/,
    );
  });
});

describe('seededRandom', () => {
  it('repeats itself for a seed and stays in [0, 1)', () => {
    const [a, b] = [seededRandom(7), seededRandom(7)];
    for (let draw = 0; draw < 1000; draw += 1) {
      const value = a();
      assert.equal(value, b());
      assert.ok(value >= 0 && value < 1);
    }
  });
});
