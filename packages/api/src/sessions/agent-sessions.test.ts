import assert from 'node:assert/strict';

import { isBerthError } from '@berth/model/errors.ts';
import { collections } from '@berth/store/keys.ts';

import { eventually, readAll, TestCluster, type Replica } from '../testing/cluster.ts';

const HOST = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);
const TASK = '1'.repeat(32);

describe('agent sessions', () => {
  let cluster: TestCluster;
  let replica: Replica;

  beforeEach(async () => {
    cluster = new TestCluster();
    replica = await cluster.replica();
  });
  afterEach(() => cluster.close());

  const createTask = (id = TASK, hostId = HOST, more: object = {}): Promise<unknown> =>
    cluster.put(collections.tasks, ['default', id], {
      id,
      cluster: 'default',
      hostId,
      taskDefinition: 'web:1',
      desiredStatus: 'RUNNING',
      ...more,
    });
  const status = (lastStatus: string, sequence: number, more: object = {}): object => ({
    id: TASK,
    cluster: 'default',
    hostId: HOST,
    lastStatus,
    healthStatus: 'UNKNOWN',
    sequence,
    ...more,
  });
  const stored = (id = TASK) => replica.cache.get(collections.taskStatus, 'default', id)?.value;
  const session = (id = HOST) => replica.cache.get(collections.sessions, 'host', id)?.value;

  it('registers the host and welcomes it with everything that it should run', async () => {
    await cluster.put(collections.taskDefinitions, ['web', '1'], { family: 'web', revision: 1 });
    await createTask();
    await createTask('2'.repeat(32), OTHER);
    await cluster.put(collections.taskStatus, ['default', TASK], status('RUNNING', 4));
    const agent = await cluster.agent(replica, HOST, {
      attributes: [{ name: 'rack', value: 'r1' }],
    });
    const welcome = await eventually('a welcome', () => agent.welcome);
    assert.equal(welcome.hostId, HOST);
    assert.deepEqual(
      welcome.tasks.map((item) => [
        item.task?.id,
        item.taskDefinition?.family,
        item.status?.sequence,
      ]),
      [[TASK, 'web', 4]],
    );
    const host = replica.cache.get(collections.hosts, 'default', HOST)?.value;
    assert.equal(host?.status, 'ACTIVE');
    assert.deepEqual(host.attributes, [{ name: 'rack', value: 'r1' }]);
    assert.equal(replica.cache.get(collections.clusters, 'default')?.value.status, 'ACTIVE');
    assert.equal(session()?.replicaAddress, replica.address);
  });

  it('tells the agent of tasks that come, change and go', async () => {
    const agent = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => agent.welcome);
    const told = () => agent.received.flatMap((order) => order.changes?.tasks ?? []);
    await createTask();
    await eventually('the new task', () => told().length === 1);
    await createTask('2'.repeat(32), OTHER);
    await createTask(TASK, HOST, { desiredStatus: 'STOPPED' });
    await eventually('the order to stop', () =>
      told().some(({ task }) => task?.desiredStatus === 'STOPPED'),
    );
    await cluster.delete(collections.tasks, 'default', TASK);
    await eventually('the removal', () =>
      agent.received.some((order) => order.changes?.removedTaskIds.includes(TASK)),
    );
    assert.ok(told().every(({ task }) => task?.hostId === HOST));
  });

  it('keeps what people said of a host when its agent comes back', async () => {
    const first = await cluster.agent(replica, HOST, {
      attributes: [{ name: 'ecs.os', value: 'a' }],
    });
    await eventually('a welcome', () => first.welcome);
    const host = replica.cache.get(collections.hosts, 'default', HOST);
    await cluster.put(collections.hosts, ['default', HOST], {
      ...host?.value,
      status: 'DRAINING',
      attributes: [...(host?.value.attributes ?? []), { name: 'team', value: 'x' }],
    });
    await first.close();
    const second = await cluster.agent(replica, HOST, { bootId: 'new', attributes: [] });
    await eventually('a welcome', () => second.welcome);
    const found = replica.cache.get(collections.hosts, 'default', HOST)?.value;
    assert.equal(found?.status, 'DRAINING');
    assert.equal(found.bootId, 'new');
    assert.deepEqual(found.attributes, [{ name: 'team', value: 'x' }]);
  });

  it('stores reports, and never lets a status go back', async () => {
    await createTask();
    const agent = await cluster.agent(replica, HOST, { tasks: [status('PENDING', 1)] });
    await eventually('the status of the hello', () => stored()?.lastStatus === 'PENDING');
    agent.report(status('RUNNING', 2, { startedAt: 5 }));
    await eventually('RUNNING', () => stored()?.lastStatus === 'RUNNING');
    agent.report(status('PENDING', 9), status('RUNNING', 1), status('RUNNING', 2));
    agent.report(status('STOPPED', 3, { stoppedReason: 'x'.repeat(5000) }));
    await eventually('STOPPED', () => stored()?.lastStatus === 'STOPPED');
    agent.report(status('RUNNING', 99));
    agent.report(status('STOPPED', 100, { stopCode: 'EssentialContainerExited' }));
    const last = await eventually('the last report', () => {
      const found = stored();
      return found?.stopCode !== undefined && found;
    });
    assert.equal(last.lastStatus, 'STOPPED');
    assert.equal(last.startedAt, 5);
    assert.equal(last.stoppedReason?.length, 1024);
  });

  it('takes no word of a host about the tasks of another, or of none', async () => {
    await createTask(TASK, OTHER);
    await createTask('3'.repeat(32), HOST);
    const agent = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => agent.welcome);
    agent.report(status('STOPPED', 1), status('STOPPED', 1, { hostId: OTHER }), {
      ...status('RUNNING', 1),
      id: '9'.repeat(32),
    });
    agent.report({ ...status('ASLEEP', 1), id: '3'.repeat(32) });
    agent.report({ ...status('RUNNING', 2), id: '3'.repeat(32) });
    await eventually('the permitted report', () => stored('3'.repeat(32)));
    assert.equal(stored('3'.repeat(32))?.lastStatus, 'RUNNING');
    assert.equal(stored(), undefined);
    assert.equal(stored('9'.repeat(32)), undefined);
    const metrics = await replica.surroundings.metrics.metrics();
    assert.match(metrics, /berth_api_task_reports_total\{outcome="refused"\} 4/);
  });

  it('ends the older of two sessions of a host, at the same replica', async () => {
    const first = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => first.welcome);
    const second = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => second.welcome);
    assert.ok(isBerthError(await first.ended, 'ConflictException'));
    await createTask();
    await eventually('the task', () => second.received.some((order) => order.changes));
    assert.ok(session());
  });

  it('ends the older of two sessions of a host, at different replicas', async () => {
    const other = await cluster.replica();
    const first = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => first.welcome);
    const second = await cluster.agent(other, HOST);
    await eventually('a welcome', () => second.welcome);
    assert.ok(isBerthError(await first.ended, 'ConflictException'));
    await eventually('the newer record', () => session()?.replicaAddress === other.address);
    await createTask();
    second.report(status('RUNNING', 1));
    await eventually('the report by the newer session', () => stored()?.lastStatus === 'RUNNING');
    assert.equal(session()?.replicaAddress, other.address);
  });

  it('stores what an agent says last before it leaves', async () => {
    await createTask();
    const agent = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => agent.welcome);
    replica.store.faults.loseReplies = 1; // so that storing it takes more than one attempt
    agent.report(status('STOPPED', 1, { stoppedReason: 'the agent stops' }));
    assert.equal(await agent.close(), undefined);
    await eventually('no session', () => session() === undefined);
    assert.equal(stored()?.stoppedReason, 'the agent stops');
  });

  it('takes the session record away when the agent leaves or the replica stops', async () => {
    const agent = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => agent.welcome);
    await agent.close();
    await eventually('no session', () => session() === undefined);

    const other = await cluster.replica();
    const again = await cluster.agent(other, HOST);
    await eventually('a welcome', () => again.welcome);
    await eventually('the session', () => session());
    await other.stop(100);
    assert.ok(isBerthError(await again.ended, 'Unavailable'));
    await eventually('no session', () => session() === undefined);
  });

  it('writes everything anew when its lease is lost', async () => {
    const shaky = await cluster.replica(1);
    const agent = await cluster.agent(shaky, HOST);
    const proxy = await cluster.proxy(shaky, 'p1');
    await eventually('a welcome', () => agent.welcome);
    await cluster.put(collections.targets, ['g', 't'], { group: 'g', id: 't' });
    await eventually('the target', () => proxy.received.some(({ targets }) => targets.length > 0));
    proxy.health({ group: 'g', target: 't', state: 'healthy' });
    const before = await eventually('the health', () =>
      replica.cache.get(collections.targetHealth, 'g', 't', 'p1'),
    );
    shaky.store.partition();
    await eventually('the loss', () => shaky.unready());
    await eventually('its records to vanish', () => session() === undefined);
    shaky.store.heal();
    const after = await eventually('the health again', () =>
      replica.cache.get(collections.targetHealth, 'g', 't', 'p1'),
    );
    await eventually('the session again', () => session());
    assert.ok(after.createRevision > before.createRevision);
    await createTask();
    await eventually('the order', () => agent.received.some((order) => order.changes));
    agent.report(status('RUNNING', 1));
    await eventually('the report', () => stored());
  });

  it('writes a session record again that somebody deleted', async () => {
    const agent = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => agent.welcome);
    const before = replica.cache.get(collections.sessions, 'host', HOST);
    await cluster.delete(collections.sessions, 'host', HOST);
    await eventually('a new record', () => {
      const found = replica.cache.get(collections.sessions, 'host', HOST);
      return found && found.createRevision > (before?.createRevision ?? 0);
    });
  });

  it('takes no host for connected whose session could not begin', async () => {
    replica.store.faults.loseReplies = 1;
    const agent = await cluster.agent(replica, HOST);
    assert.ok(isBerthError(await agent.ended, 'Unavailable'));
    await eventually('no session', () => session() === undefined);
    await eventually('its registration all the same', () =>
      replica.cache.get(collections.hosts, 'default', HOST),
    );
    const again = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => again.welcome);
    assert.ok(session());
  });

  it('stores a report although answers are lost', async () => {
    await createTask();
    const agent = await cluster.agent(replica, HOST);
    await eventually('a welcome', () => agent.welcome);
    replica.store.faults.loseReplies = 2;
    agent.report(status('RUNNING', 1));
    agent.report(status('STOPPED', 2));
    await eventually('the last report', () => stored()?.lastStatus === 'STOPPED');
  });

  describe('refuses', () => {
    const refusals: { name: string; hello: object; code: string; message: RegExp }[] = [
      {
        name: 'the id of another host',
        hello: { hostId: OTHER },
        code: 'AccessDeniedException',
        message: /does not speak for/,
      },
      {
        name: 'a cluster that does not exist',
        hello: { cluster: 'none' },
        code: 'ClusterNotFoundException',
        message: /"none"/,
      },
      {
        name: 'a host without memory',
        hello: { resources: { cpu: 1024 } },
        code: 'InvalidParameterException',
        message: /resources/,
      },
      {
        name: 'a nameless host',
        hello: { name: '' },
        code: 'InvalidParameterException',
        message: /name is ""/,
      },
    ];
    for (const { name, hello, code, message } of refusals) {
      it(name, async () => {
        const agent = await cluster.agent(replica, HOST, hello);
        const error = await agent.ended;
        assert.ok(isBerthError(error));
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.equal(session(), undefined);
        assert.equal([...replica.cache.list(collections.hosts)].length, 0);
      });
    }

    it('a host that is registered in another cluster', async () => {
      await cluster.put(collections.clusters, ['blue'], { name: 'blue', status: 'ACTIVE' });
      const first = await cluster.agent(replica, HOST, { cluster: 'blue' });
      await eventually('a welcome', () => first.welcome);
      const second = await cluster.agent(replica, HOST);
      const error = await second.ended;
      assert.ok(isBerthError(error, 'ClientException'));
      assert.match(error.message, /registered in cluster blue/);
    });

    it('a first message that is no hello', async () => {
      const client = await cluster.client('Agents', replica, 'host', HOST);
      async function* messages() {
        yield await Promise.resolve({ report: { tasks: [] } });
      }
      await assert.rejects(readAll(client.Session(messages())), (error) =>
        isBerthError(error, 'InvalidParameterException'),
      );
    });
  });
});
