// Streams of events at two replicas over a real etcd, while several write at once: whoever goes on behind a number, at whichever replica,
// has missed nothing and gets nothing twice.
import assert from 'node:assert/strict';

import { ulidSource } from '@berth/control/ulid.ts';
import { isBerthError } from '@berth/model/errors.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import { createRegistry } from '@berth/process/metrics.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import type { Surroundings } from '@berth/process/role.ts';
import type { Client } from '@berth/rpc/api.ts';
import { connect } from '@berth/rpc/client.ts';
import { complete } from '@berth/rpc/codec.ts';
import { testIdentity, testLogger } from '@berth/rpc/testing/fixtures.ts';
import { collections } from '@berth/store/keys.ts';
import { openState } from '@berth/store/open-state.ts';
import { putRecord } from '@berth/store/record.ts';
import type { Put } from '@berth/store/store.ts';
import { startTestEtcd, type TestEtcd } from '@berth/store/testing/etcd.ts';
import { transaction } from '@berth/store/transaction.ts';

import { startApi } from '../start.ts';
import { readAll, REALM } from '../testing/cluster.ts';

const WRITERS = 4;
const COMMITS = 60;
const READERS = 3;
/** A reader that has got so many breaks off, and goes on elsewhere. */
const READ_AT_ONCE = 37;
const MOST_A_COMMIT = 3;

describe('the stream of events, on etcd', function () {
  this.timeout(60_000);
  const closing: (() => unknown)[] = [];
  const { signal } = new AbortController();
  let etcd: TestEtcd;
  let replicas: Client<'Operations'>[];

  beforeEach(async () => {
    etcd = await startTestEtcd();
    closing.push(() => etcd.close());
    replicas = [await replica('one'), await replica('two')];
    const cluster = complete('ClusterRecord', { name: 'default', status: 'ACTIVE' });
    await commit(putRecord(collections.clusters, ['default'], cluster));
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function replica(name: string): Promise<Client<'Operations'>> {
    const surroundings: Surroundings = {
      clock: realClock,
      random: realRandom,
      logger: testLogger(),
      metrics: createRegistry({ defaults: false }),
    };
    const endpoints = [etcd.etcd.endpoint];
    const state = await openState({ endpoints, tls: etcd.tls, ...surroundings, signal });
    closing.push(state.close);
    const api = await startApi(
      {
        listen: '127.0.0.1:0',
        advertise: '127.0.0.1:0',
        realm: REALM,
        version: 'test',
        sealer: KeyRing.create(),
        tls: await testIdentity('control', name),
        store: state.store,
        cache: state.cache,
        leaseSeconds: 5,
      },
      surroundings,
    );
    closing.push(() => api.stop(100));
    const tls = await testIdentity('admin', 'tester');
    const connection = connect({ addresses: [api.address], tls });
    closing.push(() => connection.close());
    return connection.client('Operations');
  }

  function commit(...puts: Put[]): Promise<{ readonly revision: number }> {
    return etcd.open().commit(transaction({ puts }), signal);
  }

  function event(id: string, message: string): Put {
    const record = complete('EventRecord', { id, cluster: 'default', kind: 'service', message });
    return putRecord(collections.events, ['default', id], record);
  }

  /** @returns what was written, in the order of the commits */
  async function write(): Promise<string[]> {
    const commits: { readonly revision: number; readonly messages: string[] }[] = [];
    await Promise.all(
      Array.from({ length: WRITERS }, async (_, writer) => {
        // Each by a clock of its own: what they write is not in the order of its ids.
        const now = (): number => realClock.now() + writer * 60_000;
        const nextId = ulidSource({ ...realClock, now }, Math.random);
        const store = etcd.open();
        for (let at = 0; at < COMMITS; at += 1) {
          const count = 1 + (at % MOST_A_COMMIT);
          const messages = Array.from({ length: count }, (__, place) => `${writer} ${at} ${place}`);
          const puts = messages.map((message) => event(nextId(), message));
          const { revision } = await store.commit(transaction({ puts }), signal);
          commits.push({ revision, messages });
        }
      }),
    );
    return commits.sort((a, b) => a.revision - b.revision).flatMap(({ messages }) => messages);
  }

  /** Goes on behind the last that it has, at one replica after the other, until it has so many. */
  async function read(most: number, from: number): Promise<string[]> {
    const read: string[] = [];
    let last = from;
    for (let turn = 0; read.length < most; turn += 1) {
      const stop = new AbortController();
      const wanted = Math.min(most, read.length + READ_AT_ONCE);
      const client = replicas[turn % replicas.length] ?? assert.fail();
      const stream = client.WatchEvents(
        { afterSequence: last, follow: true },
        { signal: AbortSignal.any([stop.signal, AbortSignal.timeout(40_000)]) },
      );
      for await (const { sequence, message } of stream) {
        assert.ok(sequence > last, `${sequence} came after ${last}`);
        last = sequence;
        read.push(message);
        if (read.length >= wanted) break;
      }
      stop.abort();
    }
    return read;
  }

  it('is the same for all, without a gap, however often it is broken off', async () => {
    const count = WRITERS * COMMITS * ((1 + MOST_A_COMMIT) / 2);
    const reading = Array.from({ length: READERS }, () => read(count, 0));
    const written = await write();
    assert.equal(written.length, count);
    for (const found of await Promise.all(reading)) assert.deepEqual(found, written);
    assert.deepEqual(await read(count, 0), written, 'and the same once all is past');
  });

  it('says so when it can not begin behind a number', async () => {
    const { revision } = await commit(event('01', 'one'), event('02', 'two'));
    const [client = assert.fail()] = replicas;
    const after = async (afterSequence: number): Promise<(string | undefined)[]> => {
      const events = await readAll(client.WatchEvents({ afterSequence }));
      return events.map(({ message }) => message);
    };
    assert.deepEqual(await after(0), ['one', 'two']);
    assert.deepEqual(await after(revision * 1_000), ['two']);

    const horizon = { cluster: 'default', sequence: revision * 1_000 };
    await commit(putRecord(collections.eventHorizons, ['default'], horizon));
    await assert.rejects(after(0), (error) => {
      assert.ok(isBerthError(error, 'InvalidParameterException'));
      assert.match(error.message, /after number 0 can't be told without a gap/);
      assert.equal(error.details['keptAfter'], String(horizon.sequence));
      return true;
    });
    assert.deepEqual(await after(horizon.sequence), ['two']);
    await assert.rejects(after(Number.MAX_SAFE_INTEGER), /No event can have the number/);
  });
});
