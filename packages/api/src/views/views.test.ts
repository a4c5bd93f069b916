import assert from 'node:assert/strict';

import type {
  TargetHealthRecord,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';

import { Bench, hostId, realm, webDefinition } from '../operations/testing.ts';
import { deploymentView } from './deployment-view.ts';
import { targetHealthView } from './target-health-view.ts';
import { lastStatusOf } from './task-status.ts';
import { taskProgressView } from './task-progress-view.ts';
import { taskView } from './task-view.ts';

const ID = '1'.repeat(32);
const STARTED = Date.UTC(2026, 0, 1);

describe('a task', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
  });
  afterEach(() => bench.stop());

  const task = async (
    fields: Partial<TaskRecord> = {},
    status?: Partial<TaskStatusRecord>,
  ): Promise<TaskRecord> => {
    const record = complete('TaskRecord', {
      id: ID,
      cluster: 'default',
      hostId: hostId(0),
      taskDefinition: 'hello:1',
      desiredStatus: 'RUNNING',
      owner: 'ecs-svc/1',
      createdAt: STARTED,
      ...fields,
    });
    await bench.put(collections.tasks, ['default', ID], record);
    if (status) {
      const value = { id: ID, startedAt: STARTED, ...status };
      await bench.put(collections.taskStatus, ['default', ID], value);
    }
    return record;
  };
  const balanced = { drainBeforeStop: true, holdPorts: true, service: 'web' } as const;
  const stopping = { desiredStatus: 'STOPPED', stoppingAt: STARTED + 5 } as const;
  const target = (fields: object = {}): Promise<void> =>
    bench.put(collections.targets, ['web', `${ID}-80`], {
      group: 'web',
      id: `${ID}-80`,
      taskId: ID,
      port: 20_000,
      state: 'REGISTERED',
      ...fields,
    });
  const proxy = (id: string): Promise<void> =>
    bench.put(collections.sessions, ['proxy', id], { id, kind: 'proxy' });
  const report = (
    from: string,
    state: TargetHealthRecord['state'],
    fields: Partial<TargetHealthRecord> = {},
  ): Promise<void> =>
    bench.put(collections.targetHealth, ['web', `${ID}-80`, from], {
      group: 'web',
      target: `${ID}-80`,
      proxy: from,
      state,
      since: STARTED + 7,
      ...fields,
    });
  const referenced = async (): Promise<void> => {
    await bench.balancing('CreateTargetGroup', { name: 'web' });
    await bench.balancing('CreateListener', {
      port: 8080,
      defaultActions: [{ type: 'forward', forward: { targetGroups: [{ targetGroupArn: 'web' }] } }],
    });
  };

  describe('has the last status', () => {
    const cases: readonly [
      name: string,
      fields: Partial<TaskRecord>,
      reported: TaskStatusRecord['lastStatus'] | undefined,
      registered: boolean,
      expected: string,
    ][] = [
      ['PENDING before anything is reported', {}, undefined, false, 'PENDING'],
      ['PENDING while it starts', balanced, 'PENDING', false, 'PENDING'],
      ['RUNNING when nothing balances it', {}, 'RUNNING', false, 'RUNNING'],
      ['ACTIVATING until it is a target', balanced, 'RUNNING', false, 'ACTIVATING'],
      ['RUNNING as a target', balanced, 'RUNNING', true, 'RUNNING'],
      [
        'DEACTIVATING while it drains',
        { ...balanced, ...stopping },
        'RUNNING',
        true,
        'DEACTIVATING',
      ],
      ['RUNNING when it is to stop and nothing drains', stopping, 'RUNNING', false, 'RUNNING'],
      ['STOPPING as reported', stopping, 'STOPPING', false, 'STOPPING'],
      ['STOPPED as reported', balanced, 'STOPPED', true, 'STOPPED'],
    ];
    for (const [name, fields, reported, registered, expected] of cases) {
      it(name, async () => {
        const record = await task(fields, reported && { lastStatus: reported });
        if (registered) await target();
        assert.equal(lastStatusOf(bench.cache, record), expected);
      });
    }

    it('STOPPED when its host is lost, but not while the host is there', async () => {
      const record = await task(
        { ...stopping, stopCode: 'TerminationNotice' },
        { lastStatus: 'RUNNING' },
      );
      assert.equal(lastStatusOf(bench.cache, record), 'RUNNING');
      await bench.remove(collections.sessions, 'host', hostId(0));
      const view = taskView(bench.cache, realm, record);
      assert.equal(view.lastStatus, 'STOPPED');
      assert.equal(view.connectivity, 'DISCONNECTED');
      assert.equal(view.stoppedAt, STARTED + 5);
    });
  });

  it('keeps RUNNING on a host that is only disconnected', async () => {
    const record = await task({}, { lastStatus: 'RUNNING' });
    await bench.remove(collections.sessions, 'host', hostId(0));
    const view = taskView(bench.cache, realm, record);
    assert.equal(view.lastStatus, 'RUNNING');
    assert.equal(view.connectivity, 'DISCONNECTED');
  });

  it('that ended by itself shows its own reason, one that was ordered to the order’s', async () => {
    const own = {
      lastStatus: 'STOPPED',
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
    } as const;
    const view = taskView(bench.cache, realm, await task({}, own));
    assert.equal(view.desiredStatus, 'STOPPED');
    assert.equal(view.stopCode, 'EssentialContainerExited');
    const ordered = await task({ ...stopping, stopCode: 'UserInitiated', stoppedReason: 'x' }, own);
    assert.equal(taskView(bench.cache, realm, ordered).stopCode, 'UserInitiated');
  });

  describe('of a service is at the step', () => {
    const step = async (
      record: TaskRecord,
      now = STARTED + 1_000,
    ): Promise<readonly [string, string | undefined]> => {
      const { step: at, detail } = taskProgressView(bench.cache, realm, record, now);
      return Promise.resolve([at, detail]);
    };

    it('pull, then start, then health until it has run for 40 s, then serving', async () => {
      assert.deepEqual(await step(await task()), ['pull', undefined]);
      const pulling = await task({}, { lastStatus: 'PENDING', phase: 'PULLING' });
      assert.deepEqual(await step(pulling), ['pull', undefined]);
      const starting = await task({}, { lastStatus: 'PENDING', phase: 'STARTING' });
      assert.deepEqual(await step(starting), ['start', undefined]);
      const running = await task({}, { lastStatus: 'RUNNING' });
      assert.deepEqual(await step(running), [
        'health',
        'without a check it counts as healthy after 40 s',
      ]);
      assert.deepEqual(await step(running, STARTED + 40_000), ['serving', undefined]);
    });

    it('health until every live proxy says so', async () => {
      await referenced();
      await bench.ecs('CreateService', {
        serviceName: 'web',
        taskDefinition: 'hello',
        desiredCount: 1,
        loadBalancers: [{ targetGroupArn: 'web', containerName: 'web', containerPort: 80 }],
      });
      const networkBindings = [
        { bindIp: '0.0.0.0', containerPort: 80, hostPort: 20_000, protocol: 'tcp' as const },
      ];
      const container = complete('ContainerStatus', { name: 'web', networkBindings });
      const status = { lastStatus: 'RUNNING', containers: [container] } as const;
      const record = await task(balanced, status);
      assert.deepEqual(await step(record), ['health', 'waiting to be registered as a target']);
      await target();
      assert.deepEqual(await step(record), [
        'health',
        'web: No proxy is connected, so nothing checks the target',
      ]);
      await proxy('p1');
      await proxy('p2');
      await report('p1', 'healthy');
      assert.deepEqual(await step(record), ['health', 'web: Target registration is in progress']);
      await report('p2', 'unhealthy', {
        description: 'Health checks failed with these codes: [500]',
      });
      assert.deepEqual(await step(record), [
        'health',
        'web: Health checks failed with these codes: [500]',
      ]);
      await report('p2', 'healthy');
      assert.deepEqual(await step(record), ['serving', undefined]);
      const progress = taskProgressView(bench.cache, realm, record, STARTED);
      assert.equal(progress.stepSince, STARTED + 7);
    });

    it('drain, stop and stopped, with the reason', async () => {
      const reason = { stoppedReason: 'Scaling activity' };
      const draining = await task(
        { ...balanced, ...stopping, ...reason },
        { lastStatus: 'RUNNING' },
      );
      assert.deepEqual(await step(draining), ['drain', 'Scaling activity']);
      const ending = await task({ ...stopping, ...reason }, { lastStatus: 'STOPPING' });
      assert.deepEqual(await step(ending), ['stop', 'Scaling activity']);
      const stopped = await task({ ...stopping, ...reason }, { lastStatus: 'STOPPED' });
      assert.deepEqual(await step(stopped), ['stopped', 'Scaling activity']);
    });
  });

  describe('as a target is', () => {
    const verdict = (): readonly [string, string | undefined] => {
      const record = bench.cache.get(collections.targets, 'web', `${ID}-80`)?.value;
      assert.ok(record);
      const { state, reason } = targetHealthView(bench.cache, record);
      return [state, reason];
    };

    it('unused without a rule, initial without proxies, then what the live proxies say', async () => {
      await target();
      assert.deepEqual(verdict(), ['unused', 'Target.NotInUse']);
      await referenced();
      assert.deepEqual(verdict(), ['initial', 'Elb.RegistrationInProgress']);
      await report('gone', 'unhealthy', { reason: 'Target.Timeout' });
      await proxy('p1');
      await report('p1', 'initial', { reason: 'Elb.InitialHealthChecking' });
      assert.deepEqual(verdict(), ['initial', 'Elb.InitialHealthChecking']);
      await report('p1', 'healthy');
      assert.deepEqual(verdict(), ['healthy', undefined]);
      await proxy('p2');
      assert.deepEqual(verdict(), ['initial', 'Elb.RegistrationInProgress']);
      await report('p2', 'unhealthy', { reason: 'Target.Timeout' });
      assert.deepEqual(verdict(), ['unhealthy', 'Target.Timeout']);
      await target({ state: 'DRAINING' });
      assert.deepEqual(verdict(), ['draining', 'Target.DeregistrationInProgress']);
    });
  });
});

describe('the deployments of a service', () => {
  let bench: Bench;

  beforeEach(async () => {
    bench = await Bench.start();
    await bench.cluster();
    await bench.ecs('RegisterTaskDefinition', webDefinition);
    await bench.ecs('CreateService', {
      serviceName: 'web',
      taskDefinition: 'hello',
      desiredCount: 3,
    });
  });
  afterEach(() => bench.stop());

  it('count their own tasks, those on their way down not', async () => {
    const service = bench.cache.get(collections.services, 'default', 'web')?.value;
    assert.ok(service);
    const put = async (digit: string, owner: string, last: 'RUNNING' | 'STOPPED', stop = false) => {
      const id = digit.repeat(32);
      await bench.put(collections.tasks, ['default', id], {
        id,
        owner,
        cluster: 'default',
        service: 'web',
        desiredStatus: stop ? 'STOPPED' : 'RUNNING',
      });
      await bench.put(collections.taskStatus, ['default', id], { id, lastStatus: last });
    };
    await put('1', service.deploymentId, 'RUNNING');
    await put('2', service.deploymentId, 'RUNNING', true);
    await put('3', service.deploymentId, 'STOPPED');
    await put('4', 'ecs-svc/0', 'RUNNING');
    const [primary] = deploymentView(bench.cache, realm, service, bench.clock.now());
    assert.equal(primary?.runningCount, 1);
    assert.equal(primary.pendingCount, 0);
    assert.equal(primary.desiredCount, 3);
    assert.equal(primary.progress?.phase, 'ROLLING');
    assert.equal(primary.progress.waitsFor, 'healthy tasks: 1 of 3 run, 0 pending');
    const { services } = await bench.ecs('DescribeServices', { services: ['web'] });
    assert.equal(services[0]?.runningCount, 2);
  });
});
