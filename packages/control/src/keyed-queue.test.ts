import assert from 'node:assert/strict';

import fc from 'fast-check';

import { KeyedQueue } from './keyed-queue.ts';
import { settle, VirtualClock } from './virtual-clock.ts';

const never = new AbortController().signal;

describe('KeyedQueue', () => {
  it('hands out a key once however often it was added', async () => {
    const queue = new KeyedQueue<string>(new VirtualClock());
    queue.add('a');
    queue.add('a');
    queue.add('b');
    assert.equal(queue.depth, 2);
    assert.equal((await queue.take(never))?.key, 'a');
    assert.equal((await queue.take(never))?.key, 'b');
    assert.equal(queue.depth, 0);
  });

  it('hands a key out again only after it is done, if it was added meanwhile', async () => {
    const queue = new KeyedQueue<string>(new VirtualClock());
    queue.add('a');
    await queue.take(never);
    queue.add('a');
    assert.equal(queue.depth, 0);
    queue.done('a');
    assert.equal((await queue.take(never))?.key, 'a');
    queue.done('a');
    assert.equal(queue.depth, 0);
  });

  it('lets a key rest, and then hands it out once for all that was added meanwhile', async () => {
    const clock = new VirtualClock();
    const queue = new KeyedQueue<string>(clock);
    for (const addedDuringWork of [true, false]) {
      queue.add('a');
      assert.equal((await queue.take(never))?.key, 'a');
      if (addedDuringWork) queue.add('a');
      queue.done('a', 100);
      queue.add('a');
      queue.addAt('a', clock.monotonic() + 10);
      queue.add('b');
      assert.equal((await queue.take(never))?.key, 'b');
      queue.done('b');
      await clock.advance(99);
      assert.equal(queue.depth, 0);
      await clock.advance(1);
      assert.equal((await queue.take(never))?.key, 'a');
      queue.done('a');
      await clock.advance(1_000);
      assert.equal(queue.depth, 0);
    }
    assert.equal(clock.sleeping, 0);
  });

  it('adds scheduled keys at the earliest of their times', async () => {
    const clock = new VirtualClock();
    const queue = new KeyedQueue<string>(clock);
    queue.addAt('late', 300);
    queue.addAt('a', 200);
    queue.addAt('a', 100);
    queue.addAt('a', 250);
    await clock.advance(99);
    assert.equal(queue.depth, 0);
    await clock.advance(1);
    assert.equal((await queue.take(never))?.key, 'a');
    await clock.advance(150);
    assert.equal(queue.depth, 0);
    await clock.advance(50);
    assert.equal((await queue.take(never))?.key, 'late');
    assert.equal(clock.sleeping, 0);
  });

  it('forgets the scheduled time of a key that is added before', async () => {
    const clock = new VirtualClock();
    const queue = new KeyedQueue<string>(clock);
    queue.addAt('a', 100);
    queue.add('a');
    await queue.take(never);
    queue.done('a');
    await clock.advance(200);
    assert.equal(queue.depth, 0);
  });

  it('says how long a key has waited', async () => {
    const clock = new VirtualClock();
    const queue = new KeyedQueue<string>(clock);
    queue.add('a');
    await clock.advance(40);
    assert.deepEqual(await queue.take(never), { key: 'a', waitedMs: 40 });
  });

  it('loses no key when a taker is aborted, and tells takers that it was closed', async () => {
    const queue = new KeyedQueue<string>(new VirtualClock());
    const controller = new AbortController();
    const aborted = queue.take(controller.signal);
    const other = queue.take(never);
    queue.add('a'); // wakes the first taker
    controller.abort(new Error('stop'));
    await assert.rejects(aborted, /stop/);
    assert.equal((await other)?.key, 'a');
    const waiting = queue.take(never);
    queue.close();
    assert.equal(await waiting, undefined);
  });

  it('never gives one key to two workers and never forgets an addition', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.nat(50))),
        async (additions) => {
          const clock = new VirtualClock();
          const queue = new KeyedQueue<number>(clock);
          const busy = new Set<number>();
          const added = new Map<number, number>();
          const startedAt = new Map<number, number>();
          const stop = new AbortController();
          const worker = async (): Promise<void> => {
            for (;;) {
              const taken = await queue.take(stop.signal).catch(() => undefined);
              if (!taken) return;
              assert.ok(!busy.has(taken.key), 'two workers on one key');
              busy.add(taken.key);
              startedAt.set(taken.key, clock.monotonic());
              await clock.sleep(7, never);
              busy.delete(taken.key);
              queue.done(taken.key);
            }
          };
          const workers = [worker(), worker(), worker()];
          for (const [key, pause] of additions) {
            if (pause % 3 === 0) queue.addAt(key, clock.monotonic() + pause);
            else queue.add(key);
            added.set(key, clock.monotonic());
            await clock.advance(pause % 5);
          }
          await clock.advance(1000);
          for (const [key, at] of added)
            assert.ok((startedAt.get(key) ?? -1) >= at, 'an addition was lost');
          stop.abort();
          await settle();
          await Promise.all(workers);
        },
      ),
      { numRuns: 60 },
    );
  });
});
