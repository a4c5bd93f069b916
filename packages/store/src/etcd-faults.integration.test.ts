// What the store does when the network or etcd fails: on a real etcd behind a proxy that can be told to fail.
import assert from 'node:assert/strict';

import { isBerthError } from '@berth/model/errors.ts';
import { complete } from '@berth/rpc/codec.ts';

import { EtcdLink } from './etcd-link.ts';
import type { EtcdStore } from './etcd-store.ts';
import { collections, keyOf, ROOT } from './keys.ts';
import { putRecord } from './record.ts';
import { type ListWatchCache, startCache } from './state-cache.ts';
import { freePort, startTestEtcd, type TestEtcd } from './testing/etcd.ts';
import { FaultProxy } from './testing/fault-proxy.ts';
import { realClock, silent, until } from './testing/time.ts';
import { transaction } from './transaction.ts';

describe('the store when etcd fails', function () {
  this.timeout(60_000);
  let server: TestEtcd;
  let direct: EtcdStore;
  let proxy: FaultProxy;
  let stop: AbortController;

  before(async () => {
    server = await startTestEtcd();
    direct = server.open();
  });
  after(() => server.close());
  beforeEach(async () => {
    proxy = await FaultProxy.start(server.etcd.endpoint);
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await proxy.close();
    const { entries } = await direct.list(ROOT, AbortSignal.timeout(5_000));
    for (let at = 0; at < entries.length; at += 100) {
      const deletes = entries.slice(at, at + 100).map((entry) => entry.key);
      await direct.commit(transaction({ deletes }), AbortSignal.timeout(5_000));
    }
  });

  const task = (id: string, group = '') =>
    putRecord(
      collections.tasks,
      ['c', id],
      complete('TaskRecord', { id, cluster: 'c', group, desiredStatus: 'RUNNING' }),
    );
  const write = (parts: Parameters<typeof transaction>[0], on = direct) =>
    on.commit(transaction(parts), stop.signal);
  const cacheOn = (store: EtcdStore): Promise<ListWatchCache> =>
    startCache({ store, clock: realClock, random: Math.random, logger: silent }, stop.signal);

  async function assertEqualsList(cache: ListWatchCache): Promise<void> {
    const page = await direct.list(ROOT, stop.signal);
    await cache.reached(page.revision, stop.signal);
    const listed = page.entries.map((entry) => [entry.key, entry.modRevision]).sort();
    assert.deepEqual([...cache.all()].map((one) => [one.key, one.modRevision]).sort(), listed);
    assert.equal(await cache.compare(stop.signal), 0);
  }

  it('reports a commit once and truly when its answer is lost', async () => {
    const store = server.open({ endpoints: [proxy.address] });
    await write({ puts: [task('first')] }, store);
    for (let round = 0; round < 5; round += 1) {
      const id = `lost${round}`;
      const guards = [{ key: keyOf(collections.tasks, 'c', id), modRevision: 0 }];
      proxy.pause('to client');
      const outcome = write({ guards, puts: [task(id)] }, store);
      await until('etcd has it', async () =>
        Boolean(await direct.get(guards[0]?.key ?? '', stop.signal)),
      );
      proxy.cut();
      proxy.resume();
      const result = await outcome;
      const entry = await direct.get(guards[0]?.key ?? '', stop.signal);
      assert.deepEqual(result, { committed: true, revision: entry?.createRevision });
      assert.equal(entry?.version, 1);
    }
  });

  it('reports a refusal truly when its answer is lost', async () => {
    const store = server.open({ endpoints: [proxy.address] });
    await write({ puts: [task('taken')] }, store);
    const guards = [{ key: keyOf(collections.tasks, 'c', 'taken'), modRevision: 0 }];
    const passed = proxy.passed;
    proxy.pause('to client');
    const outcome = write({ guards, puts: [task('new')] }, store);
    await until('the request is out', () => proxy.passed >= passed);
    proxy.cut();
    proxy.resume();
    assert.equal((await outcome).committed, false);
    assert.equal(await direct.get(keyOf(collections.tasks, 'c', 'new'), stop.signal), undefined);
  });

  it('carries out once what was stuck on its way to etcd', async () => {
    const store = server.open({ endpoints: [proxy.address] });
    await write({ puts: [task('first')] }, store);
    proxy.pause('to server');
    const outcome = write({ puts: [task('stuck')] }, store);
    await until('it was tried', () => proxy.connections > 0);
    proxy.cut();
    proxy.resume();
    const result = await outcome;
    const entry = await direct.get(keyOf(collections.tasks, 'c', 'stuck'), stop.signal);
    assert.deepEqual([result.committed, entry?.version], [true, 1]);
  });

  it('says so when the outcome can not be learnt, within a bound', async () => {
    const store = server.open({ endpoints: [proxy.address], callWithinMs: 300 });
    await write({ puts: [task('first')] }, store);
    proxy.pause('to client');
    await assert.rejects(write({ puts: [task('second')] }, store), (error) => {
      return isBerthError(error, 'Unavailable') && error.details['outcome'] === 'unknown';
    });
    proxy.cut();
    proxy.resume();
    assert.equal((await write({ puts: [task('third')] }, store)).committed, true);
  });

  it('makes a cache equal to a fresh list after two cuts in a backlog of 5,000 revisions', async () => {
    const cache = await cacheOn(server.open({ endpoints: [proxy.address] }));
    await write({ puts: [task('gone'), task('stays')] });
    await assertEqualsList(cache);
    proxy.pause('to client');
    proxy.pause('to server');
    const writers = Array.from({ length: 8 }, () => server.open());
    let written = 0;
    await Promise.all(
      writers.map(async (writer, who) => {
        // One key over and over again can't be grouped: each write is a revision.
        for (let at = 0; at < 625; at += 1, written += 1) {
          await write({ puts: [task(`w${who}`, `${at}`)] }, writer);
        }
      }),
    );
    await write({ deletes: [keyOf(collections.tasks, 'c', 'gone')] });
    assert.equal(written, 5_000);
    const { lists } = cache.statistics;
    proxy.cut();
    proxy.cutAfter(150_000);
    proxy.resume();
    await until('the first cut', () => cache.statistics.watchFailures >= 2);
    proxy.cutAfter(150_000);
    await assertEqualsList(cache);
    assert.ok(cache.statistics.watchFailures >= 3);
    assert.equal(cache.statistics.lists, lists, 'a cut needs no list');
    assert.equal(cache.get(collections.tasks, 'c', 'gone'), undefined);
  });

  it('makes a cache equal to a fresh list when what it missed was compacted, deletes included', async () => {
    const cache = await cacheOn(server.open({ endpoints: [proxy.address] }));
    await write({ puts: [task('a'), task('b')] });
    await assertEqualsList(cache);
    const deleted: unknown[] = [];
    cache.subscribe(({ changes }) => {
      for (const { parts, after } of changes) if (!after) deleted.push(parts[1]);
    });
    proxy.pause('to client');
    await write({ deletes: [keyOf(collections.tasks, 'c', 'a')] });
    await write({ puts: [task('c')] });
    await compact();
    proxy.cut();
    proxy.resume();
    await until('it has listed again', () => cache.statistics.lists === 2);
    await assertEqualsList(cache);
    assert.deepEqual(deleted, ['a']);
  });

  it('does not let a frozen member hang calls while another is well', async () => {
    const frozen = await FaultProxy.start(server.etcd.endpoint);
    frozen.pause('to client');
    try {
      const endpoints = [frozen.address, proxy.address];
      // A member that is well answers within that also on a machine that is busy.
      const store = server.open({ endpoints, callWithinMs: 2_000 });
      await store.get(ROOT, stop.signal);
      const met = frozen.connections;
      for (let round = 0; round < 100; round += 1) {
        await Promise.all([
          write({ puts: [task('a')] }, store),
          store.get(ROOT, stop.signal),
          store.list(ROOT, stop.signal, { limit: 1 }),
        ]);
      }
      const lease = await store.lease(5, stop.signal);
      await lease.revoke();
      assert.equal(frozen.connections, met, 'the frozen member is left for good');
    } finally {
      await frozen.close();
    }
  });

  it('fails cleanly when no member answers', async () => {
    const endpoints = [`127.0.0.1:${await freePort()}`];
    const store = server.open({ endpoints, callWithinMs: 200 });
    const failing = [
      store.get(ROOT, stop.signal),
      store.list(ROOT, stop.signal),
      store.lease(5, stop.signal),
      write({ puts: [task('x')] }, store),
    ];
    const results = await Promise.allSettled(failing);
    for (const result of results) {
      assert.ok(result.status === 'rejected' && isBerthError(result.reason, 'Unavailable'));
    }
  });

  it('gives a lease up before etcd can expire it when etcd freezes', async () => {
    const store = server.open({ endpoints: [proxy.address] });
    const lease = await store.lease(2, stop.signal);
    const record = { key: `${ROOT}sessions/host/h`, value: Buffer.from('x'), lease: lease.id };
    await write({ puts: [record] }, store);
    proxy.pause('to client');
    await until('it is given up', () => lease.lost.aborted, 3_000);
    assert.ok(await direct.get(record.key, stop.signal), 'given up too late');
    await until('etcd expires it', async () => !(await direct.get(record.key, stop.signal)));
  });

  it('keeps a lease through short cuts', async () => {
    const store = server.open({ endpoints: [proxy.address] });
    const lease = await store.lease(2, stop.signal);
    const record = { key: `${ROOT}sessions/host/h`, value: Buffer.from('x'), lease: lease.id };
    await write({ puts: [record] }, store);
    for (let round = 0; round < 6; round += 1) {
      proxy.cut();
      await realClock.sleep(500, lease.lost); // rejects when it is lost
    }
    assert.ok(await direct.get(record.key, stop.signal));
  });

  async function compact(): Promise<void> {
    const options = { endpoints: [server.etcd.endpoint], tls: server.tls };
    const link = new EtcdLink({ ...options, clock: realClock, random: () => 0 });
    const { header } = await link.member.range({ key: Buffer.from('x') }, {});
    await link.member.kv.compact({ revision: header.revision });
    link.close();
  }
});
