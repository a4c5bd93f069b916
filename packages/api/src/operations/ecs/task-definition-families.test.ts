import assert from 'node:assert/strict';

import { collections } from '@berth/store/keys.ts';

import { Bench, webDefinition } from '../testing.ts';

describe('families of task definitions', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    for (const family of ['api', 'api-worker', 'web']) {
      await bench.ecs('RegisterTaskDefinition', { ...webDefinition, family });
    }
    await bench.ecs('RegisterTaskDefinition', { ...webDefinition, family: 'web' });
    await bench.ecs('DeregisterTaskDefinition', { taskDefinition: 'api:1' });
  });
  afterEach(() => bench.stop());

  const list = async (request: object = {}) =>
    (await bench.ecs('ListTaskDefinitionFamilies', request)).families;

  it('are listed by prefix and status', async () => {
    assert.deepEqual(await list(), ['api', 'api-worker', 'web']);
    assert.deepEqual(await list({ familyPrefix: 'api' }), ['api', 'api-worker']);
    assert.deepEqual(await list({ status: 'ACTIVE' }), ['api-worker', 'web']);
    assert.deepEqual(await list({ status: 'INACTIVE' }), ['api']);
    assert.deepEqual(await list({ maxResults: 1 }), ['api']);
  });

  it('keep their number when all revisions are gone', async () => {
    await bench.remove(collections.taskDefinitions, 'api', '1');
    assert.deepEqual(await list(), ['api-worker', 'web']);
    const { taskDefinition } = await bench.ecs('RegisterTaskDefinition', {
      ...webDefinition,
      family: 'api',
    });
    assert.equal(taskDefinition?.revision, 2);
  });

  it('lose revisions that are INACTIVE; the others are failures', async () => {
    const answer = await bench.ecs('DeleteTaskDefinitions', {
      taskDefinitions: ['api:1', 'web:1', 'web', 'none:1'],
    });
    assert.deepEqual(
      answer.taskDefinitions.map(({ family, status }) => [family, status]),
      [['api', 'DELETE_IN_PROGRESS']],
    );
    assert.equal(answer.taskDefinitions[0]?.deleteRequestedAt, bench.clock.now());
    assert.deepEqual(
      answer.failures.map(({ arn, reason }) => [arn?.split('/').at(-1), reason]),
      [
        [
          'web:1',
          'The specified task definition is still in ACTIVE status. Please deregister the target and try again.',
        ],
        ['web', 'Revision is missing.'],
        [
          'none:1',
          'The specified task definition does not exist. Specify a valid account, family, revision and try again.',
        ],
      ],
    );
    const { taskDefinition } = await bench.ecs('DescribeTaskDefinition', {
      taskDefinition: 'api:1',
    });
    assert.equal(taskDefinition?.status, 'DELETE_IN_PROGRESS');
    const { taskDefinitionArns } = await bench.ecs('ListTaskDefinitions', {
      status: 'DELETE_IN_PROGRESS',
    });
    assert.equal(taskDefinitionArns.length, 1);
  });
});
