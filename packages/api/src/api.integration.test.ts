import assert from 'node:assert/strict';

import { KeyRing } from '@berth/process/key-ring.ts';
import { createRegistry } from '@berth/process/metrics.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import type { Surroundings } from '@berth/process/role.ts';
import { testIdentity, testLogger } from '@berth/rpc/testing/fixtures.ts';
import { connect } from '@berth/rpc/client.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';
import { openState } from '@berth/store/open-state.ts';
import { putRecord } from '@berth/store/record.ts';
import { startTestEtcd } from '@berth/store/testing/etcd.ts';

import { startApi } from './start.ts';
import { eventually, FakeAgent, REALM } from './testing/cluster.ts';

const HOST = 'a'.repeat(32);

describe('the api on etcd', function () {
  this.timeout(60_000);
  const closing: (() => unknown)[] = [];
  const { signal } = new AbortController();

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  it('keeps its sessions while etcd is killed, and stores afterwards what was reported meanwhile', async () => {
    const etcd = await startTestEtcd();
    closing.push(() => etcd.close());
    const surroundings: Surroundings = {
      clock: realClock,
      random: realRandom,
      logger: testLogger(),
      metrics: createRegistry({ defaults: false }),
    };
    const { store, cache, close } = await openState({
      endpoints: [etcd.etcd.endpoint],
      tls: etcd.tls,
      ...surroundings,
      signal,
    });
    closing.push(close);
    const options = {
      listen: '127.0.0.1:0',
      advertise: '127.0.0.1:0',
      realm: REALM,
      version: 'test',
      sealer: KeyRing.create(),
    };
    const tls = await testIdentity('control', 'api');
    const api = await startApi({ ...options, tls, store, cache, leaseSeconds: 5 }, surroundings);
    closing.push(() => api.stop(100));

    const dial = async (
      role: 'host' | 'admin',
      name: string,
    ): Promise<ReturnType<typeof connect>> => {
      const connection = connect({ addresses: [api.address], tls: await testIdentity(role, name) });
      closing.push(() => connection.close());
      return connection;
    };
    const agent = new FakeAgent((await dial('host', HOST)).client('Agents'), HOST, {});
    closing.push(() => agent.close());
    await eventually('a welcome', () => agent.welcome);
    const common = { id: '1'.repeat(32), cluster: 'default', hostId: HOST };
    const task = complete('TaskRecord', {
      ...common,
      taskDefinition: 'web:1',
      desiredStatus: 'RUNNING',
    });
    const put = putRecord(collections.tasks, ['default', common.id], task);
    await store.commit({ guards: [], puts: [put], deletes: [] }, signal);
    await eventually('the task', () => agent.received.some((order) => order.changes));

    const former = etcd.etcd.pid ?? 0;
    process.kill(former, 'SIGKILL');
    agent.report({ ...common, lastStatus: 'RUNNING', sequence: 1 });
    await eventually(
      'etcd again',
      () => etcd.etcd.unready() === undefined && etcd.etcd.pid !== former,
    );
    await eventually('the report', () => cache.get(collections.taskStatus, 'default', common.id));
    await eventually('the api to be ready', () => api.unready() === undefined);
    await eventually('the session', () => cache.get(collections.sessions, 'host', HOST));

    const operations = (await dial('admin', 'tester')).client('Operations');
    const found = await operations.GetState({ key: `task-status/default/${common.id}` });
    assert.equal((JSON.parse(found.json) as { lastStatus: string }).lastStatus, 'RUNNING');
    assert.equal((await operations.GetInfo({})).replica, api.address);
  });
});
