import assert from 'node:assert/strict';

import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import type { Action } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { Registry } from 'prom-client';

import { collections, keyOf } from './keys.ts';
import { MemoryStore } from './memory-store.ts';
import { putRecord } from './record.ts';
import type { ChangeBatch } from './state.ts';
import type { Put } from './store.ts';
import { type ListWatchCache, startCache } from './state-cache.ts';
import { measureState } from './state-metrics.ts';
import { silent } from './testing/time.ts';
import { transaction } from './transaction.ts';

describe('the cache of the state', () => {
  let clock: VirtualClock;
  let store: MemoryStore;
  let writer: MemoryStore;
  let stop: AbortController;

  beforeEach(() => {
    clock = new VirtualClock();
    store = new MemoryStore({ clock, historyLimit: 50 });
    writer = store.peer();
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await store.close();
    await writer.close();
  });

  const start = (): Promise<ListWatchCache> =>
    startCache({ store, clock, random: () => 0.5, logger: silent }, stop.signal);

  const task = (id: string, fields: object = {}) =>
    putRecord(
      collections.tasks,
      ['c', id],
      complete('TaskRecord', { id, cluster: 'c', hostId: 'h', owner: 'o', ...fields }),
    );

  const commit = async (parts: Parameters<typeof transaction>[0]): Promise<number> => {
    const result = await writer.commit(transaction(parts), stop.signal);
    return result.revision;
  };

  const ids = (records: Iterable<{ parts: readonly string[] }>): string[] =>
    [...records].map((record) => record.parts.at(-1) ?? '').sort();

  it('shows what was there before it and what came after', async () => {
    await commit({ puts: [task('a')] });
    const cache = await start();
    assert.deepEqual(ids(cache.list(collections.tasks)), ['a']);
    const revision = await commit({
      puts: [task('b')],
      deletes: [keyOf(collections.tasks, 'c', 'a')],
    });
    await cache.reached(revision, stop.signal);
    assert.deepEqual(ids(cache.list(collections.tasks)), ['b']);
    assert.equal(cache.get(collections.tasks, 'c', 'b')?.modRevision, revision);
    assert.equal(cache.get(collections.tasks, 'c', 'a'), undefined);
  });

  it('finds records by their prefixes and indexes, and moves them when they change', async () => {
    const cache = await start();
    const health = (target: string, proxy: string) =>
      putRecord(
        collections.targetHealth,
        ['g', target, proxy],
        complete('TargetHealthRecord', { group: 'g', target, proxy, state: 'healthy' }),
      );
    await commit({
      puts: [
        task('a', { service: 's' }),
        task('b', { service: 's', hostId: 'h2', owner: 'o2' }),
        health('x', 'p1'),
        health('x', 'p2'),
        health('y', 'p1'),
        putRecord(
          collections.targets,
          ['g', 'x'],
          complete('TargetRecord', { group: 'g', id: 'x', taskId: 'a', state: 'REGISTERED' }),
        ),
      ],
    });
    await cache.reached(store.revision, stop.signal);
    assert.deepEqual(ids(cache.tasksByService('c', 's')), ['a', 'b']);
    assert.deepEqual(ids(cache.tasksByHost('h')), ['a']);
    assert.deepEqual(ids(cache.tasksByOwner('o2')), ['b']);
    assert.deepEqual(ids(cache.targetsByTask('a')), ['x']);
    assert.deepEqual(ids(cache.list(collections.targetHealth, 'g', 'x')), ['p1', 'p2']);
    assert.equal([...cache.list(collections.targetHealth, 'g')].length, 3);
    await commit({ puts: [task('a', { service: 's', hostId: 'h2' })] });
    await cache.reached(store.revision, stop.signal);
    assert.deepEqual(ids(cache.tasksByHost('h')), []);
    assert.deepEqual(ids(cache.tasksByHost('h2')), ['a', 'b']);
  });

  it('finds who sends requests to a target group', async () => {
    const cache = await start();
    const forward = (...names: string[]): Action => ({
      type: 'forward',
      forward: { targetGroups: names.map((targetGroupArn) => ({ targetGroupArn })) },
    });
    const rule = (id: string, actions: Action[], attributes = {}): Put =>
      putRecord(
        collections.rules,
        ['l', id],
        complete('RuleRecord', { id, listenerId: 'l', actions, attributes }),
      );
    const listener = complete('ListenerRecord', { id: 'l', defaultActions: [forward('a')] });
    await commit({
      puts: [
        putRecord(collections.listeners, ['l'], listener),
        rule('r1', [forward('a', 'b')]),
        rule('r2', [forward('b')], { 'berth.mirror.target_group': 'c' }),
      ],
    });
    await cache.reached(store.revision, stop.signal);
    assert.deepEqual(ids(cache.listenersByGroup('a')), ['l']);
    assert.deepEqual(ids(cache.rulesByGroup('a')), ['r1']);
    assert.deepEqual(ids(cache.rulesByGroup('b')), ['r1', 'r2']);
    assert.deepEqual(ids(cache.rulesByGroup('c')), ['r2']);
    assert.deepEqual(ids(cache.rulesById('r2')), ['r2']);
    await commit({
      puts: [rule('r1', [forward('b')])],
      deletes: [keyOf(collections.listeners, 'l')],
    });
    await cache.reached(store.revision, stop.signal);
    assert.deepEqual(ids(cache.rulesByGroup('a')), []);
    assert.deepEqual(ids(cache.listenersByGroup('a')), []);
  });

  it('shows a transaction whole, and tells subscribers what was before', async () => {
    const cache = await start();
    const batches: ChangeBatch[] = [];
    cache.subscribe((batch) => {
      batches.push(batch);
      assert.deepEqual(
        ids(cache.list(collections.tasks)),
        batches.length === 1 ? ['a', 'b'] : ['b'],
      );
    });
    await commit({ puts: [task('a'), task('b')] });
    await settle();
    await commit({ deletes: [keyOf(collections.tasks, 'c', 'a')] });
    await settle();
    assert.deepEqual(
      batches.map(({ changes }) =>
        changes.map(({ collection, parts, before, after }) => [
          collection,
          parts[1],
          !!before,
          !!after,
        ]),
      ),
      [
        [
          ['tasks', 'a', false, true],
          ['tasks', 'b', false, true],
        ],
        [['tasks', 'a', true, false]],
      ],
    );
  });

  it('goes on where it was after its watch was cut, without a list', async () => {
    const cache = await start();
    await settle();
    store.cutWatches();
    store.faults.failWatches = 3;
    const revision = await commit({ puts: [task('a')] });
    await clock.advance(5_000);
    await cache.reached(revision, stop.signal);
    assert.deepEqual(ids(cache.list(collections.tasks)), ['a']);
    assert.equal(cache.statistics.lists, 1);
  });

  it('lists again after compaction, and tells subscribers of the deletes that it missed', async () => {
    await commit({ puts: [task('a'), task('b')] });
    const cache = await start();
    const deleted: string[] = [];
    cache.subscribe(({ changes }) => {
      for (const change of changes) if (!change.after) deleted.push(change.parts[1] ?? '');
    });
    await settle();
    store.cutWatches();
    await commit({ deletes: [keyOf(collections.tasks, 'c', 'a')] });
    await commit({ puts: [task('z')] });
    store.compact();
    await clock.advance(5_000);
    assert.deepEqual(deleted, ['a']);
    assert.deepEqual(ids(cache.list(collections.tasks)), ['b', 'z']);
    assert.deepEqual(ids(cache.tasksByHost('h')), ['b', 'z']);
    assert.equal(cache.statistics.lists, 2);
  });

  it('skips records that it does not understand, keeps what it knew of them, and says so', async () => {
    await commit({ puts: [task('a', { group: 'old' })] });
    const cache = await start();
    await commit({
      puts: [
        { key: '/berth/v1/from-the-future/x', value: Buffer.from('?') },
        { key: keyOf(collections.tasks, 'c', 'a'), value: Buffer.from([0xff, 0xff]) },
        task('b'),
      ],
    });
    await cache.reached(store.revision, stop.signal);
    assert.equal(cache.statistics.undecodable, 2);
    assert.deepEqual(ids(cache.list(collections.tasks)), ['a', 'b']);
    assert.equal(cache.get(collections.tasks, 'c', 'a')?.value.group, 'old');
    assert.equal(await cache.compare(stop.signal), 0);
  });

  it('refuses to wait for ever for a revision', async () => {
    const cache = await start();
    const waiting = assert.rejects(cache.reached(store.revision + 1, stop.signal), {
      code: 'Unavailable',
    });
    await clock.advance(10_000);
    await waiting;
    const given = new AbortController();
    const cancelled = assert.rejects(cache.reached(99, given.signal), /enough/);
    given.abort(new Error('enough'));
    await cancelled;
  });

  it('is not filled before the first list, whatever fails', async () => {
    store.partition();
    const starting = start();
    await clock.advance(20_000);
    await commit({ puts: [task('a')] });
    store.heal();
    await clock.advance(5_000);
    const cache = await starting;
    assert.ok(cache.filled);
    assert.deepEqual(ids(cache.list(collections.tasks)), ['a']);
  });

  it('finds within minutes what a watch lost, and counts it', async () => {
    const cache = await start();
    const lossy = store.watch.bind(store);
    store.watch = async function* (...of) {
      for await (const batch of lossy(...of)) yield { revision: batch.revision, events: [] };
    };
    await settle();
    store.cutWatches();
    await clock.advance(1_000);
    await commit({ puts: [task('lost')] });
    await settle();
    assert.deepEqual(ids(cache.list(collections.tasks)), []);
    await clock.advance(600_000);
    assert.deepEqual(ids(cache.list(collections.tasks)), ['lost']);
    assert.equal(cache.statistics.differences, 1);
  });

  it('tells its numbers to the metrics', async () => {
    const cache = await start();
    const registry = new Registry();
    measureState(registry, cache, { deposedWrites: 0 });
    await commit({ puts: [task('a'), { key: '/berth/v1/unknown/x', value: Buffer.from('?') }] });
    await settle();
    const text = await registry.metrics();
    for (const line of [
      'records 1',
      'lists_total 1',
      'undecodable_total 1',
      'differences_total 0',
    ]) {
      assert.ok(text.includes(`berth_state_${line}\n`), line);
    }
    assert.ok(text.includes(`berth_state_revision ${store.revision}\n`));
  });

  it('goes on when a subscriber throws', async () => {
    const cache = await start();
    let calls = 0;
    cache.subscribe(() => {
      calls += 1;
      throw new Error('a bug of the subscriber');
    });
    await commit({ puts: [task('a')] });
    await settle();
    await commit({ puts: [task('b')] });
    await settle();
    assert.equal(calls, 2);
    assert.deepEqual(ids(cache.list(collections.tasks)), ['a', 'b']);
  });
});
