import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';
import type { ClusterRecord } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { guardAbsent, putRecord } from '@berth/store/record.ts';
import { type ListWatchCache, startCache } from '@berth/store/state-cache.ts';
import type { State } from '@berth/store/state.ts';
import { silent } from '@berth/store/testing/time.ts';

import type { OperationContext } from './deps.ts';
import { freshenFrom } from './freshen.ts';
import { Turns } from './turns.ts';
import { type Decision, replace, write } from './write.ts';

describe('a guarded write', () => {
  let store: MemoryStore;
  let rival: MemoryStore;
  let cache: ListWatchCache;
  let on: OperationContext;
  let end: AbortController;

  beforeEach(async () => {
    const clock = new VirtualClock();
    end = new AbortController();
    store = new MemoryStore({ clock });
    rival = store.peer();
    cache = await startCache({ store, clock, random: () => 0.5, logger: silent }, end.signal);
    on = { store, cache, turns: new Turns() } as Partial<OperationContext> as OperationContext;
    await put(rival, 0);
  });
  afterEach(async () => {
    end.abort();
    await store.close();
  });

  const cluster = (createdAt: number): ClusterRecord =>
    complete('ClusterRecord', { name: 'c', status: 'ACTIVE', createdAt });
  const put = async (by: MemoryStore, createdAt: number): Promise<void> => {
    const puts = [putRecord(collections.clusters, ['c'], cluster(createdAt))];
    const { revision } = await by.commit({ guards: [], puts, deletes: [] }, end.signal);
    await cache.reached(revision, end.signal);
  };
  const increment = (state: State): Decision<number> => {
    const found = state.get(collections.clusters, 'c');
    assert.ok(found);
    const next = cluster(found.value.createdAt + 1);
    const { guard, put: change } = replace(collections.clusters, found, next);
    return { guards: [guard], puts: [change], result: () => next.createdAt };
  };
  /** Before each of the next commits the rival changes the record. */
  const interfere = (times: number): void => {
    let left = times;
    store.faults.before = async (operation) => {
      if (operation !== 'commit' || left === 0) return;
      left -= 1;
      const found = cache.get(collections.clusters, 'c');
      await put(rival, (found?.value.createdAt ?? 0) + 100);
    };
  };

  it('is decided anew on what came before it', async () => {
    interfere(4);
    assert.equal(await write(on, { signal: end.signal, attempted: 'count' }, increment), 401);
    assert.equal(cache.get(collections.clusters, 'c')?.value.createdAt, 401);
  });

  it('gives up after five lost races, having changed nothing', async () => {
    interfere(5);
    await assert.rejects(write(on, { signal: end.signal, attempted: 'count it' }, increment), {
      code: 'ServerException',
      message:
        'Could not count it: other changes to the same things came first 5 times. Nothing was changed; try again.',
    });
    assert.equal(cache.get(collections.clusters, 'c')?.value.createdAt, 500);
  });

  it('loses none of many that take turns', async () => {
    const options = { signal: end.signal, attempted: 'count', turn: 'c' };
    await Promise.all(Array.from({ length: 50 }, () => write(on, options, increment)));
    assert.equal(cache.get(collections.clusters, 'c')?.value.createdAt, 50);
  });

  it('that changes nothing commits nothing', async () => {
    const before = store.revision;
    const same = (): Decision<string> => ({
      guards: [guardAbsent(collections.clusters, 'c')],
      result: () => 'same',
    });
    assert.equal(await write(on, { signal: end.signal, attempted: 'look' }, same), 'same');
    assert.equal(store.revision, before);
  });
});

describe('freshening', () => {
  it('shows what another replica had acknowledged before', async () => {
    const clock = new VirtualClock();
    const end = new AbortController();
    const store = new MemoryStore({ clock });
    const cache = await startCache({ store, clock, random: () => 0.5, logger: silent }, end.signal);
    const freshen = freshenFrom(store, cache);
    for (let round = 0; round < 20; round += 1) {
      const name = `c${round}`;
      const puts = [putRecord(collections.clusters, [name], complete('ClusterRecord', { name }))];
      await store.peer().commit({ guards: [], puts, deletes: [] }, end.signal);
      await freshen(end.signal);
      assert.ok(cache.get(collections.clusters, name));
    }
    end.abort();
    await store.close();
  });
});
