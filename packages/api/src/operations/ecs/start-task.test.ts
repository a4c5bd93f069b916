import assert from 'node:assert/strict';

import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';

import { Bench, hostId, webDefinition } from '../testing.ts';

describe('starting a task on named hosts', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster(3);
    await bench.ecs('RegisterTaskDefinition', webDefinition);
  });
  afterEach(() => bench.stop());

  const start = (containerInstances: string[], fields: object = {}) =>
    bench.ecs('StartTask', { taskDefinition: 'hello', containerInstances, ...fields });

  it('asks the scheduler for one on each of them and no other', async () => {
    const { tasks, failures } = await start(['h2', hostId(1), 'h2'], { startedBy: 'ada' });
    assert.deepEqual(failures, []);
    assert.deepEqual(
      tasks.map(({ hostName }) => hostName),
      ['h2', 'h1'],
    );
    const [placement] = bench.placements;
    assert.deepEqual(placement?.hostIds, [hostId(2), hostId(1)]);
    assert.equal(placement.count, 2);
    assert.deepEqual(placement.placementStrategy, []);
    assert.equal(tasks[0]?.startedBy, 'ada');
    assert.equal(tasks[0]?.launchType, 'EC2');
  });

  it('fails for hosts that there are not or that were deregistered, one by one', async () => {
    await bench.ecs('DeregisterHost', { host: 'h1' });
    const { tasks, failures } = await start(['h0', hostId(1), 'h9']);
    assert.equal(tasks.length, 1);
    assert.deepEqual(
      failures.map(({ arn, reason }) => [arn?.split('/').at(-1), reason]),
      [
        ['h9', 'MISSING'],
        [hostId(1), 'INACTIVE'],
      ],
    );
    const none = await start(['h9']);
    assert.equal(none.tasks.length, 0);
    assert.equal(bench.placements.length, 1);
  });

  it('says of each host without room why', async () => {
    bench.capacity = 1;
    bench.explanation = complete('ExplainResponse', {
      hosts: [{ hostId: hostId(1), fits: false, reason: 'RESOURCE:CPU' }],
    });
    const { tasks, failures } = await start(['h0', 'h1']);
    assert.equal(tasks.length, 1);
    assert.deepEqual(
      failures.map(({ arn, reason }) => [arn?.split('/').at(-1), reason]),
      [[hostId(1), 'RESOURCE:CPU']],
    );
  });

  it('gives the tasks the tags that are asked for, until they stop', async () => {
    await bench.ecs('RegisterTaskDefinition', {
      ...webDefinition,
      tags: [
        { key: 'team', value: 'a' },
        { key: 'own', value: 'no' },
      ],
    });
    const { tasks } = await start(['h0'], {
      propagateTags: 'TASK_DEFINITION',
      enableECSManagedTags: true,
      tags: [{ key: 'own', value: 'yes' }],
    });
    assert.deepEqual(tasks[0]?.tags, [
      { key: 'team', value: 'a' },
      { key: 'own', value: 'yes' },
      { key: 'aws:ecs:clusterName', value: 'default' },
    ]);
    const id = tasks[0].taskArn.split('/').at(-1) ?? '';
    await bench.put(collections.taskStatus, ['default', id], {
      id,
      cluster: 'default',
      lastStatus: 'STOPPED',
    });
    const described = await bench.ecs('DescribeTasks', { tasks: [id], include: ['TAGS'] });
    assert.deepEqual(described.tasks[0]?.tags, []);
  });
});
