import assert from 'node:assert/strict';

import type { ServiceDeploymentRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';

import { Bench, webDefinition } from '../testing.ts';

describe('service deployments', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
    await bench.ecs('CreateService', {
      serviceName: 'web',
      taskDefinition: 'hello',
      desiredCount: 2,
    });
  });
  afterEach(() => bench.stop());

  const service = async () => {
    const { services } = await bench.ecs('DescribeServices', { services: ['web'] });
    assert.ok(services[0]);
    return services[0];
  };
  const put = (id: string, fields: Partial<ServiceDeploymentRecord> = {}) =>
    bench.put(collections.serviceDeployments, ['default', 'web', id], {
      cluster: 'default',
      service: 'web',
      id,
      status: 'SUCCESSFUL',
      deploymentId: `ecs-svc/${id}`,
      targetServiceRevision: id,
      ...fields,
    });

  it('are there from the first answer on', async () => {
    const { currentServiceDeployment = '', currentServiceRevisions } = await service();
    const { serviceDeployments } = await bench.ecs('DescribeServiceDeployments', {
      serviceDeploymentArns: [currentServiceDeployment],
    });
    const [deployment] = serviceDeployments;
    assert.equal(deployment?.status, 'PENDING');
    assert.match(
      deployment.serviceDeploymentArn,
      /^arn:aws:ecs:local:000000000000:service-deployment\/default\/web\/[\w-]{21}$/,
    );
    const { targetServiceRevision: target } = deployment;
    assert.ok(target);
    assert.equal(target.arn, currentServiceRevisions[0]?.arn);
    assert.equal(target.requestedTaskCount, 2);
    const { serviceRevisions } = await bench.ecs('DescribeServiceRevisions', {
      serviceRevisionArns: [target.arn],
    });
    assert.equal(serviceRevisions[0]?.launchType, 'EC2');
    assert.deepEqual(serviceRevisions[0].containerImages, [
      { containerName: 'web', image: 'hello:1' },
    ]);
    const list = await bench.ecs('ListServiceDeployments', { service: 'web' });
    assert.deepEqual(
      list.serviceDeployments.map(({ serviceDeploymentArn }) => serviceDeploymentArn),
      [currentServiceDeployment],
    );
  });

  it('are listed newest first, by status and time, in pages', async () => {
    const begin = bench.clock.now();
    for (let index = 1; index <= 25; index += 1) {
      await put(`d${index}`, {
        createdAt: begin + index,
        status: index % 2 ? 'STOPPED' : 'SUCCESSFUL',
      });
    }
    const first = await bench.ecs('ListServiceDeployments', { service: 'web' });
    assert.equal(first.serviceDeployments.length, 20);
    const { nextToken } = first;
    const second = await bench.ecs('ListServiceDeployments', { service: 'web', nextToken });
    assert.equal(second.serviceDeployments.length, 6);
    assert.equal(second.serviceDeployments.at(-1)?.createdAt, begin);
    const some = await bench.ecs('ListServiceDeployments', {
      service: 'web',
      status: ['STOPPED'],
      createdAt: { before: begin + 10, after: begin + 3 },
    });
    assert.deepEqual(
      some.serviceDeployments.map(({ createdAt }) => createdAt - begin),
      [9, 7, 5],
    );
  });

  it('that there are not are failures, and what is no ARN of one is refused', async () => {
    const missing = 'arn:aws:ecs:local:000000000000:service-deployment/default/web/none';
    const { failures } = await bench.ecs('DescribeServiceDeployments', {
      serviceDeploymentArns: [missing],
    });
    assert.deepEqual(failures, [{ arn: missing, reason: 'MISSING' }]);
    for (const arn of ['web', missing.replace('local', 'other'), missing.replace('/none', '')]) {
      await bench.refuses(
        () => bench.ecs('DescribeServiceDeployments', { serviceDeploymentArns: [arn] }),
        'InvalidParameterException',
        /is no ARN of a service-deployment/,
      );
    }
  });

  it('are stopped by asking the controller to go back, once', async () => {
    const { currentServiceDeployment: serviceDeploymentArn = '' } = await service();
    const stop = () => bench.ecs('StopServiceDeployment', { serviceDeploymentArn });
    assert.deepEqual(await stop(), { serviceDeploymentArn });
    const record = bench.cache.get(collections.services, 'default', 'web')?.value;
    assert.equal(record?.stopRequestedOf, record?.deploymentId);
    assert.equal(record?.generation, 2);
    await stop();
    assert.equal(bench.cache.get(collections.services, 'default', 'web')?.value.generation, 2);
    const { serviceDeployments } = await bench.ecs('ListServiceDeployments', { service: 'web' });
    assert.equal(serviceDeployments[0]?.status, 'ROLLBACK_REQUESTED');
  });

  it('that have ended, or that there are not, can not be stopped', async () => {
    await put('old', { status: 'STOPPED', createdAt: bench.clock.now() });
    const arn = (id: string) =>
      `arn:aws:ecs:local:000000000000:service-deployment/default/web/${id}`;
    await bench.refuses(
      () => bench.ecs('StopServiceDeployment', { serviceDeploymentArn: arn('old') }),
      'ConflictException',
      /it is STOPPED/,
    );
    await bench.refuses(
      () => bench.ecs('StopServiceDeployment', { serviceDeploymentArn: arn('none') }),
      'ServiceDeploymentNotFoundException',
      /not found/,
    );
    await bench.refuses(
      () =>
        bench.ecs('StopServiceDeployment', { serviceDeploymentArn: arn('old'), stopType: 'ABORT' }),
      'UnsupportedFeatureException',
      /expected ROLLBACK/,
    );
  });

  it('begin anew with another network or platform, and not with other settings', async () => {
    const deployment = async () => (await service()).currentServiceDeployment;
    const before = await deployment();
    await bench.ecs('UpdateService', {
      service: 'web',
      propagateTags: 'SERVICE',
      enableECSManagedTags: true,
      availabilityZoneRebalancing: 'ENABLED',
    });
    const changed = await service();
    assert.equal(changed.propagateTags, 'SERVICE');
    assert.equal(changed.enableECSManagedTags, true);
    assert.equal(changed.availabilityZoneRebalancing, 'ENABLED');
    assert.equal(await deployment(), before);
    await bench.ecs('UpdateService', { service: 'web', forceNewDeployment: true });
    assert.notEqual(await deployment(), before);
  });
});
