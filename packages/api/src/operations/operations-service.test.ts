import assert from 'node:assert/strict';

import { isBerthError } from '@berth/model/errors.ts';
import type { EventRecord, ServiceProgress } from '@berth/model/generated/messages.ts';
import type { Client, CertifiedIdentity } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import { eventually, readAll, REALM, TestCluster, type Replica } from '../testing/cluster.ts';

describe("Berth's own operations", () => {
  let cluster: TestCluster;
  let replica: Replica;
  let client: Client<'Operations'>;

  beforeEach(async () => {
    cluster = new TestCluster();
    replica = await cluster.replica();
    client = await cluster.client('Operations', replica);
    await cluster.put(collections.clusters, ['default'], { name: 'default', status: 'ACTIVE' });
  });
  afterEach(() => cluster.close());

  const service = (more: object = {}): Promise<unknown> =>
    cluster.put(collections.services, ['default', 'web'], {
      cluster: 'default',
      name: 'web',
      status: 'ACTIVE',
      schedulingStrategy: 'REPLICA',
      taskDefinition: 'web:1',
      deploymentId: 'ecs-svc/1',
      ...more,
    });
  const event = (id: string, more: object = {}): Promise<unknown> =>
    cluster.put(collections.events, ['default', id], {
      id,
      cluster: 'default',
      kind: 'service',
      service: 'web',
      message: `event ${id}`,
      ...more,
    });
  const refusal = (code: Parameters<typeof isBerthError>[1]) => (error: unknown) =>
    code !== undefined && isBerthError(error, code);

  it('say who answers and who leads', async () => {
    await cluster.put(collections.leader, ['scheduler'], {
      role: 'scheduler',
      address: '10.0.0.9:7401',
    });
    const info = await client.GetInfo({});
    assert.equal(info.version, '0.0.0-test');
    assert.equal(info.replica, replica.address);
    assert.deepEqual([info.region, info.account], [REALM.region, REALM.account]);
    assert.deepEqual(
      info.leaders.map(({ address }) => address),
      ['10.0.0.9:7401'],
    );
    assert.ok(info.revision > 0);
  });

  it('are for people and the control plane only', async () => {
    for (const role of ['host', 'proxy'] as CertifiedIdentity['role'][]) {
      const operations = await cluster.client('Operations', replica, role, 'x');
      const ecs = await cluster.client('Ecs', replica, role, 'x');
      await assert.rejects(operations.GetInfo({}), refusal('AccessDeniedException'));
      await assert.rejects(ecs.ListClusters({}), refusal('AccessDeniedException'));
    }
    const control = await cluster.client('Ecs', replica, 'control', 'controller');
    assert.equal((await control.ListClusters({})).clusterArns.length, 1);
  });

  it('show what is stored, as JSON, with or without the prefix', async () => {
    await service({ desiredCount: 3 });
    for (const key of ['services/default/web', '/berth/v1/services/default/web']) {
      const found = await client.GetState({ key });
      assert.equal(found.key, '/berth/v1/services/default/web');
      assert.equal((JSON.parse(found.json) as { desiredCount: number }).desiredCount, 3);
      assert.equal(found.version, 1);
    }
    const all = await client.ListState({ prefix: '' });
    assert.deepEqual(all.keys, ['/berth/v1/clusters/default', '/berth/v1/services/default/web']);
    assert.equal(all.truncated, false);
    const some = await client.ListState({ prefix: '', limit: 1 });
    assert.deepEqual([some.keys.length, some.truncated], [1, true]);
    await assert.rejects(
      client.GetState({ key: 'services/default/none' }),
      refusal('TargetNotFoundException'),
    );
    await assert.rejects(
      client.ListState({ prefix: '/registry/' }),
      refusal('InvalidParameterException'),
    );
    await assert.rejects(
      client.ListState({ prefix: '', limit: 0 }),
      refusal('InvalidParameterException'),
    );
  });

  it('show past events in order, then new ones, of one service or of all', async () => {
    await service();
    for (const id of ['03', '01', '02']) await event(id);
    await event('04', { service: 'other' });
    const past: string[] = [];
    for await (const { id } of client.WatchEvents({ service: 'web', limit: 2 })) past.push(id);
    assert.deepEqual(past, ['01', '02'], 'as they were committed');

    const seen: EventRecord[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const item of client.WatchEvents(
        { limit: 1, follow: true },
        { signal: stop.signal },
      )) {
        seen.push(item);
      }
    })();
    await eventually('the last event', () => seen.length === 1);
    await event('05');
    await event('06', { service: 'other' });
    await eventually('new events', () => seen.length === 3);
    assert.deepEqual(
      seen.map(({ id }) => id),
      ['04', '05', '06'],
    );
    stop.abort();
    await assert.rejects(watching, refusal('Cancelled'));
    await assert.rejects(async () => {
      await readAll(client.WatchEvents({ service: 'none' }));
    }, refusal('ServiceNotFoundException'));
  });

  it('show a service at once, whenever it changes, and when it is gone', async () => {
    await service({ desiredCount: 1 });
    const seen: ServiceProgress[] = [];
    const watching = (async () => {
      for await (const progress of client.WatchService({ service: 'web' })) seen.push(progress);
    })();
    const gone = assert.rejects(watching, refusal('ServiceNotFoundException'));
    await eventually('the first view', () => seen.length === 1);
    await cluster.put(collections.services, ['default', 'other'], {
      cluster: 'default',
      name: 'other',
    });
    const task = {
      id: '1'.repeat(32),
      cluster: 'default',
      hostId: 'h',
      service: 'web',
      owner: 'ecs-svc/1',
    };
    await cluster.put(collections.tasks, ['default', task.id], {
      ...task,
      taskDefinition: 'web:1',
      desiredStatus: 'RUNNING',
    });
    const pulling = await eventually('the task', () => seen.at(-1)?.tasks[0]);
    assert.deepEqual([pulling.step, pulling.deploymentId], ['pull', 'ecs-svc/1']);
    await service({ desiredCount: 5 });
    await eventually('the new count', () => seen.at(-1)?.service?.desiredCount === 5);
    await cluster.delete(collections.services, 'default', 'web');
    await gone;
    const views = seen.map((view) => JSON.stringify({ ...view, at: 0 }));
    assert.equal(new Set(views).size, views.length, 'a view was sent twice');
  });
});
