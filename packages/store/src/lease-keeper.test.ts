import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';

import { keepLease } from './lease-keeper.ts';
import type { Lease } from './store.ts';

describe('a kept lease', () => {
  const TTL = 9_000;
  let clock: VirtualClock;
  let closed: AbortController;
  let lease: Lease;
  let renew: (signal: AbortSignal) => Promise<boolean>;

  beforeEach(() => {
    clock = new VirtualClock();
    closed = new AbortController();
    renew = () => Promise.resolve(true);
    lease = keepLease({
      clock,
      id: '1',
      ttlMs: TTL,
      askedAt: clock.monotonic(),
      renew: (signal) => renew(signal),
      revoke: () => Promise.resolve(),
      closed: closed.signal,
    });
  });
  afterEach(() => closed.abort());

  it('lives while it is renewed', async () => {
    await clock.advance(100 * TTL);
    assert.equal(lease.lost.aborted, false);
  });

  const failures: [string, () => Promise<boolean>][] = [
    ['renewals fail', () => Promise.reject(new Error('no'))],
    ['renewals are never answered', () => new Promise(() => undefined)],
  ];
  for (const [name, failure] of failures) {
    it(`is given up before the store could end it when ${name}`, async () => {
      let renewedAt = 0;
      renew = () => {
        renewedAt = clock.monotonic();
        return Promise.resolve(true);
      };
      await clock.advance(10 * TTL);
      renew = failure;
      await clock.advanceUntil(() => lease.lost.aborted, 2 * TTL);
      assert.ok(clock.monotonic() < renewedAt + TTL);
    });
  }

  it('counts a renewal from when it was asked for, not from its answer', async () => {
    const answers: (() => void)[] = [];
    renew = () => new Promise((resolve) => answers.push(() => resolve(true)));
    await clock.advance(5_000); // asked at 3 s
    answers.shift()?.();
    await clock.advanceUntil(() => lease.lost.aborted, 2 * TTL);
    assert.ok(clock.monotonic() < 3_000 + TTL);
  });

  it('is given up at once when the store says that it has ended', async () => {
    renew = () => Promise.resolve(false);
    await clock.advance(3_000);
    assert.equal(lease.lost.aborted, true);
  });

  it('tries again soon after a failure', async () => {
    let calls = 0;
    renew = () => {
      calls += 1;
      return calls === 1 ? Promise.reject(new Error('no')) : Promise.resolve(true);
    };
    await clock.advance(3_500);
    assert.equal(calls, 2);
  });

  it('survives a renewal that took a quarter of its lifetime and failed', async () => {
    await clock.advance(10 * TTL);
    let silent = true;
    renew = async (signal) => {
      if (!silent) return true;
      silent = false;
      await clock.sleep(TTL / 4, signal);
      throw new Error('no answer');
    };
    await clock.advance(TTL);
    assert.equal(lease.lost.aborted, false);
  });

  it('is given up when its store is closed', () => {
    closed.abort();
    assert.equal(lease.lost.aborted, true);
  });
});
