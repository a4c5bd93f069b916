import assert from 'node:assert/strict';

import { Bench, hostId, webDefinition } from '../testing.ts';

const ARN = 'arn:aws:ecs:local:000000000000';

describe('tags', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
    await bench.ecs('CreateService', {
      serviceName: 'web',
      taskDefinition: 'hello',
      desiredCount: 0,
    });
    await bench.ecs('CreateCapacityProvider', {
      name: 'spot',
      autoScalingGroupProvider: { autoScalingGroupArn: 'arn:group' },
    });
  });
  afterEach(() => bench.stop());

  it('can be put on whatever ECS lets have them', async () => {
    const { tasks } = await bench.ecs('RunTask', { taskDefinition: 'hello' });
    for (const resourceArn of [
      `${ARN}:cluster/default`,
      `${ARN}:service/default/web`,
      `${ARN}:service/web`,
      `${ARN}:task-definition/hello:1`,
      `${ARN}:container-instance/default/${hostId(0)}`,
      `${ARN}:capacity-provider/spot`,
      tasks[0]?.taskArn ?? '',
    ]) {
      const list = async () => (await bench.ecs('ListTagsForResource', { resourceArn })).tags;
      const tags = [
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ];
      await bench.ecs('TagResource', { resourceArn, tags });
      assert.deepEqual(await list(), tags);
      await bench.ecs('TagResource', { resourceArn, tags: [{ key: 'a', value: '3' }] });
      await bench.ecs('UntagResource', { resourceArn, tagKeys: ['b', 'none'] });
      assert.deepEqual(await list(), [{ key: 'a', value: '3' }]);
      await bench.ecs('UntagResource', { resourceArn, tagKeys: ['a'] });
    }
  });

  it('are shown by a describe that asks for them', async () => {
    const tags = [{ key: 'a', value: '1' }];
    await bench.ecs('TagResource', { resourceArn: `${ARN}:service/default/web`, tags });
    const describe = async (include: string[]) =>
      (await bench.ecs('DescribeServices', { services: ['web'], include })).services[0]?.tags;
    assert.deepEqual(await describe(['TAGS']), tags);
    assert.deepEqual(await describe([]), []);
    await bench.refuses(
      () => describe(['TAG']),
      'InvalidParameterException',
      'include[0] is "TAG"; expected one of TAGS.',
    );
  });

  for (const [what, resourceArn, code, message] of [
    ['nothing', '', 'InvalidParameterException', /resourceArn is missing/],
    ['a name', 'web', 'InvalidParameterException', /Invalid arn syntax/],
    [
      'a thing of another account',
      'arn:aws:ecs:local:111111111111:cluster/default',
      'InvalidParameterException',
      /Invalid arn syntax/,
    ],
    ['a cluster that there is not', `${ARN}:cluster/none`, 'ClusterNotFoundException', /not found/],
    [
      'a service that there is not',
      `${ARN}:service/default/none`,
      'ResourceNotFoundException',
      /service "none"/,
    ],
  ] as const) {
    it(`of ${what} are refused`, async () => {
      const tags = [{ key: 'a', value: '1' }];
      for (const act of [
        () => bench.ecs('TagResource', { resourceArn, tags }),
        () => bench.ecs('UntagResource', { resourceArn, tagKeys: ['a'] }),
        () => bench.ecs('ListTagsForResource', { resourceArn }),
      ]) {
        await bench.refuses(act, code, message);
      }
    });
  }

  it('that are too many or AWS’s own change nothing', async () => {
    const resourceArn = `${ARN}:cluster/default`;
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: '' }));
    await bench.ecs('TagResource', { resourceArn, tags: many(50) });
    for (const tags of [[{ key: 'new', value: '' }], [{ key: 'aws:x', value: '' }], []]) {
      await bench.refuses(
        () => bench.ecs('TagResource', { resourceArn, tags }),
        'InvalidParameterException',
        /./,
      );
    }
  });
});
