import assert from 'node:assert/strict';

import { collections } from '@berth/store/keys.ts';

import { Bench, hostId, webDefinition } from '../testing.ts';

describe('the protection of tasks', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
  });
  afterEach(() => bench.stop());

  const id = (digit: number): string => String(digit).repeat(32);
  const put = (digit: number, fields: object = {}) =>
    bench.put(collections.tasks, ['default', id(digit)], {
      id: id(digit),
      cluster: 'default',
      hostId: hostId(0),
      taskDefinition: 'hello:1',
      desiredStatus: 'RUNNING',
      service: 'web',
      owner: 'ecs-svc/1',
      ...fields,
    });
  const update = (tasks: number[], fields: object = {}) =>
    bench.ecs('UpdateTaskProtection', {
      cluster: 'default',
      tasks: tasks.map(id),
      protectionEnabled: true,
      ...fields,
    });
  const get = (tasks: number[] = []) =>
    bench.ecs('GetTaskProtection', { cluster: 'default', tasks: tasks.map(id) });

  it('lasts two hours, or as long as is said, and can be ended', async () => {
    await put(1);
    const { protectedTasks } = await update([1]);
    const taskArn = `arn:aws:ecs:local:000000000000:task/default/${id(1)}`;
    const expirationDate = bench.clock.now() + 120 * 60_000;
    assert.deepEqual(protectedTasks, [{ taskArn, protectionEnabled: true, expirationDate }]);
    const again = await update([1], { expiresInMinutes: 2880 });
    assert.equal(again.protectedTasks[0]?.expirationDate, bench.clock.now() + 2880 * 60_000);
    assert.deepEqual((await get([1])).protectedTasks, again.protectedTasks);
    await update([1], { protectionEnabled: false });
    assert.deepEqual((await get([1])).protectedTasks, [{ taskArn, protectionEnabled: false }]);
  });

  it('is over when its time is', async () => {
    await put(1);
    await update([1], { expiresInMinutes: 1 });
    await bench.clock.advance(60_000);
    assert.equal((await get([1])).protectedTasks[0]?.protectionEnabled, false);
  });

  it('is for running tasks of services; the others are failures', async () => {
    await put(1);
    await put(2, { service: undefined });
    await put(3, { desiredStatus: 'STOPPED' });
    const { protectedTasks, failures } = await update([1, 2, 3, 4]);
    assert.equal(protectedTasks.length, 1);
    assert.deepEqual(
      failures.map(({ arn, reason }) => [arn?.slice(-1), reason]),
      [
        ['2', 'TASK_NOT_VALID'],
        ['3', 'TASK_NOT_VALID'],
        ['4', 'MISSING'],
      ],
    );
    assert.equal((await get()).protectedTasks.length, 1);
  });

  it('is refused to so many old tasks that a deployment could not end', async () => {
    const deploymentConfiguration = { minimumHealthyPercent: 50, maximumPercent: 150 };
    await bench.ecs('CreateService', {
      serviceName: 'web',
      taskDefinition: 'hello',
      desiredCount: 2,
      deploymentConfiguration,
    });
    await put(1);
    await put(2);
    const { protectedTasks, failures } = await update([1, 2]);
    assert.equal(protectedTasks.length, 1);
    assert.deepEqual(
      failures.map(({ reason }) => reason),
      ['DEPLOYMENT_BLOCKED'],
    );
  });

  it('has limits', async () => {
    await put(1);
    for (const [expiresInMinutes, tasks] of [
      [0, [1]],
      [2881, [1]],
      [1, []],
      [1, Array.from({ length: 11 }, () => 1)],
    ] as const) {
      await bench.refuses(
        () => update([...tasks], { expiresInMinutes }),
        'InvalidParameterException',
        /./,
      );
    }
  });
});
