import assert from 'node:assert/strict';

import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';

import { registration } from '../../sessions/registration.ts';
import { Bench, hostId } from '../testing.ts';

const totalResources = { cpu: 2048, memory: 4096, ports: [], portsUdp: [], gpuIds: [] };

describe('registering a host', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster();
  });
  afterEach(() => bench.stop());

  const register = async (fields: object = {}) => {
    const { host } = await bench.ecs('RegisterHost', { totalResources, ...fields });
    assert.ok(host);
    return host;
  };

  it('lists it with what it brings, without its agent', async () => {
    const host = await register({
      attributes: [{ name: 'ecs.availability-zone', value: 'a' }, { name: 'disk' }],
      tags: [{ key: 'rack', value: '7' }],
    });
    assert.match(host.hostId, /^[0-9a-f]{32}$/);
    assert.equal(host.status, 'ACTIVE');
    assert.equal(host.agentConnected, false);
    assert.deepEqual(host.registeredResources?.ports, [22, 2375, 2376, 51678, 51679]);
    const { hosts } = await bench.ecs('DescribeHosts', {
      hosts: [host.hostId],
      include: ['TAGS', 'CONTAINER_INSTANCE_HEALTH'],
    });
    assert.equal(hosts[0]?.healthStatus?.overallStatus, 'INITIALIZING');
    assert.deepEqual(hosts[0].tags, [{ key: 'rack', value: '7' }]);
    assert.equal(hosts[0].attributes.length, 2);
  });

  it('leaves its tags and people’s attributes when its agent comes', async () => {
    const { hostId: id } = await register({
      attributes: [{ name: 'disk', value: 'ssd' }],
      tags: [{ key: 'rack', value: '7' }],
    });
    const hello = complete('AgentHello', {
      hostId: id,
      cluster: 'default',
      name: 'n1',
      address: '10.0.0.9',
      bootId: 'b',
      resources: { ...totalResources, cpu: 1024 },
      attributes: [{ name: 'ecs.os-type', value: 'linux' }],
    });
    const { puts, guards } = registration(bench.cache, hello, bench.clock.now());
    await bench.store.commit({ guards, puts, deletes: [] }, new AbortController().signal);
    await bench.ecs('ListClusters');
    const record = bench.cache.get(collections.hosts, 'default', id)?.value;
    assert.equal(record?.agentAwaited, undefined);
    assert.equal(record?.address, '10.0.0.9');
    assert.equal(record.registeredResources?.cpu, 1024);
    assert.deepEqual(record.tags, [{ key: 'rack', value: '7' }]);
    assert.deepEqual(
      record.attributes.map(({ name }) => name),
      ['disk', 'ecs.os-type'],
    );
  });

  it('again needs the same resources and all attributes', async () => {
    const { hostId: host, containerInstanceArn } = await register({
      attributes: [{ name: 'ecs.os-type', value: 'linux' }],
    });
    const attributes = [{ name: 'ecs.os-type', value: 'linux' }];
    const again = await register({ host: containerInstanceArn, attributes });
    assert.equal(again.hostId, host);
    for (const [fields, message] of [
      [{ attributes, totalResources: { ...totalResources, cpu: 1 } }, /changes are not supported/],
      [{ attributes: [] }, /has no ecs.os-type any more/],
      [{ host: 'f'.repeat(32), attributes }, /there is no such host/],
    ] as const) {
      await bench.refuses(() => register({ host, ...fields }), 'ClientException', message);
    }
    await bench.ecs('DeregisterHost', { host });
    await bench.refuses(() => register({ host }), 'ClientException', /it was deregistered/);
  });

  it('refuses resources that are none, and clusters that there are not', async () => {
    for (const resources of [undefined, { ...totalResources, memory: 0 }]) {
      await bench.refuses(
        () => register({ totalResources: resources }),
        'InvalidParameterException',
        /totalResources/,
      );
    }
    await bench.refuses(() => register({ cluster: 'no' }), 'ClusterNotFoundException', /not found/);
  });
});

describe('attributes of hosts', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster(3);
  });
  afterEach(() => bench.stop());

  const arn = (index: number) =>
    `arn:aws:ecs:local:000000000000:container-instance/default/${hostId(index)}`;
  const put = (...attributes: object[]) => bench.ecs('PutAttributes', { attributes });
  const list = async (fields: object = {}) => {
    const { attributes } = await bench.ecs('ListAttributes', {
      targetType: 'container-instance',
      ...fields,
    });
    return attributes.map(({ name, value, targetId }) => [name, value, targetId]);
  };

  it('are put on several hosts at once, listed and deleted', async () => {
    await put(
      { name: 'disk', value: 'ssd', targetId: arn(0) },
      { name: 'disk', value: 'hdd', targetId: hostId(1) },
      { name: 'gpu', targetId: 'h1' },
    );
    assert.deepEqual(await list(), [
      ['disk', 'ssd', arn(0)],
      ['disk', 'hdd', arn(1)],
      ['gpu', undefined, arn(1)],
    ]);
    assert.deepEqual(await list({ attributeName: 'disk', attributeValue: 'hdd' }), [
      ['disk', 'hdd', arn(1)],
    ]);
    const record = bench.cache.get(collections.hosts, 'default', hostId(1))?.value;
    assert.deepEqual(record?.attributes[0], { name: 'disk', value: 'hdd' });
    await bench.ecs('DeleteAttributes', {
      attributes: [
        { name: 'disk', targetId: arn(0) },
        { name: 'disk', value: 'ssd', targetId: arn(1) },
        { name: 'none', targetId: arn(1) },
      ],
    });
    assert.deepEqual(await list(), [
      ['disk', 'hdd', arn(1)],
      ['gpu', undefined, arn(1)],
    ]);
  });

  it('are put on all hosts or on none', async () => {
    await bench.refuses(
      () => put({ name: 'a', targetId: 'h0' }, { name: 'a', targetId: 'h9' }),
      'TargetNotFoundException',
      /h9/,
    );
    await bench.refuses(
      () => put({ name: 'ecs.a', targetId: 'h0' }),
      'InvalidParameterException',
      /none that begins with/,
    );
    await bench.refuses(
      () => list({ targetType: 'task' }),
      'InvalidParameterException',
      /targetType/,
    );
  });
});

describe('deregistering a host', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster(2);
  });
  afterEach(() => bench.stop());

  it('leaves it INACTIVE for those who ask', async () => {
    await bench.ecs('DeregisterHost', { host: 'h0' });
    const { hosts } = await bench.ecs('DescribeHosts', { hosts: [hostId(0), 'h1'] });
    assert.deepEqual(
      hosts.map(({ status }) => status),
      ['ACTIVE', 'INACTIVE'],
    );
    const { failures } = await bench.ecs('UpdateHostsState', {
      hosts: [hostId(0)],
      status: 'DRAINING',
    });
    assert.equal(failures[0]?.reason, 'INACTIVE');
    const { containerInstanceArns } = await bench.ecs('ListHosts');
    assert.equal(containerInstanceArns.length, 1);
  });

  it('notices a task that was placed at the same moment, and leaves the host as it was', async () => {
    const replica = await bench.replica();
    const id = '1'.repeat(32);
    let placed = false;
    // Committed after the replica has looked for tasks, and before it makes the host DRAINING.
    replica.store.faults.before = async (operation) => {
      if (operation !== 'commit' || placed) return;
      placed = true;
      await bench.put(collections.tasks, ['default', id], {
        id,
        cluster: 'default',
        hostId: hostId(0),
        desiredStatus: 'RUNNING',
      });
    };
    await assert.rejects(replica.ecs('DeregisterHost', { host: 'h0' }), {
      code: 'InvalidParameterException',
    });
    const { hosts } = await bench.ecs('DescribeHosts', { hosts: ['h0'] });
    assert.equal(hosts[0]?.status, 'ACTIVE');
    assert.equal(hosts[0].pendingTasksCount, 1);
  });
});
