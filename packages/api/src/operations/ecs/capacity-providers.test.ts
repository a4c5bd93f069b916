import assert from 'node:assert/strict';

import { collections } from '@berth/store/keys.ts';

import { Bench, webDefinition } from '../testing.ts';

const group = { autoScalingGroupArn: 'arn:aws:autoscaling:::group/x' };

describe('capacity providers', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
  });
  afterEach(() => bench.stop());

  const create = (name: string) =>
    bench.ecs('CreateCapacityProvider', { name, autoScalingGroupProvider: group });

  it('are created, updated, described and deleted', async () => {
    const { capacityProvider } = await create('spot');
    assert.equal(capacityProvider?.status, 'ACTIVE');
    assert.equal(
      capacityProvider.capacityProviderArn,
      'arn:aws:ecs:local:000000000000:capacity-provider/spot',
    );
    await bench.refuses(() => create('spot'), 'ClientException', /already exists/);
    const updated = await bench.ecs('UpdateCapacityProvider', {
      name: 'spot',
      autoScalingGroupProvider: { managedScaling: { targetCapacity: 80 } },
    });
    assert.equal(
      updated.capacityProvider?.autoScalingGroupProvider?.managedScaling?.targetCapacity,
      80,
    );
    const { capacityProviders, failures } = await bench.ecs('DescribeCapacityProviders', {
      capacityProviders: ['spot', 'FARGATE', 'none'],
    });
    assert.deepEqual(
      capacityProviders.map(({ name, type }) => [name, type]),
      [
        ['spot', 'EC2_AUTOSCALING'],
        ['FARGATE', 'FARGATE'],
      ],
    );
    assert.deepEqual(
      failures.map(({ reason }) => reason),
      ['MISSING'],
    );
    const gone = await bench.ecs('DeleteCapacityProvider', {
      capacityProvider: capacityProvider.capacityProviderArn,
    });
    assert.equal(gone.capacityProvider?.status, 'INACTIVE');
    await bench.refuses(
      () => bench.ecs('DeleteCapacityProvider', { capacityProvider: 'spot' }),
      'ClientException',
      /does not exist/,
    );
    assert.equal((await create('spot')).capacityProvider?.status, 'ACTIVE');
  });

  it('are listed in pages of at most ten, FARGATE first', async () => {
    for (let index = 0; index < 10; index += 1) await create(`p${index}`);
    const first = await bench.ecs('DescribeCapacityProviders');
    assert.deepEqual(
      first.capacityProviders.slice(0, 3).map(({ name }) => name),
      ['FARGATE', 'FARGATE_SPOT', 'p0'],
    );
    const second = await bench.ecs('DescribeCapacityProviders', { nextToken: first.nextToken });
    assert.equal(first.capacityProviders.length + second.capacityProviders.length, 12);
    await bench.refuses(
      () => bench.ecs('DescribeCapacityProviders', { maxResults: 11 }),
      'InvalidParameterException',
      'maxResults is 11; expected a whole number from 1 to 10.',
    );
  });

  it('FARGATE and its like can be neither made nor changed', async () => {
    await bench.refuses(() => create('fargate-x'), 'ClientException', /can't be prefixed/);
    await bench.refuses(
      () => bench.ecs('DeleteCapacityProvider', { capacityProvider: 'FARGATE' }),
      'ClientException',
      `The capacity provider "FARGATE" can't be changed.`,
    );
  });

  describe('of a cluster', () => {
    const put = (capacityProviders: string[], ...strategy: string[]) =>
      bench.ecs('PutClusterCapacityProviders', {
        cluster: 'default',
        capacityProviders,
        defaultCapacityProviderStrategy: strategy.map((capacityProvider) => ({
          capacityProvider,
          weight: 1,
        })),
      });

    it('are replaced as a whole, and have to exist', async () => {
      await create('spot');
      const { cluster } = await put(['spot', 'FARGATE'], 'spot');
      assert.deepEqual(cluster?.capacityProviders, ['spot', 'FARGATE']);
      assert.deepEqual(cluster.defaultCapacityProviderStrategy[0]?.capacityProvider, 'spot');
      await bench.refuses(
        () => put(['other']),
        'InvalidParameterException',
        `The specified capacity provider 'other' was not found. Specify a valid name or ARN and try again.`,
      );
      await bench.refuses(
        () => put(['FARGATE'], 'spot'),
        'InvalidParameterException',
        /not associated with the cluster/,
      );
      assert.deepEqual((await put([])).cluster?.capacityProviders, []);
    });

    it('are the strategy of services and tasks that name none', async () => {
      await create('spot');
      await put(['spot'], 'spot');
      const { service } = await bench.ecs('CreateService', {
        serviceName: 'web',
        taskDefinition: 'hello',
        desiredCount: 1,
      });
      assert.equal(service?.launchType, undefined);
      assert.deepEqual(service?.capacityProviderStrategy, [
        { capacityProvider: 'spot', weight: 1, base: 0 },
      ]);
      const { tasks } = await bench.ecs('RunTask', { taskDefinition: 'hello' });
      assert.equal(tasks[0]?.capacityProviderName, 'spot');
      const other = await bench.ecs('RunTask', { taskDefinition: 'hello', launchType: 'EC2' });
      assert.equal(other.tasks[0]?.launchType, 'EC2');
      assert.equal(other.tasks[0].capacityProviderName, undefined);
    });

    it('that a service uses can neither be taken away nor deleted', async () => {
      await create('spot');
      await put(['spot'], 'spot');
      await bench.ecs('CreateService', {
        serviceName: 'web',
        taskDefinition: 'hello',
        desiredCount: 1,
      });
      await bench.refuses(
        () => put([]),
        'ResourceInUseException',
        /is in use and cannot be removed/,
      );
      await bench.refuses(
        () => bench.ecs('DeleteCapacityProvider', { capacityProvider: 'spot' }),
        'ClientException',
        /associated with cluster: default/,
      );
    });

    it('are the only ones that a strategy may name', async () => {
      await create('spot');
      await bench.refuses(
        () =>
          bench.ecs('RunTask', {
            taskDefinition: 'hello',
            capacityProviderStrategy: [{ capacityProvider: 'spot' }],
          }),
        'InvalidParameterException',
        /not associated with the cluster/,
      );
    });
  });

  it('are shown on the hosts that bear their name', async () => {
    await bench.ecs('PutAttributes', {
      host: 'h0',
      attributes: [{ name: 'berth.capacity-provider', value: 'spot' }],
    });
    const { hosts } = await bench.ecs('DescribeHosts', { hosts: ['h0'] });
    assert.equal(hosts[0]?.capacityProviderName, 'spot');
    assert.ok(bench.cache.get(collections.hosts, 'default', hosts[0].hostId));
  });
});
