import assert from 'node:assert/strict';

import { BerthError } from '@berth/model/errors.ts';
import type { RunTaskRequest, RunTaskResponse, Task } from '@berth/model/generated/messages.ts';
import type { Input } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';

import { Bench, hostId, webDefinition } from '../testing.ts';

describe('tasks', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
  });
  afterEach(() => bench.stop());

  const run = (fields: Input<RunTaskRequest> = {}): Promise<RunTaskResponse> =>
    bench.ecs('RunTask', { taskDefinition: 'hello', ...fields });
  const idOf = (task: Task | undefined): string => task?.taskArn.split('/').at(-1) ?? '';

  describe('are run', () => {
    it('with what was asked, each container named in the overrides', async () => {
      const { tasks, failures } = await run({
        count: 2,
        startedBy: 'me',
        tags: [{ key: 'a', value: 'b' }],
        overrides: { cpu: '0.5 vCPU', containerOverrides: [] },
      });
      assert.deepEqual(failures, []);
      assert.equal(tasks.length, 2);
      const [task] = tasks;
      assert.equal(task?.lastStatus, 'PENDING');
      assert.equal(task.desiredStatus, 'RUNNING');
      assert.equal(task.group, 'family:hello');
      assert.equal(task.startedBy, 'me');
      assert.equal(task.hostName, 'h0');
      assert.deepEqual(task.overrides, {
        cpu: '512',
        containerOverrides: [
          { name: 'web', command: [], environment: [], resourceRequirements: [] },
        ],
      });
      assert.deepEqual(
        task.containers.map(({ name, lastStatus }) => [name, lastStatus]),
        [['web', 'PENDING']],
      );
    });

    it('as many as fit, with the reason of each host for the rest', async () => {
      bench.capacity = 2;
      bench.explanation = {
        hosts: [
          {
            hostId: hostId(0),
            hostName: 'h0',
            fits: false,
            reason: 'RESOURCE:MEMORY',
            detail: 'memory: 64 MiB asked, 0 MiB free',
          },
          { hostId: hostId(1), hostName: 'h1', fits: false, reason: 'MEMBER_OF' },
        ],
      };
      const { tasks, failures } = await run({ count: 3 });
      assert.equal(tasks.length, 2);
      assert.deepEqual(failures, [
        {
          arn: `arn:aws:ecs:local:000000000000:container-instance/default/${hostId(0)}`,
          reason: 'RESOURCE:MEMORY',
          detail: 'memory: 64 MiB asked, 0 MiB free',
        },
        {
          arn: `arn:aws:ecs:local:000000000000:container-instance/default/${hostId(1)}`,
          reason: 'MemberOf placement constraint unsatisfied.',
        },
      ]);
    });

    it('none, with the reasons counted, where the scheduler can not explain', async () => {
      bench.capacity = 0;
      bench.explanation = new BerthError('Unavailable', 'no leader');
      const { tasks, failures } = await run();
      assert.deepEqual(tasks, []);
      assert.equal(failures[0]?.reason, 'RESOURCE:MEMORY');
      assert.match(failures[0].detail ?? '', /^1 task was not placed: 1 host excluded for this; /);
    });

    it('once for a client token and the same arguments', async () => {
      const first = await run({ clientToken: 't', count: 2 });
      const before = bench.store.revision;
      const again = await run({ clientToken: 't', count: 2 });
      const ids = ({ tasks }: RunTaskResponse): string[] => tasks.map(idOf).sort();
      assert.deepEqual(ids(again), ids(first));
      assert.equal(bench.store.revision, before);
      await bench.refuses(
        () => run({ clientToken: 't', count: 3 }),
        'ConflictException',
        'The client token "t" was used with other arguments before; use a new one.',
      );
      const other = await run({ count: 2 });
      assert.notDeepEqual(ids(other), ids(first));
      await bench.ecs('UpdateHostsState', { hosts: ['h0'], status: 'DRAINING' });
      assert.deepEqual(ids(await run({ clientToken: 't', count: 2 })), ids(first));
    });

    it('once for a client token at two replicas at once, and per cluster', async () => {
      const other = await bench.replica();
      const request = { taskDefinition: 'hello', clientToken: 't' };
      const first = await bench.ecs('RunTask', request);
      const second = await other.ecs('RunTask', request);
      assert.deepEqual(idOf(first.tasks[0]), idOf(second.tasks[0]));
      await bench.ecs('CreateCluster', { clusterName: 'blue' });
      const id = 'b'.repeat(32);
      await bench.put(collections.hosts, ['blue', id], { id, cluster: 'blue', status: 'ACTIVE' });
      const elsewhere = await bench.ecs('RunTask', { ...request, cluster: 'blue' });
      assert.notEqual(idOf(elsewhere.tasks[0]), idOf(first.tasks[0]));
    });

    it('once although the answer of the scheduler was lost', async () => {
      bench.trouble.after = 1;
      const { tasks } = await run({ count: 3 });
      assert.equal(tasks.length, 3);
      assert.equal([...bench.cache.list(collections.tasks, 'default')].length, 3);
    });

    it('on a newer view when the scheduler finds the view stale', async () => {
      bench.trouble.before = 2;
      const { tasks } = await run();
      assert.equal(tasks.length, 1);
      assert.equal(bench.placements.length, 3);
    });

    it('not when the call is wrong', async () => {
      await bench.refuses(
        () => run({ count: 11 }),
        'InvalidParameterException',
        'count is 11; expected a whole number from 1 to 10.',
      );
      await bench.refuses(
        () => run({ taskDefinition: 'nope' }),
        'ClientException',
        'TaskDefinition not found. (task definition "nope"; register it first)',
      );
      await bench.refuses(
        () => run({ overrides: { containerOverrides: [{ name: 'app' }] } }),
        'InvalidParameterException',
        'Override for container named app is not a container in the TaskDefinition.',
      );
      await bench.ecs('UpdateHostsState', { hosts: ['h0'], status: 'DRAINING' });
      await bench.refuses(
        () => run(),
        'InvalidParameterException',
        'No Container Instances were found in your cluster. (cluster "default" has no ACTIVE host)',
      );
    });
  });

  describe('are stopped', () => {
    it('by order, with a reason, once', async () => {
      const { tasks } = await run();
      const task = idOf(tasks[0]);
      const stopped = await bench.ecs('StopTask', { task: task.slice(0, 8), reason: 'enough' });
      assert.equal(stopped.task?.desiredStatus, 'STOPPED');
      assert.equal(stopped.task.lastStatus, 'PENDING');
      assert.equal(stopped.task.stopCode, 'UserInitiated');
      assert.equal(stopped.task.stoppedReason, 'enough');
      assert.equal(stopped.task.stoppingAt, bench.clock.now());
      const before = bench.store.revision;
      assert.deepEqual(await bench.ecs('StopTask', { task, reason: 'more' }), stopped);
      assert.equal(bench.store.revision, before);
    });

    it('without a reason for ECS’s own', async () => {
      const { tasks } = await run();
      const stopped = await bench.ecs('StopTask', { task: tasks[0]?.taskArn ?? '' });
      assert.equal(stopped.task?.stoppedReason, 'Task stopped by user');
    });

    it('not when they are not there, or could be several', async () => {
      await bench.refuses(
        () => bench.ecs('StopTask', { task: 'abc' }),
        'InvalidParameterException',
        'The referenced task was not found. (task "abc" in cluster "default")',
      );
      for (const digit of ['0', '1']) {
        const id = `ab${digit}`.padEnd(32, '0');
        await bench.put(collections.tasks, ['default', id], { id, cluster: 'default' });
      }
      await bench.refuses(
        () => bench.ecs('StopTask', { task: 'ab' }),
        'InvalidParameterException',
        /^"ab" is the beginning of more than one task id: ab[01]0+, ab[01]0+; expected more digits\.$/,
      );
      await bench.refuses(
        () => bench.ecs('StopTask', { task: 'ab0', reason: 'x'.repeat(1025) }),
        'InvalidParameterException',
        'reason has 1025 characters; expected at most 1024.',
      );
    });
  });

  describe('are read', () => {
    it('by id, ARN and beginning of an id; the others are failures', async () => {
      const { tasks } = await run({ count: 2 });
      const [first, second] = tasks;
      const { tasks: found, failures } = await bench.ecs('DescribeTasks', {
        tasks: [idOf(first), first?.taskArn ?? '', idOf(second).slice(0, 12), 'zzz'],
      });
      assert.deepEqual(found.map(idOf), [idOf(first), idOf(second)]);
      assert.deepEqual(failures, [
        { arn: 'arn:aws:ecs:local:000000000000:task/default/zzz', reason: 'MISSING' },
      ]);
      await bench.refuses(
        () => bench.ecs('DescribeTasks'),
        'InvalidParameterException',
        'Tasks cannot be empty. (tasks has 0 ids; expected 1 to 100)',
      );
      await bench.refuses(
        () => bench.ecs('DescribeTasks', { tasks: Array.from({ length: 101 }, () => 'a') }),
        'InvalidParameterException',
        'tasks has 101 ids; expected at most 100.',
      );
    });

    it('in lists by what they are of', async () => {
      await bench.ecs('RegisterTaskDefinition', { ...webDefinition, family: 'other' });
      await bench.ecs('CreateService', {
        serviceName: 'web',
        taskDefinition: 'hello',
        desiredCount: 1,
      });
      const put = (id: string, fields: object): Promise<void> =>
        bench.put(collections.tasks, ['default', id.repeat(32)], {
          id: id.repeat(32),
          cluster: 'default',
          hostId: hostId(0),
          taskDefinition: 'hello:1',
          desiredStatus: 'RUNNING',
          ...fields,
        });
      await put('1', { service: 'web', startedBy: 'ecs-svc/1' });
      await put('2', { taskDefinition: 'other:1', startedBy: 'me' });
      await put('3', { desiredStatus: 'STOPPED' });
      await put('4', { hostId: hostId(1) });
      await bench.put(collections.taskStatus, ['default', '4'.repeat(32)], {
        lastStatus: 'STOPPED',
      });
      const list = async (request: object): Promise<string> => {
        const { taskArns } = await bench.ecs('ListTasks', request);
        return taskArns.map((arn) => arn.at(-1)).join('');
      };
      assert.equal(await list({}), '12');
      assert.equal(await list({ desiredStatus: 'STOPPED' }), '34');
      assert.equal(await list({ desiredStatus: 'PENDING' }), '');
      assert.equal(await list({ family: 'other' }), '2');
      assert.equal(await list({ family: 'oth' }), '');
      assert.equal(await list({ serviceName: 'web' }), '1');
      assert.equal(await list({ startedBy: 'me' }), '2');
      assert.equal(await list({ containerInstance: 'h0' }), '12');
      assert.equal(await list({ containerInstance: 'h0', serviceName: 'web' }), '1');
      await bench.refuses(
        () => list({ startedBy: 'me', family: 'hello' }),
        'InvalidParameterException',
        /^startedBy is given with another filter; expected it alone/,
      );
      await bench.refuses(
        () => list({ serviceName: 'nope' }),
        'ServiceNotFoundException',
        'Service not found. (service "nope" in cluster "default")',
      );
      await bench.refuses(
        () => list({ containerInstance: 'nope' }),
        'InvalidParameterException',
        'The referenced container instance was not found. (host "nope" in cluster "default")',
      );
    });

    it('in pages', async () => {
      for (let call = 0; call < 3; call += 1) await run({ count: 10 });
      const seen: string[] = [];
      let nextToken: string | undefined;
      do {
        const page = await bench.ecs('ListTasks', { maxResults: 7, nextToken });
        seen.push(...page.taskArns);
        ({ nextToken } = page);
      } while (nextToken !== undefined);
      assert.equal(seen.length, 30);
      assert.equal(new Set(seen).size, 30);
    });
  });
});
