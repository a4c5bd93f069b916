import assert from 'node:assert/strict';

import { seededRandom, VirtualClock } from '@berth/control/virtual-clock.ts';
import { testLogger } from '@berth/rpc/testing/fixtures.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';

import { ReplicaLease } from './replica-lease.ts';

const TTL_SECONDS = 10;

describe('ReplicaLease', () => {
  let clock: VirtualClock;
  let store: MemoryStore;
  let lease: ReplicaLease;
  let stop: AbortController;
  let withouts = 0;

  beforeEach(() => {
    withouts = 0;
    clock = new VirtualClock();
    store = new MemoryStore({ clock });
    stop = new AbortController();
    lease = new ReplicaLease({
      store,
      ttlSeconds: TTL_SECONDS,
      clock,
      random: seededRandom(1),
      logger: testLogger(),
      onWithout: () => (withouts += 1),
    });
    void lease.run(stop.signal);
  });
  afterEach(async () => {
    stop.abort(new Error('the test is over'));
    await store.close();
  });

  it('says so when none can be had for a while after one was lost', async () => {
    await clock.advance(1_000);
    assert.ok(lease.held);
    store.partition();
    await clock.advance(TTL_SECONDS * 1000);
    assert.deepEqual([lease.held, lease.losses, withouts], [false, 1, 0]);
    await clock.advance(4_000);
    assert.equal(withouts, 1);
    store.heal();
    await clock.advance(5_000);
    assert.deepEqual([lease.held, withouts], [true, 1]);
  });

  it('does not when another is there soon', async () => {
    await clock.advance(1_000);
    store.partition();
    await clock.advanceUntil(() => !lease.held, 20_000);
    store.heal();
    await clock.advance(20_000);
    assert.deepEqual([lease.held, lease.losses, withouts], [true, 1, 0]);
  });
});
