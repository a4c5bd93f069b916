import assert from 'node:assert/strict';

import fc from 'fast-check';

import { seededRandom, settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import { BerthError } from '@berth/model/errors.ts';
import { complete } from '@berth/rpc/codec.ts';
import { testLogger } from '@berth/rpc/testing/fixtures.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { startCache } from '@berth/store/state-cache.ts';
import type { Guard } from '@berth/store/store.ts';

import { LeasedRecords, type Terms } from './leased-records.ts';
import { ReplicaLease } from './replica-lease.ts';

const TTL_SECONDS = 10;

type Step =
  | { readonly kind: 'set'; readonly id: string; readonly since: number }
  | { readonly kind: 'remove' | 'vandal'; readonly id: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'partition' | 'lose reply' };

const ids = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('set' as const), id: ids, since: fc.nat(5) }),
  },
  fc.record({ kind: fc.constantFrom('remove' as const, 'vandal' as const), id: ids }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.oneof(fc.nat(60), fc.nat(15_000)),
    }),
  },
  fc.record({ kind: fc.constantFrom('partition' as const, 'lose reply' as const) }),
);

describe('LeasedRecords', () => {
  async function setUp(seed: number) {
    const clock = new VirtualClock();
    const ours = new MemoryStore({ clock });
    const theirs = ours.peer();
    const stop = new AbortController();
    const options = { store: ours, clock, random: seededRandom(seed), logger: testLogger() };
    const cache = await startCache(options, stop.signal);
    const lease = new ReplicaLease({ ...options, ttlSeconds: TTL_SECONDS });
    const records = new LeasedRecords({ ...options, cache, lease });
    cache.subscribe((batch) => records.observe(batch));
    const loops = [lease.run(stop.signal), records.run(stop.signal)];
    await settle();
    const end = async (): Promise<void> => {
      stop.abort();
      await settle();
      await Promise.all(loops);
      await ours.close();
      await theirs.close();
    };
    /** A record that may be written whatever stands there. */
    const terms = (id: string): Terms => ({
      guards: () => {
        const seen = cache.get(collections.targetHealth, 'g', id, 'p');
        return [
          {
            key: keyOf(collections.targetHealth, 'g', id, 'p'),
            modRevision: seen?.modRevision ?? 0,
          },
        ];
      },
    });
    const stored = async (): Promise<string[]> => {
      const page = await theirs.list('/berth/v1/target-health/', new AbortController().signal);
      return page.entries.map(({ key }) => key);
    };
    return { clock, ours, theirs, cache, lease, records, terms, stored, end };
  }

  const set = (
    { records, terms }: Awaited<ReturnType<typeof setUp>>,
    id: string,
    since: number,
  ): void => {
    const value = complete('TargetHealthRecord', { group: 'g', target: id, proxy: 'p', since });
    records.set(collections.targetHealth, ['g', id, 'p'], value, terms(id));
  };

  it('makes the store what it should be, whatever goes wrong on the way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(), async (steps, seed) => {
        const setup = await setUp(seed);
        const { clock, ours, theirs, cache, records, stored, end } = setup;
        const wanted = new Map<string, number>();
        for (const item of steps) {
          switch (item.kind) {
            case 'set':
              wanted.set(item.id, item.since);
              set(setup, item.id, item.since);
              break;
            case 'remove':
              wanted.delete(item.id);
              records.remove(keyOf(collections.targetHealth, 'g', item.id, 'p'));
              break;
            case 'vandal': {
              const deletes = [keyOf(collections.targetHealth, 'g', item.id, 'p')];
              await theirs.commit({ guards: [], puts: [], deletes }, new AbortController().signal);
              break;
            }
            case 'wait':
              await clock.advance(item.ms);
              ours.heal();
              break;
            case 'partition':
              ours.partition();
              break;
            case 'lose reply':
              ours.faults.loseReplies += 1;
              break;
          }
        }
        ours.heal();
        ours.faults.loseReplies = 0;
        await clock.advance(60_000);
        assert.deepEqual(
          await stored(),
          [...wanted.keys()].sort().map((id) => keyOf(collections.targetHealth, 'g', id, 'p')),
        );
        for (const [id, since] of wanted) {
          assert.equal(cache.get(collections.targetHealth, 'g', id, 'p')?.value.since, since);
        }
        await end();
        await settle();
      }),
      { numRuns: 150 },
    );
  });

  it('leaves nothing behind when the replica stops', async () => {
    const setup = await setUp(1);
    set(setup, 'a', 1);
    await settle();
    assert.equal((await setup.stored()).length, 1);
    const left = setup.ours.peer();
    await setup.end();
    const page = await left.list('/berth/v1/', new AbortController().signal);
    assert.deepEqual(page.entries, []);
    await left.close();
  });

  it('gives up a record whose terms say so', async () => {
    const setup = await setUp(1);
    set(setup, 'a', 1);
    await settle();
    const value = complete('TargetHealthRecord', { group: 'g', target: 'a', proxy: 'p', since: 2 });
    setup.records.set(collections.targetHealth, ['g', 'a', 'p'], value, {
      guards: () => undefined,
    });
    await settle();
    assert.deepEqual(await setup.stored(), []);
    assert.equal(setup.records.size, 0);
    await setup.end();
  });

  it('does not delete what another has written since', async () => {
    const setup = await setUp(1);
    set(setup, 'a', 1);
    await settle();
    const key = keyOf(collections.targetHealth, 'g', 'a', 'p');
    const put = { key, value: Buffer.from([]) };
    await setup.theirs.commit(
      { guards: [], puts: [put], deletes: [] },
      new AbortController().signal,
    );
    setup.records.remove(key);
    await settle();
    assert.deepEqual(await setup.stored(), [key]);
    await setup.end();
  });

  it('brings everything back soon after a lost lease, however much hangs on one session', async () => {
    const setup = await setUp(1);
    const { clock, ours, records, stored, end } = setup;
    const session = keyOf(collections.sessions, 'proxy', 'p');
    const standing = (key: string): Guard => {
      const written = records.written(key);
      if (written) return { key, modRevision: written.modRevision };
      throw new BerthError('Unavailable', `${key} is not written.`);
    };
    records.set(
      collections.sessions,
      ['proxy', 'p'],
      complete('SessionRecord', { id: 'p', kind: 'proxy' }),
      { guards: () => [] },
    );
    const count = 1_000;
    const never = new AbortController().signal;
    for (let index = 0; index < count; index += 1) {
      const target = `t${index}`;
      const value = complete('TargetHealthRecord', { group: 'g', target, proxy: 'p' });
      records.set(collections.targetHealth, ['g', target, 'p'], value, {
        guards: () => [standing(session)],
      });
    }
    await clock.advance(2_000);
    assert.equal((await stored()).length, count);
    ours.partition();
    await clock.advance(2 * TTL_SECONDS * 1000);
    assert.equal((await stored()).length, 0, 'the lease was lost');
    ours.faults.before = (operation) =>
      operation === 'commit' ? clock.sleep(20, never) : Promise.resolve();
    ours.heal();
    await clock.advance(8_000);
    assert.equal((await stored()).length, count);
    await end();
  });
});
