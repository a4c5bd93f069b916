import assert from 'node:assert/strict';

import { collections } from '@berth/store/keys.ts';

import { Bench, webDefinition } from '../testing.ts';

describe('task definitions', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
  });
  afterEach(() => bench.stop());

  const register = async (family = 'hello'): Promise<number> => {
    const answer = await bench.ecs('RegisterTaskDefinition', { ...webDefinition, family });
    return answer.taskDefinition?.revision ?? 0;
  };

  it('are registered in normal form, with who did it and when', async () => {
    const { taskDefinition, tags } = await bench.ecs('RegisterTaskDefinition', {
      ...webDefinition,
      cpu: '0.25 vCPU',
      tags: [{ key: 'team', value: 'a' }],
    });
    assert.ok(taskDefinition);
    assert.equal(
      taskDefinition.taskDefinitionArn,
      'arn:aws:ecs:local:000000000000:task-definition/hello:1',
    );
    assert.equal(taskDefinition.cpu, '256');
    assert.equal(taskDefinition.status, 'ACTIVE');
    assert.equal(taskDefinition.registeredBy, 'arn:aws:iam::000000000000:user/ada');
    assert.equal(taskDefinition.registeredAt, bench.clock.now());
    assert.deepEqual(taskDefinition.containerDefinitions[0]?.portMappings, [
      { containerPort: 80, hostPort: 0, protocol: 'tcp' },
    ]);
    assert.deepEqual(tags, [{ key: 'team', value: 'a' }]);
    const described = await bench.ecs('DescribeTaskDefinition', {
      taskDefinition: 'hello',
      include: ['TAGS'],
    });
    assert.deepEqual(described, { taskDefinition, tags });
    const { tags: without } = await bench.ecs('DescribeTaskDefinition', {
      taskDefinition: 'hello',
    });
    assert.deepEqual(without, []);
  });

  it('get distinct consecutive revisions, also when many are registered at once at two replicas', async () => {
    const other = await bench.replica();
    const revisions = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const { ecs } = index % 2 === 0 ? bench : other;
        const answer = await ecs('RegisterTaskDefinition', webDefinition);
        return answer.taskDefinition?.revision;
      }),
    );
    const sorted = revisions.map(Number).sort((a, b) => a - b);
    assert.deepEqual(
      sorted,
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it('that are refused change nothing and use up no number', async () => {
    await register();
    await bench.refuses(
      () => bench.ecs('RegisterTaskDefinition', { ...webDefinition, containerDefinitions: [] }),
      'ClientException',
      'Container list cannot be empty.',
    );
    assert.equal(await register(), 2);
  });

  it('are meant by a bare family only while they are ACTIVE', async () => {
    await register();
    await register();
    await bench.ecs('DeregisterTaskDefinition', { taskDefinition: 'hello:2' });
    const newest = await bench.ecs('DescribeTaskDefinition', { taskDefinition: 'hello' });
    assert.equal(newest.taskDefinition?.revision, 1);
    const second = await bench.ecs('DescribeTaskDefinition', {
      taskDefinition: 'arn:aws:ecs:local:000000000000:task-definition/hello:2',
    });
    assert.equal(second.taskDefinition?.status, 'INACTIVE');
    assert.equal(second.taskDefinition.deregisteredAt, bench.clock.now());
    assert.equal(await register(), 3);
  });

  it('that are unknown are refused', async () => {
    for (const taskDefinition of ['nope', 'hello:9', 'a b', '', 'arn:aws:ecs:local:0:service/x']) {
      await bench.refuses(
        () => bench.ecs('DescribeTaskDefinition', { taskDefinition }),
        'ClientException',
        `Unable to describe task definition. (found none for "${taskDefinition}")`,
      );
    }
  });

  it('are deregistered by revision only, and a second time without a change', async () => {
    await register();
    await bench.refuses(
      () => bench.ecs('DeregisterTaskDefinition', { taskDefinition: 'hello' }),
      'ClientException',
      'Revision is missing. (found "hello", expected family:revision)',
    );
    await bench.refuses(
      () => bench.ecs('DeregisterTaskDefinition', { taskDefinition: 'hello:2' }),
      'ClientException',
      'The specified task definition does not exist. Specify a valid account, family, revision and try again. (task definition "hello:2")',
    );
    await bench.ecs('DeregisterTaskDefinition', { taskDefinition: 'hello:1' });
    const before = bench.store.revision;
    await bench.ecs('DeregisterTaskDefinition', { taskDefinition: 'hello:1' });
    assert.equal(bench.store.revision, before);
  });

  it('are listed by family and number, in pages', async () => {
    for (let count = 0; count < 11; count += 1) await register('b');
    await register('b-1');
    await register('a');
    const list = async (request: object): Promise<string[]> => {
      const names: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await bench.ecs('ListTaskDefinitions', { ...request, nextToken });
        names.push(...page.taskDefinitionArns.map((arn) => arn.replace(/^.*\//, '')));
        ({ nextToken } = page);
      } while (nextToken !== undefined);
      return names;
    };
    const all = ['a:1', ...Array.from({ length: 11 }, (_, index) => `b:${index + 1}`), 'b-1:1'];
    assert.deepEqual(await list({ maxResults: 2 }), all);
    assert.deepEqual(await list({ maxResults: 5, sort: 'DESC' }), [...all].reverse());
    assert.deepEqual(await list({ familyPrefix: 'b-1' }), ['b-1:1']);
    assert.deepEqual(await list({ familyPrefix: 'b-' }), []);
    assert.deepEqual(await list({ familyPrefix: 'a/b' }), []);
    await bench.ecs('DeregisterTaskDefinition', { taskDefinition: 'a:1' });
    assert.deepEqual(await list({ status: 'INACTIVE' }), ['a:1']);
    await bench.refuses(
      () => bench.ecs('ListTaskDefinitions', { nextToken: 'x' }),
      'InvalidParameterException',
      'Invalid nextToken: it was not given by this API; begin again without one.',
    );
  });

  it('are never numbered by what is listed: the family keeps count', async () => {
    await register();
    assert.equal(
      bench.cache.get(collections.taskDefinitionFamilies, 'hello')?.value.latestRevision,
      1,
    );
  });
});
