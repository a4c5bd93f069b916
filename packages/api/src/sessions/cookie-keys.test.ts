import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import { testLogger } from '@berth/rpc/testing/fixtures.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { startCache } from '@berth/store/state-cache.ts';

import { CookieKeys, readCookieKeys, turnedKeys } from './cookie-keys.ts';

const DAY = 86_400_000;

describe('the keys of cookies', () => {
  it('are followed by new ones every 30 days, and go when their cookies are gone', () => {
    const first = turnedKeys([], 0, randomBytes);
    assert.equal(first.length, 1);
    assert.equal(first[0]?.key.length, 32);
    assert.equal(turnedKeys(first, 30 * DAY - 1, randomBytes), first);
    const second = turnedKeys(first, 30 * DAY, randomBytes);
    assert.deepEqual(second.slice(1), first);
    assert.equal(turnedKeys(second, 38 * DAY - 1, randomBytes), second);
    assert.deepEqual(turnedKeys(second, 38 * DAY, randomBytes), second.slice(0, 1));
    assert.equal(turnedKeys(second, 90 * DAY, randomBytes).length, 2);
  });

  it('are made once, whichever replicas are asked at once, and renewed while proxies are there', async () => {
    const clock = new VirtualClock();
    const store = new MemoryStore({ clock });
    const stop = new AbortController();
    const sealer = KeyRing.create();
    const replicas = await Promise.all(
      [store.peer(), store.peer()].map(async (peer) => {
        const options = { store: peer, clock, random: () => 0.5, logger: testLogger() };
        const cache = await startCache(options, stop.signal);
        return { cache, keys: new CookieKeys({ ...options, cache, sealer }) };
      }),
    );
    const running = replicas.map(({ keys }) => keys.run(stop.signal));
    await settle();
    const [one] = replicas;
    assert.ok(one);
    const seen = () => readCookieKeys(one.cache, sealer);
    assert.deepEqual(seen(), []);
    for (const { keys } of replicas) keys.wake();
    await settle();
    assert.equal(seen().length, 1);
    const [first] = seen();
    await clock.advance(30 * DAY + 3_600_000);
    await settle();
    assert.equal(seen().length, 2);
    assert.deepEqual(seen()[1], first);
    stop.abort();
    await Promise.all(running);
    await store.close();
  });
});
