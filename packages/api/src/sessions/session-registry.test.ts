import assert from 'node:assert/strict';

import { seededRandom, settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { testLogger } from '@berth/rpc/testing/fixtures.ts';
import { collections } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { startCache } from '@berth/store/state-cache.ts';
import type { StateCache } from '@berth/store/state.ts';

import { LeasedRecords } from './leased-records.ts';
import { ReplicaLease } from './replica-lease.ts';
import { SessionRegistry, type Session } from './session-registry.ts';

describe('SessionRegistry', () => {
  let end: () => Promise<void>;
  let registry: SessionRegistry<Session>;
  let records: LeasedRecords;
  let cache: StateCache;
  /** While it is set, sessions wait for the view after their record is written. */
  let held: Promise<void> | undefined;

  beforeEach(async () => {
    held = undefined;
    const clock = new VirtualClock();
    const store = new MemoryStore({ clock });
    const stop = new AbortController();
    const options = { store, clock, random: seededRandom(1), logger: testLogger() };
    cache = await startCache(options, stop.signal);
    const lease = new ReplicaLease({ ...options, ttlSeconds: 10 });
    records = new LeasedRecords({ ...options, cache, lease });
    const slow = Object.create(cache, {
      reached: {
        value: async (revision: number, signal: AbortSignal) => {
          await held;
          await cache.reached(revision, signal);
        },
      },
      get: { value: cache.get.bind(cache) },
    }) as StateCache;
    const replicaAddress = (): string => '127.0.0.1:1';
    registry = new SessionRegistry(
      { ...options, cache: slow, lease, records, replicaAddress },
      'host',
    );
    cache.subscribe((batch) => {
      records.observe(batch);
      registry.observe(batch);
    });
    const loops = [lease.run(stop.signal), records.run(stop.signal)];
    await settle();
    end = async () => {
      stop.abort();
      await settle();
      await Promise.all(loops);
      await store.close();
    };
  });
  afterEach(() => end());

  const begin = (signal: AbortSignal): Promise<Session> =>
    registry.begin(
      'h1',
      { signal, peer: 'somewhere' } as CallContext,
      () => ({ guards: [], puts: [] }),
      (session) => session,
    );
  const stored = () => cache.get(collections.sessions, 'host', 'h1')?.value;

  it('leaves no record of a session whose client goes while it begins', async () => {
    let release = (): void => undefined;
    held = new Promise((resolve) => (release = resolve));
    const client = new AbortController();
    const beginning = begin(client.signal);
    const refused = assert.rejects(beginning, /gone/);
    await settle();
    assert.ok(stored(), 'the record is written');
    client.abort(new Error('gone'));
    release();
    await refused;
    await settle();
    assert.equal(stored(), undefined);
    assert.deepEqual([records.size, registry.size], [0, 0]);
  });

  it('lets the newest of several sessions that begin at once stand, and no other', async () => {
    const signal = new AbortController().signal;
    const outcomes = await Promise.allSettled([begin(signal), begin(signal), begin(signal)]);
    await settle();
    const standing = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' && !outcome.value.signal.aborted ? [outcome.value] : [],
    );
    assert.equal(standing.length, 1);
    assert.equal(standing[0]?.record.connectionId, stored()?.connectionId);
    assert.equal(registry.get('h1'), standing[0]);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        assert.ok(isBerthError(outcome.reason, 'ConflictException'));
    }
    assert.equal(records.size, 1);
  });
});
