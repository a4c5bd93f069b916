import assert from 'node:assert/strict';

import type { Input } from '@berth/rpc/api.ts';
import type {
  CreateServiceRequest,
  DeploymentRecord,
  Service,
  ServiceRecord,
  UpdateServiceRequest,
} from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';

import { Bench, webDefinition } from '../testing.ts';

const loadBalancers = [{ targetGroupArn: 'web', containerName: 'web', containerPort: 80 }];

describe('services', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
  });
  afterEach(() => bench.stop());

  const create = async (fields: Input<CreateServiceRequest> = {}): Promise<Service> => {
    const request = { serviceName: 'web', taskDefinition: 'hello', desiredCount: 2, ...fields };
    const { service } = await bench.ecs('CreateService', request);
    assert.ok(service);
    return service;
  };
  const update = async (fields: Input<UpdateServiceRequest> = {}): Promise<Service> => {
    const { service } = await bench.ecs('UpdateService', { service: 'web', ...fields });
    assert.ok(service);
    return service;
  };
  const record = (): ServiceRecord => {
    const found = bench.cache.get(collections.services, 'default', 'web')?.value;
    assert.ok(found);
    return found;
  };
  const balanced = async (): Promise<void> => {
    await bench.balancing('CreateTargetGroup', { name: 'web' });
    await bench.balancing('CreateListener', {
      port: 8080,
      defaultActions: [{ type: 'forward', forward: { targetGroups: [{ targetGroupArn: 'web' }] } }],
    });
  };

  describe('are created', () => {
    it('with their first deployment in the answer', async () => {
      const service = await create({ tags: [{ key: 'a', value: 'b' }] });
      assert.equal(service.serviceArn, 'arn:aws:ecs:local:000000000000:service/default/web');
      assert.equal(service.status, 'ACTIVE');
      assert.equal(
        service.taskDefinition,
        'arn:aws:ecs:local:000000000000:task-definition/hello:1',
      );
      assert.equal(service.createdBy, 'arn:aws:iam::000000000000:user/ada');
      const [primary, ...others] = service.deployments;
      assert.equal(others.length, 0);
      assert.match(primary?.id ?? '', /^ecs-svc\/[1-9]\d{18}$/);
      assert.equal(primary?.status, 'PRIMARY');
      assert.equal(primary.desiredCount, 2);
      assert.equal(primary.rolloutState, 'IN_PROGRESS');
      assert.equal(primary.rolloutStateReason, `ECS deployment ${primary.id} in progress.`);
      const described = await bench.ecs('DescribeServices', {
        services: ['web'],
        include: ['TAGS'],
      });
      assert.deepEqual(described, { services: [service], failures: [] });
      assert.equal(record().generation, 1);
    });

    it('with target groups by name inside and by ARN outside', async () => {
      await balanced();
      const { targetGroups } = await bench.balancing('DescribeTargetGroups');
      const targetGroupArn = targetGroups[0]?.targetGroupArn ?? '';
      const service = await create({ loadBalancers: [{ ...loadBalancers[0], targetGroupArn }] });
      assert.equal(service.loadBalancers[0]?.targetGroupArn, targetGroupArn);
      assert.equal(record().loadBalancers[0]?.targetGroupArn, 'web');
    });

    it('once for a client token', async () => {
      const service = await create({ clientToken: 't' });
      const before = bench.store.revision;
      assert.deepEqual(await create({ clientToken: 't' }), service);
      assert.equal(bench.store.revision, before);
      const text =
        'Creation of service was not idempotent. (service "web" exists; update it, or choose another name)';
      const code = 'InvalidParameterException';
      await bench.refuses(() => create(), code, text);
      await bench.refuses(() => create({ clientToken: 'u' }), code, text);
      await bench.refuses(() => create({ clientToken: 't', desiredCount: 3 }), code, text);
    });

    it('once, however many replicas are asked at once', async () => {
      const other = await bench.replica();
      const request = { serviceName: 'web', taskDefinition: 'hello', desiredCount: 1 };
      const outcomes = await Promise.allSettled(
        [bench, other, bench, other].map(({ ecs }) => ecs('CreateService', request)),
      );
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    });

    it('twenty at once', async () => {
      const other = await bench.replica();
      await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? bench : other).ecs('CreateService', {
            serviceName: `s${index}`,
            taskDefinition: 'hello',
            desiredCount: 1,
          }),
        ),
      );
      const { clusters } = await bench.ecs('DescribeClusters');
      assert.equal(clusters[0]?.activeServicesCount, 20);
    });

    it('not when something they need is missing', async () => {
      await bench.refuses(
        () => create({ cluster: 'x' }),
        'ClusterNotFoundException',
        'Cluster not found. (cluster "x")',
      );
      await bench.refuses(
        () => create({ taskDefinition: 'nope' }),
        'ClientException',
        'TaskDefinition not found. (task definition "nope"; register it first)',
      );
      await bench.refuses(
        () => create({ loadBalancers }),
        'InvalidParameterException',
        'The specified target group does not exist. (target group "web"; create it first)',
      );
      await bench.balancing('CreateTargetGroup', { name: 'web' });
      await bench.refuses(
        () => create({ loadBalancers }),
        'InvalidParameterException',
        /^The target group with targetGroupArn arn:aws:elasticloadbalancing:local:000000000000:targetgroup\/web\/[0-9a-f]{16} does not have an associated load balancer\. /,
      );
      await bench.balancing('DeleteTargetGroup', { targetGroup: 'web' });
      await balanced();
      await bench.refuses(
        () => create({ loadBalancers: [{ ...loadBalancers[0], containerPort: 81 }] }),
        'InvalidParameterException',
        'The container web did not have a container port 81 defined.',
      );
      await bench.ecs('DeregisterTaskDefinition', { taskDefinition: 'hello:1' });
      await bench.refuses(
        () => create({ taskDefinition: 'hello:1' }),
        'InvalidParameterException',
        'TaskDefinition is inactive (task definition "hello:1"; expected an ACTIVE revision)',
      );
      await bench.refuses(
        () => create({ desiredCount: -1 }),
        'InvalidParameterException',
        'desiredCount is -1; expected a whole number from 0 to 100000.',
      );
    });
  });

  describe('are updated', () => {
    const deploys = async (fields: Input<UpdateServiceRequest>): Promise<boolean> => {
      const before = record().deploymentId;
      await update(fields);
      return record().deploymentId !== before;
    };

    it('with a new deployment for a new revision, other load balancers, or on demand', async () => {
      await balanced();
      await create();
      await bench.ecs('RegisterTaskDefinition', webDefinition);
      assert.equal(await deploys({ taskDefinition: 'hello' }), true);
      assert.equal(record().taskDefinition, 'hello:2');
      assert.equal(await deploys({ loadBalancers: { items: loadBalancers } }), true);
      assert.equal(await deploys({ loadBalancers: { items: [] } }), true);
      assert.equal(await deploys({ forceNewDeployment: true }), true);
      assert.equal(record().generation, 5);
    });

    it('without a new deployment otherwise', async () => {
      await create();
      const changes: Input<UpdateServiceRequest>[] = [
        { desiredCount: 5 },
        { deploymentConfiguration: { maximumPercent: 150 } },
        { placementConstraints: { items: [{ type: 'distinctInstance' }] } },
        { placementStrategy: { items: [{ type: 'random' }] } },
        { healthCheckGracePeriodSeconds: 9 },
      ];
      for (const [index, change] of changes.entries()) {
        assert.equal(await deploys(change), false, JSON.stringify(change));
        assert.equal(record().generation, index + 2);
      }
      const before = bench.store.revision;
      for (const change of [...changes, {}, { taskDefinition: 'hello:1' }]) await update(change);
      assert.equal(bench.store.revision, before, 'an update that changes nothing wrote something');
      assert.equal(record().deploymentConfiguration?.minimumHealthyPercent, 100);
    });

    it('in their strategy while traffic is shifted, for the next deployment; it can not be a rolling one meanwhile', async () => {
      await balanced();
      await bench.balancing('CreateTargetGroup', { name: 'green' });
      const [listenerId = ''] = [...bench.cache.list(collections.listeners)].map(
        ({ value }) => value.id,
      );
      const advancedConfiguration = {
        alternateTargetGroupArn: 'green',
        productionListenerRule: listenerId,
      };
      await create({
        loadBalancers: loadBalancers.map((each) => ({ ...each, advancedConfiguration })),
        deploymentConfiguration: { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 5 },
      });
      const { deploymentId } = record();
      const service = { cluster: 'default', service: 'web' };
      await bench.put(collections.deployments, ['default', 'web'], {
        ...service,
        deployments: [deployment(deploymentId, {})],
      });
      const weights = [
        { group: 'green', weight: 10 },
        { group: 'web', weight: 90 },
      ];
      await bench.put(collections.trafficWeights, [listenerId, 'default'], {
        ...service,
        listenerId,
        ruleId: 'default',
        deploymentId,
        weights,
      });
      const rolling = { strategy: 'ROLLING', bakeTimeInMinutes: 0 } as const;
      assert.equal(await deploys({ deploymentConfiguration: rolling }), false);
      assert.equal(record().deploymentConfiguration?.strategy, 'ROLLING');
      await bench.refuses(
        () => update({ forceNewDeployment: true }),
        'InvalidParameterException',
        /is shifting the traffic of this service: .* no deployment of strategy ROLLING can take its place/,
      );
      const shifting = { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 1 } as const;
      assert.equal(
        await deploys({ forceNewDeployment: true, deploymentConfiguration: shifting }),
        true,
      );
    });

    it('and show the new deployment first, the old one beside it, before the controller has seen it', async () => {
      await create();
      const { deploymentId } = record();
      await bench.put(collections.deployments, ['default', 'web'], {
        cluster: 'default',
        service: 'web',
        observedGeneration: 1,
        deployments: [deployment(deploymentId, { rolloutState: 'COMPLETED' })],
      });
      const service = await update({ forceNewDeployment: true });
      assert.deepEqual(
        service.deployments.map(({ id, status }) => [id, status]),
        [
          [record().deploymentId, 'PRIMARY'],
          [deploymentId, 'ACTIVE'],
        ],
      );
    });

    it('after a rollback relative to the revision that they went back to', async () => {
      await bench.ecs('RegisterTaskDefinition', webDefinition);
      await create({ taskDefinition: 'hello:2' });
      const failed = record().deploymentId;
      await bench.put(collections.deployments, ['default', 'web'], {
        cluster: 'default',
        service: 'web',
        observedGeneration: 1,
        deployments: [
          deployment('ecs-svc/2', { taskDefinition: 'hello:1', rollbackOf: failed }),
          deployment(failed, { taskDefinition: 'hello:2', status: 'ACTIVE' }),
        ],
      });
      const [service] = (await bench.ecs('DescribeServices', { services: ['web'] })).services;
      assert.match(service?.taskDefinition ?? '', /hello:1$/);
      assert.equal(service?.deployments[0]?.id, 'ecs-svc/2');
      assert.equal(await deploys({ taskDefinition: 'hello:1' }), false);
      assert.equal(await deploys({ desiredCount: 7 }), false);
      assert.equal(await deploys({ taskDefinition: 'hello:2' }), true);
    });

    it('although the revision that they run was deregistered, but not to one that was', async () => {
      await create();
      await bench.ecs('RegisterTaskDefinition', webDefinition);
      for (const taskDefinition of ['hello:1', 'hello:2']) {
        await bench.ecs('DeregisterTaskDefinition', { taskDefinition });
      }
      assert.equal(await deploys({ taskDefinition: 'hello:1', forceNewDeployment: true }), true);
      await bench.refuses(
        () => update({ taskDefinition: 'hello:2' }),
        'InvalidParameterException',
        'TaskDefinition is inactive (task definition "hello:2"; expected an ACTIVE revision)',
      );
    });

    it('not when they are not there, not ACTIVE, or would no longer fit', async () => {
      await bench.refuses(
        () => update(),
        'ServiceNotFoundException',
        'Service not found. (service "web" in cluster "default")',
      );
      await balanced();
      await create({ loadBalancers });
      await bench.ecs('RegisterTaskDefinition', {
        family: 'other',
        containerDefinitions: [{ name: 'app', image: 'a', memory: 64 }],
      });
      await bench.refuses(
        () => update({ taskDefinition: 'other' }),
        'InvalidParameterException',
        'The container web does not exist in the task definition.',
      );
      await bench.refuses(
        () => update({ taskDefinition: 'nope' }),
        'ClientException',
        'TaskDefinition not found. (task definition "nope"; register it first)',
      );
      await bench.ecs('DeleteService', { service: 'web', force: true });
      await bench.refuses(
        () => update({ desiredCount: 1 }),
        'ServiceNotActiveException',
        'Service was not ACTIVE. (service "web" is DRAINING)',
      );
    });
  });

  describe('are deleted', () => {
    it('when they are scaled to 0 and nothing runs, or with force', async () => {
      await create();
      const remove = () => bench.ecs('DeleteService', { service: 'web' });
      await bench.refuses(
        remove,
        'InvalidParameterException',
        'The service cannot be stopped while the primary deployment is scaled above 0. (service "web" has desiredCount 2; scale it to 0 or use force)',
      );
      await update({ desiredCount: 0 });
      await bench.put(collections.tasks, ['default', 'a'.repeat(32)], {
        id: 'a'.repeat(32),
        cluster: 'default',
        service: 'web',
        desiredStatus: 'RUNNING',
      });
      await bench.refuses(
        remove,
        'InvalidParameterException',
        'The service cannot be stopped while deployments are active. (service "web" has 0 running and 1 pending tasks; wait, or use force)',
      );
      const { service } = await bench.ecs('DeleteService', { service: 'web', force: true });
      assert.equal(service?.status, 'DRAINING');
      assert.equal(record().deletedAt, bench.clock.now());
      assert.equal(record().generation, 3);
      const before = bench.store.revision;
      await remove();
      assert.equal(bench.store.revision, before);
    });

    it('and block their name until they are INACTIVE', async () => {
      await create({ desiredCount: 0 });
      await bench.ecs('DeleteService', { service: 'web' });
      await bench.refuses(
        () => create(),
        'InvalidParameterException',
        'Unable to Start a service that is still Draining. (service "web")',
      );
      assert.deepEqual((await bench.ecs('ListServices')).serviceArns, []);
      await bench.put(collections.services, ['default', 'web'], {
        ...record(),
        status: 'INACTIVE',
      });
      const { services } = await bench.ecs('DescribeServices', { services: ['web'] });
      assert.equal(services[0]?.status, 'INACTIVE');
      assert.deepEqual(services[0].deployments, []);
      await bench.refuses(
        () => bench.ecs('DeleteService', { service: 'web' }),
        'ServiceNotFoundException',
        'Service not found. (service "web" is INACTIVE: it has been deleted already)',
      );
      const again = await create();
      assert.equal(again.status, 'ACTIVE');
      assert.equal(record().deletedAt, undefined);
    });

    it('and are forgotten an hour later', async () => {
      await create({ desiredCount: 0 });
      await bench.put(collections.services, ['default', 'web'], {
        ...record(),
        status: 'INACTIVE',
        deletedAt: bench.clock.now() - 3_600_001,
      });
      const { services, failures } = await bench.ecs('DescribeServices', { services: ['web'] });
      assert.deepEqual(services, []);
      assert.deepEqual(failures, [
        { arn: 'arn:aws:ecs:local:000000000000:service/default/web', reason: 'MISSING' },
      ]);
    });
  });

  describe('are read', () => {
    it('by name and by ARN of the cluster that is meant', async () => {
      await bench.ecs('CreateCluster', { clusterName: 'blue' });
      await create({ cluster: 'blue' });
      const arn = 'arn:aws:ecs:local:000000000000:service/blue/web';
      const { services } = await bench.ecs('DescribeServices', { services: [arn] });
      assert.equal(services[0]?.serviceArn, arn);
      await bench.refuses(
        () => bench.ecs('DescribeServices', { cluster: 'default', services: [arn] }),
        'InvalidParameterException',
        `"${arn}" is in cluster blue; expected one of cluster default.`,
      );
      const { failures } = await bench.ecs('DescribeServices', {
        services: ['arn:aws:ecs:elsewhere:000000000000:service/blue/web', 'web'],
      });
      assert.equal(failures.length, 2);
    });

    it('ten at a time', async () => {
      const names = Array.from({ length: 11 }, (_, index) => `s${index}`);
      await bench.refuses(
        () => bench.ecs('DescribeServices', { services: names }),
        'InvalidParameterException',
        'services has 11 names; expected at most 10.',
      );
      await bench.refuses(
        () => bench.ecs('DescribeServices'),
        'InvalidParameterException',
        'Services cannot be empty. (services has 0 names; expected 1 to 10)',
      );
    });

    it('in pages of 10, of one kind where that is asked', async () => {
      for (let index = 0; index < 12; index += 1) {
        await create({ serviceName: `s${String(index).padStart(2, '0')}` });
      }
      await create({ serviceName: 'd', schedulingStrategy: 'DAEMON', desiredCount: undefined });
      const first = await bench.ecs('ListServices');
      assert.equal(first.serviceArns.length, 10);
      const second = await bench.ecs('ListServices', { nextToken: first.nextToken });
      assert.equal(second.serviceArns.length, 3);
      assert.equal(new Set([...first.serviceArns, ...second.serviceArns]).size, 13);
      const daemons = await bench.ecs('ListServices', { schedulingStrategy: 'DAEMON' });
      assert.equal(daemons.serviceArns.length, 1);
      await bench.refuses(
        () =>
          bench.ecs('ListServices', { schedulingStrategy: 'DAEMON', nextToken: first.nextToken }),
        'InvalidParameterException',
        'Invalid nextToken: it was given for other arguments; begin again without one.',
      );
    });

    it('with their last hundred events, newest first', async () => {
      await create();
      for (let index = 0; index < 103; index += 1) {
        const id = String(index).padStart(26, '0');
        await bench.put(collections.events, ['default', id], {
          id,
          cluster: 'default',
          kind: index === 102 ? 'deployment' : 'service',
          service: index === 50 ? 'other' : 'web',
          message: `event ${index}`,
        });
      }
      const { services } = await bench.ecs('DescribeServices', { services: ['web'] });
      const events = services[0]?.events ?? [];
      assert.equal(events.length, 100);
      assert.equal(events[0]?.message, 'event 101');
      assert.match(events[0]?.id ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.equal(new Set(events.map(({ id }) => id)).size, 100);
      assert.ok(!events.some(({ message }) => message === 'event 50'));
    });
  });
});

function deployment(id: string, fields: Partial<DeploymentRecord>): DeploymentRecord {
  return complete('DeploymentRecord', {
    id,
    status: 'PRIMARY',
    taskDefinition: 'hello:1',
    desiredCount: 2,
    rolloutState: 'IN_PROGRESS',
    ...fields,
  });
}
