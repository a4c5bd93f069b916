import assert from 'node:assert/strict';

import { KeyRing } from '@berth/process/key-ring.ts';
import { createRegistry } from '@berth/process/metrics.ts';
import { realClock, realRandom } from '@berth/process/real-clock.ts';
import type { Surroundings } from '@berth/process/role.ts';
import { createAuthority, issue } from '@berth/rpc/authority.ts';
import { testIdentity, testLogger } from '@berth/rpc/testing/fixtures.ts';
import { connect } from '@berth/rpc/client.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';
import { openState } from '@berth/store/open-state.ts';
import { putRecord } from '@berth/store/record.ts';
import { startTestEtcd } from '@berth/store/testing/etcd.ts';

import { startApi } from './start.ts';
import { eventually, FakeAgent, FakeProxy, REALM } from './testing/cluster.ts';

const HOST = 'a'.repeat(32);
const COUNT = 10_000;

describe('the api on etcd', function () {
  this.timeout(60_000);
  const closing: (() => unknown)[] = [];
  const { signal } = new AbortController();

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function begin() {
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
      role: 'host' | 'admin' | 'proxy',
      name: string,
    ): Promise<ReturnType<typeof connect>> => {
      const connection = connect({ addresses: [api.address], tls: await testIdentity(role, name) });
      closing.push(() => connection.close());
      return connection;
    };
    return { etcd, store, cache, api, dial };
  }

  it('keeps its sessions while etcd is killed, and stores afterwards what was reported meanwhile', async () => {
    const { etcd, store, cache, api, dial } = await begin();
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

  it('tells a proxy of listeners with TLS, and of ten thousand rules and targets', async () => {
    const { store, cache, dial } = await begin();
    const balancing = (await dial('admin', 'tester')).client('LoadBalancing');
    const authority = await createAuthority(realClock.now());
    const identity = { role: 'host', name: 'web' } as const;
    const issued = await issue(authority, identity, ['a.example'], realClock.now(), 30);
    const { certificate } = await balancing.ImportCertificate({
      chainPem: issued.certificate,
      keyPem: issued.key,
    });
    await balancing.CreateTrustStore({ name: 'ours', bundlePem: authority.certificate });
    await balancing.CreateLoadBalancer({ name: 'main' });
    await balancing.CreateTargetGroup({ name: 'web', targetType: 'ip' });
    const { listener } = await balancing.CreateListener({
      loadBalancer: 'main',
      port: 8443,
      protocol: 'HTTPS',
      certificates: [{ certificateArn: certificate?.certificateArn ?? '' }],
      mutualAuthentication: { mode: 'verify', trustStore: 'ours' },
      defaultActions: [{ type: 'forward', forward: { targetGroups: [{ targetGroupArn: 'web' }] } }],
    });
    const listenerId = listener?.listenerId ?? '';
    for (let from = 0; from < COUNT; from += 50) {
      const puts = Array.from({ length: 50 }, (_, index) => from + index).flatMap((number) => {
        const id = `n${number}`;
        const rule = { id, listenerId, priority: number + 1 };
        const target = { group: 'web', id, address: '10.0.0.1', port: number, state: 'REGISTERED' };
        return [
          putRecord(collections.rules, [listenerId, id], complete('RuleRecord', rule)),
          putRecord(collections.targets, ['web', id], complete('TargetRecord', target)),
        ];
      });
      await store.commit({ guards: [], puts, deletes: [] }, signal);
    }
    await eventually('all of them', () => [...cache.list(collections.targets)].length === COUNT);
    const proxy = new FakeProxy((await dial('proxy', 'p')).client('Proxies'), 'p');
    closing.push(() => proxy.close());
    await eventually('the whole snapshot', () => proxy.received.some(({ more }) => !more));
    const end = proxy.received.findIndex(({ more }) => !more);
    const parts = proxy.received.slice(0, end + 1);
    assert.ok(parts.length > 1);
    assert.ok(parts.every(({ snapshot }) => snapshot));
    assert.equal(new Set(parts.flatMap(({ rules }) => rules.map(({ id }) => id))).size, COUNT);
    assert.equal(new Set(parts.flatMap(({ targets }) => targets.map(({ id }) => id))).size, COUNT);
    const [served] = parts.flatMap(({ certificates }) => certificates);
    assert.equal(served?.arn, certificate?.certificateArn);
    assert.match(served?.keyPem ?? '', /BEGIN PRIVATE KEY/);
    assert.deepEqual(
      parts.flatMap(({ trustStores }) => trustStores.map(({ name }) => name)),
      ['ours'],
    );
    await eventually('keys for cookies', () =>
      proxy.received.some(({ cookieKeys }) => cookieKeys.length === 1),
    );
    await balancing.DeleteLoadBalancer({ loadBalancer: 'main' });
    await eventually('the removal', () =>
      proxy.received.some(({ removedCertificates }) => removedCertificates.length === 1),
    );
    assert.deepEqual([...cache.list(collections.rules)], []);
  });
});
