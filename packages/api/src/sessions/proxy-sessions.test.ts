import assert from 'node:assert/strict';

import { isBerthError } from '@berth/model/errors.ts';
import type { RoutingUpdate } from '@berth/model/generated/messages.ts';
import { collections, keyOf } from '@berth/store/keys.ts';

import { eventually, readAll, TestCluster, type Replica } from '../testing/cluster.ts';
import { COOKIE_KEYS } from './cookie-keys.ts';

describe('proxy sessions', () => {
  let cluster: TestCluster;
  let replica: Replica;

  beforeEach(async () => {
    cluster = new TestCluster();
    replica = await cluster.replica();
    // Else a session would make keys, and each test would see them come.
    const keys = Buffer.from(`first ${Date.now()} AAAA`);
    await cluster.put(collections.secrets, [COOKIE_KEYS], {
      name: COOKIE_KEYS,
      sealed: cluster.sealer.seal(keys, keyOf(collections.secrets, COOKIE_KEYS)),
    });
  });
  afterEach(() => cluster.close());

  const target = (id: string, more: object = {}): Promise<unknown> =>
    cluster.put(collections.targets, ['web', id], {
      group: 'web',
      id,
      address: '10.0.0.1',
      port: 20000,
      cluster: 'default',
      service: 'web',
      state: 'REGISTERED',
      ...more,
    });
  const health = (id: string, proxy = 'p1') =>
    replica.cache.get(collections.targetHealth, 'web', id, proxy);

  it('sends the whole table, then what changes, each with its revision', async () => {
    await cluster.put(collections.targetGroups, ['web'], { name: 'web', id: '1'.repeat(16) });
    await cluster.put(collections.listeners, ['l1'], { id: 'l1', port: 80 });
    await cluster.put(collections.rules, ['l1', 'r1'], { id: 'r1', listenerId: 'l1', priority: 1 });
    await target('t1');
    const revision = replica.store.revision;
    const proxy = await cluster.proxy(replica, 'p1');
    const snapshot = await eventually<RoutingUpdate>('the snapshot', () => proxy.received[0]);
    assert.ok(snapshot.snapshot && snapshot.revision >= revision);
    const counts = (update: RoutingUpdate): number[] =>
      [update.listeners, update.rules, update.targetGroups, update.targets].map(
        (list) => list.length,
      );
    assert.deepEqual(counts(snapshot), [1, 1, 1, 1]);

    await target('t1', { state: 'DRAINING' });
    const draining = await eventually<RoutingUpdate>('a change', () => proxy.received[1]);
    assert.equal(draining.snapshot, false);
    assert.equal(draining.targets[0]?.state, 'DRAINING');
    assert.deepEqual(counts(draining), [0, 0, 0, 1]);

    await cluster.delete(collections.targets, 'web', 't1');
    await cluster.delete(collections.rules, 'l1', 'r1');
    await eventually('the removals', () => {
      const later = proxy.received.slice(2);
      return (
        later.some((update) => update.removedTargets.includes('web/t1')) &&
        later.some((update) => update.removedRules.includes('l1/r1'))
      );
    });
    const revisions = proxy.received.map((update) => update.revision);
    assert.deepEqual(
      revisions,
      [...revisions].sort((a, b) => a - b),
    );
  });

  it('says nothing when what changes does not concern routing', async () => {
    const proxy = await cluster.proxy(replica, 'p1');
    await eventually('the snapshot', () => proxy.received[0]);
    await cluster.put(collections.services, ['default', 'web'], { name: 'web' });
    await target('t1');
    await eventually('the target', () => proxy.received[1]);
    assert.equal(proxy.received.length, 2);
  });

  it('stores the health of targets, and only when it changes', async () => {
    await target('t1');
    const proxy = await cluster.proxy(replica, 'p1');
    await eventually('the snapshot', () => proxy.received[0]);
    const report = {
      group: 'web',
      target: 't1',
      proxy: 'forged',
      state: 'healthy',
      routingRevision: 1,
    };
    proxy.health(report);
    const first = await eventually('the health', () => health('t1'));
    assert.equal(first.value.state, 'healthy');
    assert.equal(replica.cache.get(collections.targetHealth, 'web', 't1', 'forged'), undefined);
    proxy.health({ ...report, routingRevision: 2 }, { ...report, target: 'unknown' });
    proxy.health({ ...report, state: 'unhealthy', reason: 'Target.Timeout' });
    const second = await eventually('unhealthy', () => {
      const found = health('t1');
      return found?.value.state === 'unhealthy' && found;
    });
    // The session's own record and this one: the same report again and that of an unknown target wrote nothing.
    const stored = await replica.store.get(second.key, new AbortController().signal);
    assert.equal(stored?.version, 2);
    assert.equal(health('unknown'), undefined);
  });

  it('forgets the health of targets that go, and of proxies that leave', async () => {
    await target('t1');
    await target('t2');
    const proxy = await cluster.proxy(replica, 'p1');
    await eventually('the snapshot', () => proxy.received[0]);
    for (const id of ['t1', 't2']) proxy.health({ group: 'web', target: id, state: 'healthy' });
    await eventually('the health', () => health('t1') && health('t2'));
    await cluster.delete(collections.targets, 'web', 't1');
    await eventually('no health of t1', () => health('t1') === undefined);
    assert.ok(health('t2'));
    await proxy.close();
    await eventually('no health of t2', () => health('t2') === undefined);
    await eventually('no session', () => !replica.cache.get(collections.sessions, 'proxy', 'p1'));
  });

  it('adds up what the proxies have counted', async () => {
    await cluster.put(collections.targetGroups, ['web'], { name: 'web', id: '1'.repeat(16) });
    const proxies = [await cluster.proxy(replica, 'p1'), await cluster.proxy(replica, 'p2')];
    for (const proxy of proxies) {
      await eventually('the snapshot', () => proxy.received[0]);
      proxy.out.offer({
        traffic: { groups: [{ group: 'web', requests: 10, failed: 1, active: 2 }] },
      });
      proxy.out.offer({
        traffic: {
          groups: [{ group: 'web', requests: 20, failed: 1, targetErrors: 3, active: 1 }],
        },
      });
    }
    const client = await cluster.client('LoadBalancing', replica);
    const traffic = await eventually('all reports', async () => {
      const answer = await client.DescribeTargetHealth({ targetGroup: 'web' });
      return answer.traffic?.requests === 40 && answer.traffic;
    });
    assert.deepEqual(traffic, { requests: 40, failed: 2, targetErrors: 6, active: 2 });
  });

  it('knows which proxies are behind', async () => {
    const proxy = await cluster.proxy(replica, 'p1');
    const snapshot = await eventually<RoutingUpdate>('the snapshot', () => proxy.received[0]);
    const behind = async (): Promise<string | undefined> =>
      /berth_api_proxies_behind (\d)/.exec(await replica.surroundings.metrics.metrics())?.[1];
    assert.equal(await behind(), '1');
    proxy.out.offer({ appliedRevision: snapshot.revision });
    await eventually('none', async () => (await behind()) === '0');
  });

  it('refuses a proxy that says it is another, and any other role', async () => {
    const client = await cluster.client('Proxies', replica, 'proxy', 'p1');
    async function* hello() {
      yield await Promise.resolve({ hello: { proxyId: 'p2' } });
    }
    const asHost = await cluster.client('Proxies', replica, 'host', 'p2');
    for (const caller of [client, asHost]) {
      await assert.rejects(readAll(caller.Session(hello())), (error) =>
        isBerthError(error, 'AccessDeniedException'),
      );
    }
  });
});
