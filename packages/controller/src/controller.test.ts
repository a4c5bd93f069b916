// The controller with a real scheduler, over the memory store and with scripted agents and proxies.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { TaskRecord } from '@berth/model/generated/messages.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import type { Role } from '@berth/process/role.ts';
import { complete } from '@berth/rpc/codec.ts';
import { testIdentity } from '@berth/rpc/testing/fixtures.ts';
import { startScheduler } from '@berth/scheduler/start.ts';
import { collections } from '@berth/store/keys.ts';
import type { Store } from '@berth/store/store.ts';
import { realClock, silent, until } from '@berth/store/testing/time.ts';
import { Registry } from 'prom-client';

import { startController } from './start.ts';
import { CLUSTER, GROUP, TestCluster } from './testing.ts';

describe('the controller', function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  const roles: Role[] = [];

  beforeEach(async () => {
    cluster = new TestCluster();
    await cluster.begin();
  });

  afterEach(async () => {
    for (const role of roles.splice(0).reverse()) await role.stop(2_000);
    await cluster.end();
  });

  const surroundings = () => ({
    clock: realClock,
    random: Math.random,
    logger: silent,
    metrics: new Registry(),
  });

  async function scheduler(): Promise<void> {
    const store = cluster.store.peer();
    const tls = await testIdentity('control', 'scheduler');
    const address = '127.0.0.1:0';
    const cache = await cluster.openCache(store);
    const options = { listen: address, advertise: 'localhost:0', tls, store, cache };
    roles.push(await startScheduler({ ...options, leaseSeconds: 10 }, surroundings()));
  }

  /** @param wrap makes the store that the controller writes through */
  async function controller(
    options: { wrap?: (store: Store) => Store; hostLostAfterMs?: number } = {},
  ): Promise<{ role: Role; metrics: Registry }> {
    const store = cluster.store.peer();
    const around = surroundings();
    const role = await startController(
      {
        tls: await testIdentity('control', 'controller'),
        store: options.wrap?.(store) ?? store,
        cache: await cluster.openCache(store),
        leaseSeconds: 10,
        hostLostAfterMs: options.hostLostAfterMs ?? 20_000,
        proxyLostAfterMs: 1,
        holder: 'test',
        realm: { region: 'local', account: '000000000000' },
        sealer: KeyRing.create(),
      },
      around,
    );
    roles.push(role);
    return { role, metrics: around.metrics };
  }

  const steady = (name: string): Promise<void> =>
    until(`${name} is steady`, () => cluster.isSteady(name));

  const definitions = (name: string): string[] =>
    cluster.active(name).map(({ taskDefinition }) => taskDefinition);

  it('creates, updates, scales out and in, and ends a service', async () => {
    await scheduler();
    const { metrics } = await controller();
    await cluster.createService('web');
    await steady('web');
    assert.deepEqual(definitions('web'), ['app:1', 'app:1']);
    assert.equal([...cluster.cache.list(collections.targets)].length, 2);

    await cluster.updateService('web', { taskDefinition: 'app:2' });
    await steady('web');
    assert.deepEqual(definitions('web'), ['app:2', 'app:2']);

    const history = [...cluster.cache.list(collections.serviceDeployments, CLUSTER, 'web')];
    assert.deepEqual(
      history.map(({ value }) => value.status),
      ['SUCCESSFUL', 'SUCCESSFUL'],
    );
    const revisions = [...cluster.cache.list(collections.serviceRevisions, CLUSTER, 'web')];
    assert.deepEqual(revisions.map(({ value }) => value.taskDefinition).sort(), ['app:1', 'app:2']);

    await cluster.updateService('web', { desiredCount: 5 });
    await steady('web');
    await cluster.updateService('web', { desiredCount: 1 });
    await steady('web');

    await cluster.updateService('web', { status: 'DRAINING', desiredCount: 0 });
    await until('web is INACTIVE', () => cluster.service('web')?.status === 'INACTIVE');
    assert.equal(cluster.deployments('web'), undefined);
    assert.ok(cluster.isTidy('web'));
    assert.equal([...cluster.cache.list(collections.targets)].length, 0);

    const messages = cluster.messages();
    const said = (text: RegExp): boolean => messages.some((message) => text.test(message));
    assert.ok(said(/^\(service web\) has started 2 tasks: \(task \w{32}\) \(task \w{32}\)\.$/));
    assert.ok(said(/^\(service web\) registered \d targets in \(target-group web\)$/));
    assert.ok(said(/^\(service web\) has begun draining connections on \d tasks\.$/));
    assert.ok(said(/^\(service web\) has reached a steady state\.$/));
    assert.ok(said(/^\(task \w{32}\) is RUNNING on \(container-instance h\d\)$/));
    assert.ok(said(/^\(task \w{32}\) has STOPPED: ServiceSchedulerInitiated; Scaling activity/));
    assert.match(
      await metrics.metrics(),
      /berth_controller_deployments_total\{result="completed"\} 2/,
    );
  });

  it('tells of each state of a hook once, whoever leads', async () => {
    const hooks = createServer((request, response) => {
      request.resume();
      response.end(JSON.stringify({ hookStatus: 'SUCCEEDED' }));
    });
    hooks.listen(0, '127.0.0.1');
    await once(hooks, 'listening');
    const hookTargetArn = `http://127.0.0.1:${(hooks.address() as AddressInfo).port}/`;
    const lifecycleStages = ['POST_SCALE_UP'];
    const told = (): string[] =>
      [...cluster.cache.list(collections.events, CLUSTER)]
        .filter(({ value }) => value.detailType === 'ECS Hook State Change')
        .map(({ value }) => JSON.parse(value.detail ?? '') as Record<string, string>)
        .map(({ hookType = '', eventName = '' }) => `${hookType} ${eventName}`)
        .sort();
    try {
      await scheduler();
      const first = await controller();
      const items = [
        { targetType: 'AWS_LAMBDA', hookTargetArn, lifecycleStages },
        { targetType: 'PAUSE', lifecycleStages },
      ];
      const deploymentConfiguration = complete('DeploymentConfiguration', {
        strategy: 'BLUE_GREEN',
        lifecycleHooks: { items },
      });
      await cluster.createService('web', { loadBalancers: [], deploymentConfiguration });
      await steady('web');
      await cluster.updateService('web', { taskDefinition: 'app:2' });
      const begun = [
        'AWS_LAMBDA HOOK_IN_PROGRESS',
        'AWS_LAMBDA HOOK_SUCCEEDED',
        'PAUSE HOOK_AWAITING_ACTION',
      ];
      await until('the pause waits', () => told().length >= begun.length);
      await first.role.stop(2_000);
      await controller();
      const [primary] = cluster.deployments('web')?.deployments ?? [];
      const pause = primary?.shift?.hooks.find(({ targetType }) => targetType === 'PAUSE');
      const decision = { hookId: pause?.hookId ?? '', action: 'CONTINUE', at: 0 } as const;
      await cluster.updateService('web', { hookDecisions: [decision] });
      await steady('web');
      assert.deepEqual(told(), [...begun, 'PAUSE HOOK_SUCCEEDED']);
    } finally {
      hooks.close();
    }
  });

  it('waits for the scheduler, and for hosts', async () => {
    for (const id of ['h1', 'h2', 'h3']) await cluster.delete(collections.sessions, 'host', id);
    await controller();
    await cluster.createService('web');
    await until('the deployment is known', () => cluster.deployments('web') !== undefined);
    await scheduler();
    await until('the lack of hosts is told', () =>
      cluster.messages().some((message) => message.includes('was unable to place a task')),
    );
    await cluster.host('h2');
    await steady('web');
    assert.deepEqual(
      cluster.active('web').map(({ hostId }) => hostId),
      ['h2', 'h2'],
    );
  });

  it('leaves the old tasks serving when the new revision is sick, and says why', async () => {
    await scheduler();
    await controller();
    await cluster.createService('web');
    await steady('web');
    const old = cluster.active('web').map(({ id }) => id);
    cluster.script.target = (definition) => (definition === 'app:2' ? 'unhealthy' : 'healthy');
    await cluster.updateService('web', {
      taskDefinition: 'app:2',
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    });
    await steady('web');
    assert.deepEqual(
      cluster.active('web').map(({ id }) => id),
      old,
    );
    const messages = cluster.messages().join('\n');
    assert.match(
      messages,
      /is unhealthy in \(target-group web\) due to \(reason Health checks failed with these codes: \[503\]\)/,
    );
    assert.match(messages, /deployment failed: tasks failed to start\./);
    assert.match(messages, /rolling back to deployment ecs-svc\/0{18}1\./);
  });

  it('replaces the tasks of a lost host and tells of it once', async () => {
    await scheduler();
    await controller({ hostLostAfterMs: 50 });
    await cluster.createService('web', { desiredCount: 3 });
    await steady('web');
    await cluster.delete(collections.sessions, 'host', 'h1');
    await until('nothing is wanted on h1', () =>
      cluster.active('web').every(({ hostId }) => hostId !== 'h1'),
    );
    await until('three run elsewhere', () => cluster.active('web').length === 3);
    await cluster.host('h1');
    await steady('web');
    const told = (): string[] =>
      cluster.messages().filter((message) => /\(h1\) is (lost|back)/.test(message));
    await until('it is told', () => told().length === 2);
    assert.ok(cluster.messages().includes('(container-instance h1) (h1) is disconnected'));
    assert.match(told()[0] ?? '', /\(container-instance h1\) \(h1\) is lost/);
    assert.match(told()[1] ?? '', /is back\.$/);
  });

  it('gives no host up while it hears none of them, nor while they come back', async () => {
    await scheduler();
    await controller({ hostLostAfterMs: 100 });
    await cluster.createService('web', { desiredCount: 3 });
    await steady('web');
    const ids = (): string[] => cluster.active('web').map(({ id }) => id);
    const before = ids();
    const hosts = [...cluster.cache.list(collections.hosts)].map(({ value }) => value.id);
    for (const id of hosts) await cluster.delete(collections.sessions, 'host', id);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    for (const id of hosts) await cluster.host(id);
    await steady('web');
    assert.deepEqual(ids(), before);
    assert.doesNotMatch(cluster.messages().join(), /is lost/);
  });

  it('does not stop a task before its target is drained', async () => {
    await scheduler();
    await controller();
    await cluster.createService('web');
    await steady('web');
    cluster.script.drains = false;
    await cluster.updateService('web', { desiredCount: 1 });
    const draining = (): boolean =>
      [...cluster.cache.list(collections.targetHealth)].some(
        ({ value }) => value.state === 'draining',
      );
    await until('it drains', draining);
    const [ending] = [...cluster.cache.tasksByService(CLUSTER, 'web')]
      .map(({ value }) => value)
      .filter(({ desiredStatus }) => desiredStatus === 'STOPPED');
    assert.deepEqual([ending?.drainBeforeStop, ending?.holdPorts], [true, true]);
    assert.equal(cluster.status(ending?.id ?? '')?.lastStatus, 'RUNNING');
  });

  it('keeps each task set at its share, drains one that is deleted and then forgets it', async () => {
    await scheduler();
    await controller();
    const put = (id: string, scale: number, change: object = {}) =>
      cluster.put(
        collections.taskSets,
        [CLUSTER, 'shop', id],
        complete('TaskSetRecord', {
          cluster: CLUSTER,
          service: 'shop',
          id: `ecs-svc/${id}`,
          createdAt: 1,
          taskDefinition: 'app:1',
          scale: { value: scale, unit: 'PERCENT' },
          loadBalancers: [{ targetGroupArn: GROUP, containerName: 'web', containerPort: 80 }],
          ...change,
        }),
      );
    await cluster.createService('shop', {
      deploymentController: 'EXTERNAL',
      deploymentId: '',
      taskDefinition: '',
      desiredCount: 4,
      loadBalancers: [],
    });
    await put('1', 100);
    await put('2', 25);
    const counts = (): string =>
      ['ecs-svc/1', 'ecs-svc/2']
        .map((id) => cluster.active('shop').filter(({ owner }) => owner === id).length)
        .join('+');
    const steady = (): boolean =>
      cluster
        .deployments('shop')
        ?.taskSets.every(({ stabilityStatus }) => stabilityStatus === 'STEADY_STATE') === true;
    await until('the sets are steady', () => counts() === '4+1' && steady());
    cluster.script.drains = false;
    await put('1', 100, { deletedAt: 2 });
    await until('the first set is gone down', () => counts() === '0+1');
    const set = [CLUSTER, 'shop', '1'] as const;
    assert.ok(cluster.cache.get(collections.taskSets, ...set));
    await until('its targets drain', () =>
      [...cluster.cache.list(collections.targets, GROUP)].some(
        ({ value }) => value.state === 'DRAINING',
      ),
    );
    cluster.script.drains = true;
    await cluster.updateService('shop', { desiredCount: 8 });
    await until(
      'the first set is forgotten',
      () => cluster.cache.get(collections.taskSets, ...set) === undefined && counts() === '0+2',
    );
    await until('the second is steady again', () => steady());
    assert.ok(
      cluster
        .messages()
        .some((message) =>
          message.startsWith(
            '(service shop, taskSet ecs-svc/1) has begun draining connections on 4',
          ),
        ),
    );
    assert.deepEqual([...cluster.cache.list(collections.serviceDeployments, CLUSTER, 'shop')], []);
  });

  it('looks at the alarms of a deployment when one of them changes', async () => {
    await scheduler();
    await controller();
    const alarm = (state: 'OK' | 'ALARM', entered: number) =>
      cluster.put(
        collections.alarms,
        ['errors'],
        complete('AlarmRecord', { name: 'errors', state, entered, reason: 'too many' }),
      );
    await alarm('OK', 0);
    await cluster.createService('web', {
      deploymentConfiguration: {
        bakeTimeInMinutes: 60,
        alarms: { alarmNames: ['errors'], enable: false, rollback: true },
      },
    });
    await until('the service is steady', () => cluster.isSteady('web'));
    const first = cluster.deployments('web')?.deployments[0]?.id;
    await cluster.updateService('web', {
      taskDefinition: 'app:2',
      deploymentConfiguration: {
        bakeTimeInMinutes: 60,
        alarms: { alarmNames: ['errors'], enable: true, rollback: true },
      },
    });
    await until(
      'the deployment bakes',
      () => cluster.deployments('web')?.deployments[0]?.alarms?.bakeUntil !== undefined,
    );
    await alarm('ALARM', 1);
    await until('the service is steady again', () => cluster.isSteady('web'));
    const [primary] = cluster.deployments('web')?.deployments ?? [];
    assert.equal(primary?.taskDefinition, 'app:1');
    assert.ok(
      cluster.messages().includes(`(service web) rolling back to deployment ${first ?? ''}.`),
    );
  });

  it('settles standalone tasks that end by themselves or lose their host', async () => {
    const task = (id: string): TaskRecord =>
      complete('TaskRecord', {
        id,
        cluster: CLUSTER,
        hostId: 'h1',
        taskDefinition: 'app:1',
        owner: 'run/1',
        desiredStatus: 'RUNNING',
        holdPorts: true,
        drainBeforeStop: true,
      });
    await cluster.put(collections.tasks, [CLUSTER, 'a'], task('a'));
    await cluster.put(collections.tasks, [CLUSTER, 'b'], task('b'));
    await controller({ hostLostAfterMs: 50 });
    await cluster.report(task('a'), {
      lastStatus: 'STOPPED',
      stopCode: 'EssentialContainerExited',
    });
    const found = (id: string): TaskRecord | undefined =>
      cluster.cache.get(collections.tasks, CLUSTER, id)?.value;
    await until('a is settled', () => found('a')?.holdPorts === false);
    assert.equal(found('a')?.stopCode, 'EssentialContainerExited');
    await cluster.delete(collections.sessions, 'host', 'h1');
    await until('b is given up', () => found('b')?.stopCode === 'TerminationNotice');
  });

  it('runs a daemon on every host that comes, and takes it from one that drains', async () => {
    await scheduler();
    await controller();
    await cluster.createService('agentd', { schedulingStrategy: 'DAEMON', desiredCount: 0 });
    const places = (): string =>
      cluster
        .active('agentd')
        .map(({ hostId }) => hostId)
        .sort()
        .join(' ');
    await until('it runs everywhere', () => places() === 'h1 h2 h3');
    await cluster.host('h4');
    await until('it follows', () => places() === 'h1 h2 h3 h4');
    const host = cluster.cache.get(collections.hosts, CLUSTER, 'h2')?.value;
    assert.ok(host);
    await cluster.put(collections.hosts, [CLUSTER, 'h2'], { ...host, status: 'DRAINING' });
    await until('it leaves', () => places() === 'h1 h3 h4');
    await until('it is steady', () => cluster.deployments('agentd')?.steadySince !== undefined);
    await cluster.updateService('agentd', { taskDefinition: 'app:2' });
    await until('it is new everywhere', () => definitions('agentd').join() === 'app:2,app:2,app:2');
    assert.equal(places(), 'h1 h3 h4');
  });

  it('is taken over by another controller when the leader goes', async () => {
    await scheduler();
    const first = await controller();
    const second = await controller();
    const leads = async ({ metrics }: { metrics: Registry }): Promise<boolean> =>
      /^berth_controller_leader 1$/m.test(await metrics.metrics());
    await until('the first leads', () => leads(first));
    assert.equal(await leads(second), false);
    await cluster.createService('web');
    await steady('web');
    await first.role.stop(2_000);
    await until('the second leads', () => leads(second));
    await cluster.updateService('web', { desiredCount: 3 });
    await steady('web');
  });

  it('keeps one service going while another one fails', async () => {
    await scheduler();
    const broken = (store: Store): Store =>
      intercepted(store, (keys) => {
        if (keys.some((key) => key.includes('/bad'))) throw new Error('this one fails');
      });
    await controller({ wrap: broken });
    await cluster.createService('bad');
    await cluster.createService('good');
    await steady('good');
    assert.equal(cluster.deployments('bad'), undefined);
  });

  describe('killed between any two commits', () => {
    /** A service is created, updated and scaled in; the controller dies at its nth commit, applied or not. */
    async function story(n: number, applied: boolean): Promise<boolean> {
      let commits = 0;
      let dead = false;
      const { promise: death, resolve: die } = Promise.withResolvers<undefined>();
      const wrap = (store: Store): Store =>
        intercepted(store, async (_keys, commit) => {
          commits += 1;
          dead ||= commits === n;
          if (!dead) return;
          if (applied && commits === n) await commit();
          die(undefined);
          throw new Error('the controller is dead');
        });
      await scheduler();
      const { role } = await controller({ wrap });
      const replaced = death.then(async () => {
        await role.stop(2_000);
        await controller();
      });
      await cluster.createService('web', { desiredCount: 3 });
      await steady('web');
      await cluster.updateService('web', { taskDefinition: 'app:2' });
      await steady('web');
      await cluster.updateService('web', { desiredCount: 2 });
      await steady('web');
      if (dead) await replaced;
      return dead;
    }

    for (const applied of [false, true]) {
      it(`comes to the same end, the last commit ${applied ? 'applied' : 'lost'}`, async () => {
        let n = 1;
        for (; ; n += 1) {
          const died = await story(n, applied);
          assert.deepEqual(definitions('web'), ['app:2', 'app:2'], `killed at commit ${n}`);
          const targets = [...cluster.cache.list(collections.targets)].map(({ value }) => value);
          assert.deepEqual(
            targets.map(({ taskId }) => taskId).sort(),
            cluster
              .active('web')
              .map(({ id }) => id)
              .sort(),
            `killed at commit ${n}`,
          );
          if (!died) break;
          for (const role of roles.splice(0).reverse()) await role.stop(2_000);
          await cluster.end();
          cluster = new TestCluster();
          await cluster.begin();
        }
        assert.ok(n > 8, `the story took only ${n} commits`);
      });
    }
  });

  it('makes targets of what is registered by hand, and drains what is not any more', async () => {
    await controller();
    const parts = [GROUP, 'h1:8080'];
    const register = (registrationId: string): Promise<void> =>
      cluster.put(
        collections.targetRegistrations,
        parts,
        complete('TargetRegistrationRecord', {
          group: GROUP,
          id: 'h1',
          port: 8080,
          registrationId,
        }),
      );
    const group = complete('TargetGroupRecord', { name: GROUP, targetType: 'instance' });
    await cluster.put(collections.targetGroups, [GROUP], group);
    const targets = () =>
      Array.from(cluster.cache.list(collections.targets, GROUP), ({ value }) => value);
    await register('first');
    await until('a target', () => targets().length === 1);
    assert.deepEqual(
      targets().map(({ id, address, hostId, taskId }) => [id, address, hostId, taskId]),
      [['10.0.0.1-8080-first', '10.0.0.1', 'h1', '']],
    );
    cluster.script.drains = false;
    await cluster.delete(collections.targetRegistrations, ...parts);
    await until('draining', () => targets()[0]?.state === 'DRAINING');
    await register('second');
    await until('a second target', () => targets().length === 2);
    cluster.script.drains = true;
    await cluster.put(collections.targetGroups, [GROUP], group);
    await until('one target', () => targets().length === 1);
    assert.equal(targets()[0]?.id, '10.0.0.1-8080-second');
    await cluster.delete(collections.hosts, CLUSTER, 'h1');
    await until('no target', () => targets().length === 0);
    await cluster.host('h1');
    await until('the target again', () => targets().length === 1);
    await cluster.delete(collections.targetGroups, GROUP);
    await until('no target', () => targets().length === 0);
    const left = () => [...cluster.cache.list(collections.targetRegistrations)];
    await until('no registration', () => left().length === 0);
  });
});

/** A store whose commits as leader pass by `before` first; `commit` carries them out early. */
function intercepted(
  store: Store,
  before: (keys: readonly string[], commit: () => Promise<unknown>) => Promise<void> | void,
): Store {
  return {
    get: (key, signal) => store.get(key, signal),
    list: (prefix, signal, options) => store.list(prefix, signal, options),
    pages: (prefix, signal, options) => store.pages(prefix, signal, options),
    watch: (prefix, revision, signal) => store.watch(prefix, revision, signal),
    lease: (ttlSeconds, signal) => store.lease(ttlSeconds, signal),
    close: () => store.close(),
    commit: async (offered, signal) => {
      const leads = offered.guards.some((guard) => 'createRevision' in guard);
      if (leads) {
        const keys = [...offered.puts.map(({ key }) => key), ...offered.deletes];
        await before(keys, () => store.commit(offered, signal));
      }
      return store.commit(offered, signal);
    },
  };
}
