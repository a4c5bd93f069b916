import assert from 'node:assert/strict';

import { Bench } from '../testing.ts';

const NAME = '/ecs/web';

describe('log groups', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
  });
  afterEach(() => bench.stop());

  it('are kept, shown by name, and gone when deleted', async () => {
    await bench.logGroups('CreateLogGroup', {
      logGroupName: NAME,
      tags: [{ key: 'team', value: 'a' }],
    });
    await bench.logGroups('CreateLogGroup', { logGroupName: 'other' });
    const { logGroups } = await bench.logGroups('DescribeLogGroups', {
      logGroupNamePrefix: '/ecs',
    });
    assert.deepEqual(logGroups, [
      {
        logGroupName: NAME,
        logGroupArn: `arn:aws:logs:local:000000000000:log-group:${NAME}`,
        creationTime: bench.clock.now(),
      },
    ]);
    await bench.logGroups('DeleteLogGroup', { logGroupName: NAME });
    const left = await bench.logGroups('DescribeLogGroups');
    assert.deepEqual(
      left.logGroups.map(({ logGroupName }) => logGroupName),
      ['other'],
    );
  });

  it('have a retention and tags that can be changed', async () => {
    await bench.logGroups('CreateLogGroup', { logGroupName: NAME });
    const tags = [
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
    ];
    await bench.logGroups('TagLogGroup', { logGroupName: NAME, tags });
    await bench.logGroups('UntagLogGroup', { logGroupName: NAME, tagKeys: ['a', 'none'] });
    await bench.logGroups('PutRetentionPolicy', { logGroupName: NAME, retentionInDays: 14 });
    const shown = async () => (await bench.logGroups('DescribeLogGroups')).logGroups[0];
    assert.equal((await shown())?.retentionInDays, 14);
    await bench.logGroups('DeleteRetentionPolicy', { logGroupName: NAME });
    assert.equal((await shown())?.retentionInDays, undefined);
    assert.deepEqual((await bench.logGroups('ListTagsLogGroup', { logGroupName: NAME })).tags, [
      { key: 'b', value: '2' },
    ]);
  });

  it('come in pages', async () => {
    for (const logGroupName of ['a', 'b', 'c']) {
      await bench.logGroups('CreateLogGroup', { logGroupName });
    }
    const first = await bench.logGroups('DescribeLogGroups', { limit: 2 });
    assert.equal(first.logGroups.length, 2);
    const { nextToken } = first;
    const second = await bench.logGroups('DescribeLogGroups', { limit: 2, nextToken });
    assert.deepEqual(
      second.logGroups.map(({ logGroupName }) => logGroupName),
      ['c'],
    );
    assert.equal(second.nextToken, undefined);
  });

  it('are refused in the words of CloudWatch Logs', async () => {
    await bench.logGroups('CreateLogGroup', { logGroupName: NAME });
    await bench.refuses(
      () => bench.logGroups('CreateLogGroup', { logGroupName: NAME }),
      'ResourceAlreadyExistsException',
      'The specified log group already exists',
    );
    for (const act of [
      () => bench.logGroups('DeleteLogGroup', { logGroupName: 'none' }),
      () => bench.logGroups('DeleteLogGroup', {}),
      () => bench.logGroups('ListTagsLogGroup', { logGroupName: 'a/../b' }),
    ]) {
      await bench.refuses(
        act,
        'ResourceNotFoundException',
        'The specified log group does not exist.',
      );
    }
    await bench.refuses(
      () => bench.logGroups('CreateLogGroup', { logGroupName: 'a b' }),
      'InvalidParameterException',
      /logGroupName/,
    );
    await bench.refuses(
      () => bench.logGroups('PutRetentionPolicy', { logGroupName: NAME, retentionInDays: 2 }),
      'InvalidParameterException',
      /retentionInDays is 2; expected one of 1, 3, 5/,
    );
  });
});
