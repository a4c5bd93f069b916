import assert from 'node:assert/strict';

import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';

import { registration } from '../../sessions/registration.ts';
import { Bench, hostId, webDefinition } from '../testing.ts';

describe('clusters', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
  });
  afterEach(() => bench.stop());

  it('are created once: the same arguments give the same cluster', async () => {
    const { cluster } = await bench.ecs('CreateCluster');
    assert.equal(cluster?.clusterName, 'default');
    assert.equal(cluster.clusterArn, 'arn:aws:ecs:local:000000000000:cluster/default');
    assert.equal(cluster.status, 'ACTIVE');
    const before = bench.store.revision;
    assert.deepEqual(await bench.ecs('CreateCluster', { clusterName: 'default' }), { cluster });
    assert.equal(bench.store.revision, before);
    await bench.refuses(
      () => bench.ecs('CreateCluster', { tags: [{ key: 'a', value: 'b' }] }),
      'InvalidParameterException',
      'Arguments on this idempotent request are inconsistent with arguments used in previous request(s). (cluster "default" exists and is not what is asked for)',
    );
    await bench.refuses(
      () => bench.ecs('CreateCluster', { clusterName: 'a b' }),
      'InvalidParameterException',
      'clusterName is "a b"; expected 1 to 255 letters, digits, hyphens and underscores.',
    );
  });

  it('that are created at two replicas at once are one', async () => {
    const other = await bench.replica();
    const [a, b] = await Promise.all([
      bench.ecs('CreateCluster', { clusterName: 'x' }),
      other.ecs('CreateCluster', { clusterName: 'x' }),
    ]);
    assert.deepEqual(a, b);
  });

  it('are described by name and ARN, the others as failures', async () => {
    await bench.ecs('CreateCluster');
    await bench.ecs('CreateCluster', { clusterName: 'b' });
    const { clusters, failures } = await bench.ecs('DescribeClusters', {
      clusters: ['b', 'arn:aws:ecs:local:000000000000:cluster/default', 'c'],
    });
    assert.deepEqual(
      clusters.map(({ clusterName }) => clusterName),
      ['b', 'default'],
    );
    assert.deepEqual(failures, [
      { arn: 'arn:aws:ecs:local:000000000000:cluster/c', reason: 'MISSING' },
    ]);
    const byDefault = await bench.ecs('DescribeClusters');
    assert.equal(byDefault.clusters[0]?.clusterName, 'default');
    await bench.refuses(
      () => bench.ecs('DescribeClusters', { clusters: Array.from({ length: 101 }, () => 'x') }),
      'InvalidParameterException',
      'clusters has 101 clusters; expected at most 100.',
    );
  });

  it('are listed in pages while they are ACTIVE', async () => {
    for (const clusterName of ['c', 'a', 'b']) await bench.ecs('CreateCluster', { clusterName });
    await bench.ecs('DeleteCluster', { cluster: 'b' });
    const first = await bench.ecs('ListClusters', { maxResults: 1 });
    const second = await bench.ecs('ListClusters', { maxResults: 1, nextToken: first.nextToken });
    assert.deepEqual(
      [...first.clusterArns, ...second.clusterArns],
      ['arn:aws:ecs:local:000000000000:cluster/a', 'arn:aws:ecs:local:000000000000:cluster/c'],
    );
    assert.equal(second.nextToken, undefined);
  });

  it('are deleted when they are empty, and come back as new', async () => {
    await bench.ecs('CreateCluster', { clusterName: 'x' });
    const { cluster } = await bench.ecs('DeleteCluster', { cluster: 'x' });
    assert.equal(cluster?.status, 'INACTIVE');
    await bench.refuses(
      () => bench.ecs('ListServices', { cluster: 'x' }),
      'ClusterNotFoundException',
      'The referenced cluster was inactive. (cluster "x")',
    );
    await bench.refuses(
      () => bench.ecs('DeleteCluster', { cluster: 'y' }),
      'ClusterNotFoundException',
      'Cluster not found. (cluster "y")',
    );
    await bench.refuses(
      () => bench.ecs('DeleteCluster', { cluster: '' }),
      'InvalidParameterException',
      'cluster is missing; expected the name or ARN of a cluster.',
    );
    const again = await bench.ecs('CreateCluster', {
      clusterName: 'x',
      tags: [{ key: 'a', value: 'b' }],
    });
    assert.equal(again.cluster?.status, 'ACTIVE');
  });

  it('are not deleted while something is in them', async () => {
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
    await bench.ecs('CreateService', {
      serviceName: 'web',
      taskDefinition: 'hello',
      desiredCount: 1,
    });
    const remove = () => bench.ecs('DeleteCluster', { cluster: 'default' });
    await bench.refuses(
      remove,
      'ClusterContainsServicesException',
      'The Cluster cannot be deleted while Services are active. (1: web)',
    );
    await bench.ecs('RunTask', { taskDefinition: 'hello' });
    const service = bench.cache.get(collections.services, 'default', 'web')?.value;
    await bench.put(collections.services, ['default', 'web'], { ...service, status: 'INACTIVE' });
    await bench.refuses(
      remove,
      'ClusterContainsContainerInstancesException',
      'The Cluster cannot be deleted while Container Instances are active or draining. (1: h0)',
    );
    await bench.remove(collections.hosts, 'default', hostId(0));
    await bench.refuses(
      remove,
      'ClusterContainsTasksException',
      /^The Cluster cannot be deleted while Tasks are active\. \(1: [0-9a-f]{32}\)$/,
    );
  });

  it('count what is in them', async () => {
    await bench.cluster(2);
    await bench.ecs('RegisterTaskDefinition', webDefinition);
    const { tasks } = await bench.ecs('RunTask', { taskDefinition: 'hello', count: 2 });
    const id = tasks[0]?.taskArn.split('/').at(-1) ?? '';
    await bench.put(collections.taskStatus, ['default', id], { id, lastStatus: 'RUNNING' });
    const { clusters } = await bench.ecs('DescribeClusters');
    const { registeredContainerInstancesCount, runningTasksCount, pendingTasksCount } =
      clusters[0] ?? {};
    assert.deepEqual(
      { registeredContainerInstancesCount, runningTasksCount, pendingTasksCount },
      { registeredContainerInstancesCount: 2, runningTasksCount: 1, pendingTasksCount: 1 },
    );
  });

  describe('being deleted', () => {
    it('notice a host that came at the same moment, and stay', async () => {
      await bench.ecs('CreateCluster', { clusterName: 'c' });
      const replica = await bench.replica();
      let came = false;
      replica.store.faults.before = async (operation) => {
        if (operation !== 'commit' || came) return;
        came = true;
        const id = hostId(1);
        await bench.put(collections.hosts, ['c', id], { id, cluster: 'c', name: 'n' });
      };
      await assert.rejects(replica.ecs('DeleteCluster', { cluster: 'c' }), {
        code: 'ClusterContainsContainerInstancesException',
      });
      const { clusters } = await bench.ecs('DescribeClusters', { clusters: ['c'] });
      assert.equal(clusters[0]?.status, 'ACTIVE');
    });

    it('take no host any more', async () => {
      await bench.ecs('CreateCluster', { clusterName: 'c' });
      const hello = complete('AgentHello', { hostId: hostId(1), cluster: 'c', name: 'n' });
      const { guards, puts } = registration(bench.cache, hello, bench.clock.now());
      await bench.ecs('DeleteCluster', { cluster: 'c' });
      const { signal } = new AbortController();
      const { committed } = await bench.store.commit({ guards, puts, deletes: [] }, signal);
      assert.equal(committed, false);
    });
  });

  it('are described with what is asked for besides', async () => {
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
    await bench.ecs('CreateService', {
      serviceName: 'web',
      taskDefinition: 'hello',
      desiredCount: 0,
    });
    await bench.ecs('RunTask', { taskDefinition: 'hello' });
    await bench.ecs('UpdateClusterSettings', {
      cluster: 'default',
      settings: [{ name: 'containerInsights', value: 'enabled' }],
    });
    const bare = await bench.ecs('DescribeClusters');
    assert.deepEqual(bare.clusters[0]?.settings, []);
    assert.deepEqual(bare.clusters[0].statistics, []);
    const { clusters } = await bench.ecs('DescribeClusters', {
      include: ['SETTINGS', 'STATISTICS'],
    });
    assert.deepEqual(clusters[0]?.settings, [{ name: 'containerInsights', value: 'enabled' }]);
    const statistics = new Map(clusters[0].statistics.map(({ name, value }) => [name, value]));
    assert.equal(statistics.get('pendingEC2TasksCount'), '1');
    assert.equal(statistics.get('activeEC2ServiceCount'), '1');
    assert.equal(statistics.get('runningFargateTasksCount'), '0');
  });

  it('are updated, only as far as is said', async () => {
    await bench.ecs('CreateCluster', { clusterName: 'c' });
    const configuration = { executeCommandConfiguration: { logging: 'DEFAULT' as const } };
    await bench.ecs('UpdateCluster', { cluster: 'c', configuration });
    await bench.ecs('UpdateCluster', {
      cluster: 'c',
      settings: [{ name: 'containerInsights', value: 'enhanced' }],
    });
    const { clusters } = await bench.ecs('DescribeClusters', {
      clusters: ['c'],
      include: ['CONFIGURATIONS', 'SETTINGS'],
    });
    assert.equal(clusters[0]?.configuration?.executeCommandConfiguration?.logging, 'DEFAULT');
    assert.deepEqual(clusters[0].settings, [{ name: 'containerInsights', value: 'enhanced' }]);
    await bench.refuses(
      () =>
        bench.ecs('UpdateClusterSettings', {
          cluster: 'c',
          settings: [{ name: 'other', value: 'on' }],
        }),
      'InvalidParameterException',
      'settings[0].name is "other"; expected one of containerInsights.',
    );
  });
});
