import assert from 'node:assert/strict';

import { backoffDelay, TokenBucket } from './backoff.ts';
import type { Logger } from './logger.ts';
import { Reconciler, type ReconcilerOptions } from './reconciler.ts';
import { seededRandom, settle, VirtualClock } from './virtual-clock.ts';

function quiet(warnings: object[] = []): Logger {
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields) => void warnings.push(fields),
    error: () => undefined,
    child: () => logger,
  };
  return logger;
}

function reconciler(clock: VirtualClock, options: Partial<ReconcilerOptions>): Reconciler {
  return new Reconciler({
    name: 'test',
    workers: 2,
    reconcile: () => Promise.resolve({}),
    resyncMs: 0,
    keys: () => [],
    clock,
    random: seededRandom(1),
    logger: quiet(),
    ...options,
  });
}

describe('backoffDelay', () => {
  it('doubles up to its bound, between half and all of it', () => {
    const options = { initialMs: 100, maxMs: 1000 };
    for (const [failures, full] of [
      [1, 100],
      [2, 200],
      [4, 800],
      [5, 1000],
      [500, 1000],
    ] as const) {
      assert.equal(
        backoffDelay(options, failures, () => 0),
        full / 2,
      );
      assert.ok(backoffDelay(options, failures, () => 0.999) <= full);
    }
  });
});

describe('TokenBucket', () => {
  it('lets a burst pass and then one after the other', async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(clock, 10, 2);
    assert.deepEqual(
      [bucket.take(), bucket.take(), bucket.take(), bucket.take()],
      [0, 0, 100, 200],
    );
    await clock.advance(400);
    assert.equal(bucket.take(), 0);
  });
});

describe('Reconciler', () => {
  it('tries a failing key again, later and later, and forgets its failures when it succeeds', async () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    const warnings: object[] = [];
    const subject = reconciler(clock, {
      logger: quiet(warnings),
      random: () => 1,
      backoff: { initialMs: 100, maxMs: 1000 },
      reconcile: (key) => {
        times.push(clock.monotonic());
        return times.length < 4 ? Promise.reject(new Error(`no ${key}`)) : Promise.resolve({});
      },
    });
    const stop = new AbortController();
    const running = subject.run(stop.signal);
    subject.add('a');
    await clock.advance(650);
    assert.deepEqual(times, [0, 100, 300]);
    assert.equal(subject.failing, 1);
    await clock.advance(50);
    assert.deepEqual(times, [0, 100, 300, 700]);
    assert.equal(subject.failing, 0);
    assert.equal(warnings.length, 3);
    stop.abort();
    await running;
  });

  it('wakes a key when it asked to be', async () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    const subject = reconciler(clock, {
      reconcile: () => {
        times.push(clock.monotonic());
        return Promise.resolve(times.length === 1 ? { wakeAt: clock.now() + 5000 } : {});
      },
    });
    const stop = new AbortController();
    const running = subject.run(stop.signal);
    subject.add('a');
    await clock.advance(10_000);
    assert.deepEqual(times, [0, 5000]);
    stop.abort();
    await running;
  });

  it('begins with every key and comes back to all of them', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const subject = reconciler(clock, {
      keys: () => ['a', 'b'],
      resyncMs: 1000,
      reconcile: (key) => {
        seen.push(key);
        return Promise.resolve({});
      },
    });
    const stop = new AbortController();
    const running = subject.run(stop.signal);
    await settle();
    assert.deepEqual(seen, ['a', 'b']);
    await clock.advance(3000);
    assert.ok(seen.length >= 6);
    stop.abort();
    await running;
    assert.equal(clock.sleeping, 0);
  });

  it('ends only when the work in hand is over', async () => {
    const clock = new VirtualClock();
    let finish: () => void = () => undefined;
    const subject = reconciler(clock, {
      reconcile: async () => {
        await new Promise<void>((resolve) => (finish = resolve));
        return {};
      },
    });
    const stop = new AbortController();
    let ended = false;
    const running = subject.run(stop.signal).then(() => (ended = true));
    subject.add('a');
    await settle();
    stop.abort();
    await settle();
    assert.equal(ended, false);
    finish();
    await running;
  });
});
