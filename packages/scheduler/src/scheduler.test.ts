import assert from 'node:assert/strict';

import { isBerthError } from '@berth/model/errors.ts';
import type { PlaceRequest, PlaceResponse, TaskRecord } from '@berth/model/generated/messages.ts';
import { decideAgain, ledgerOf } from '@berth/model/placement/decision.ts';
import { hostView } from '@berth/model/placement/host.ts';
import { testHostRecord } from '@berth/model/placement/testing.ts';
import { runOwner } from '@berth/model/resources/run-owner.ts';
import type { Role } from '@berth/process/role.ts';
import { connect } from '@berth/rpc/client.ts';
import type { Connection } from '@berth/rpc/client.ts';
import type { Client } from '@berth/rpc/api.ts';
import { testIdentity } from '@berth/rpc/testing/fixtures.ts';
import { collections, keyOf, prefixOf } from '@berth/store/keys.ts';
import { decodeRecord } from '@berth/store/record.ts';
import type { MemoryStore } from '@berth/store/memory-store.ts';
import { realClock, silent, until } from '@berth/store/testing/time.ts';
import { transaction } from '@berth/store/transaction.ts';
import { complete } from '@berth/rpc/codec.ts';
import { Registry } from 'prom-client';

import { startScheduler } from './start.ts';
import { CLUSTER, placeRequest, World } from './testing.ts';

interface Scheduler {
  readonly role: Role & { readonly address: string };
  readonly store: MemoryStore;
  readonly client: Client<'Scheduler'>;
  readonly metrics: Registry;
}

describe('the scheduler', () => {
  let world: World;
  const open: { role: Role; connection: Connection }[] = [];

  beforeEach(async () => {
    world = new World();
    await world.definition('web');
  });

  afterEach(async () => {
    for (const { role, connection } of open.splice(0)) {
      connection.close();
      await role.stop(1000);
    }
    world.end();
  });

  async function start(caller: 'control' | 'host' = 'control'): Promise<Scheduler> {
    const { store, cache } = await world.process();
    const metrics = new Registry();
    const tls = await testIdentity('control', 'test');
    const role = await startScheduler(
      { listen: '127.0.0.1:0', advertise: 'localhost:0', tls, store, cache, leaseSeconds: 10 },
      { clock: realClock, random: Math.random, logger: silent, metrics },
    );
    const connection = connect({
      addresses: [role.address],
      tls: await testIdentity(caller, 'caller'),
    });
    open.push({ role, connection });
    return { role, store, client: connection.client('Scheduler'), metrics };
  }

  async function leader(): Promise<Scheduler> {
    const scheduler = await start();
    await until('it leads', async () => (await value(scheduler, 'berth_scheduler_leader')) === 1);
    return scheduler;
  }

  async function value({ metrics }: Scheduler, name: string): Promise<number | undefined> {
    return (await metrics.getSingleMetric(name)?.get())?.values[0]?.value;
  }

  async function stored(): Promise<TaskRecord[]> {
    const { entries } = await world.store.list('/berth/v1/tasks/', world.signal);
    return entries.map((entry) => decodeRecord(collections.tasks, entry).value);
  }

  function request(more: Partial<PlaceRequest> = {}): PlaceRequest {
    return placeRequest({ viewRevision: world.store.revision, ...more });
  }

  async function refused(
    call: Promise<unknown>,
  ): Promise<{ code: string; details: Record<string, string> }> {
    try {
      await call;
    } catch (error) {
      assert.ok(isBerthError(error), String(error));
      return { code: error.code, details: { ...error.details } };
    }
    return assert.fail('the call was answered');
  }

  function held(answer: PlaceResponse): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { hostId } of answer.tasks) counts[hostId] = (counts[hostId] ?? 0) + 1;
    return counts;
  }

  it('shares tasks among capacity providers, by base and weight and what runs already', async () => {
    const { client } = await leader();
    const attributes = (value: string) => [{ name: 'berth.capacity-provider', value }];
    await world.host('a', { attributes: attributes('left') });
    await world.host('b', { attributes: attributes('right') });
    await world.host('c');
    const capacityProviderStrategy = [
      { capacityProvider: 'left', base: 1, weight: 1 },
      { capacityProvider: 'right', weight: 2 },
    ];
    const first = await client.Place(request({ count: 4, capacityProviderStrategy }));
    assert.deepEqual(held(first), { a: 2, b: 2 });
    for (const { hostId, capacityProviderName } of first.tasks) {
      assert.equal(capacityProviderName, hostId === 'a' ? 'left' : 'right');
    }
    const second = await client.Place(
      request({ count: 3, capacityProviderStrategy, viewRevision: first.revision }),
    );
    assert.deepEqual(held(second), { a: 1, b: 2 });
    const { code } = await refused(
      client.Place(
        request({
          viewRevision: second.revision,
          capacityProviderStrategy: [{ capacityProvider: 'left' }, { capacityProvider: 'right' }],
        }),
      ),
    );
    assert.equal(code, 'InvalidParameterException');
  });

  it('takes any host for FARGATE, and leaves what a provider has no room for unplaced', async () => {
    const { client } = await leader();
    await world.host('a');
    const fargate = await client.Place(
      request({ count: 2, capacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1 }] }),
    );
    assert.deepEqual(
      fargate.tasks.map(({ capacityProviderName }) => capacityProviderName),
      ['FARGATE', 'FARGATE'],
    );
    const none = await client.Place(
      request({
        owner: 'run/x',
        count: 2,
        capacityProviderStrategy: [{ capacityProvider: 'other', weight: 1 }],
      }),
    );
    assert.deepEqual(none.tasks, []);
    assert.deepEqual(none.unplaced[0]?.refusals, [{ reason: 'MEMBER_OF', hosts: 1 }]);
  });

  it('places tasks on hosts and stores them as it answers', async () => {
    const { client } = await leader();
    await world.host('a');
    await world.host('b');
    const answer = await client.Place(
      request({ count: 4, loadBalanced: true, tags: [{ key: 'k', value: 'v' }] }),
    );
    assert.deepEqual(held(answer), { a: 2, b: 2 });
    assert.deepEqual(answer.unplaced, []);
    assert.equal(answer.revision, world.store.revision);
    const byId = (a: TaskRecord, b: TaskRecord): number => (a.id < b.id ? -1 : 1);
    assert.deepEqual((await stored()).sort(byId), [...answer.tasks].sort(byId));
    for (const { id, createdAt, epoch, ...task } of answer.tasks) {
      assert.match(id, /^[0-9a-f]{32}$/);
      assert.ok(createdAt > 0 && epoch > 0);
      assert.deepEqual(task, {
        cluster: CLUSTER,
        hostId: task.hostId,
        taskDefinition: 'web:1',
        group: 'service:web',
        startedBy: 'ecs-svc/1',
        owner: 'ecs-svc/1',
        service: 'web',
        desiredStatus: 'RUNNING',
        reserved: { cpu: 256, memory: 512, ports: [], portsUdp: [], gpuIds: [] },
        tags: [{ key: 'k', value: 'v' }],
        holdPorts: true,
        drainBeforeStop: true,
      });
    }
  });

  it('answers what could not be placed, and explains it', async () => {
    const scheduler = await leader();
    const { client } = scheduler;
    await world.host('a', {
      registeredResources: { cpu: 4096, memory: 1024, ports: [], portsUdp: [], gpuIds: [] },
    });
    await world.host('b', { status: 'DRAINING' });
    await world.put(collections.hosts, [CLUSTER, 'c'], testHostRecord('c'));
    const answer = await client.Place(request());
    assert.deepEqual(held(answer), { a: 2 });
    const refusals = [
      { reason: 'DRAINING', hosts: 1 },
      { reason: 'AGENT', hosts: 1 },
      { reason: 'RESOURCE:MEMORY', hosts: 1 },
    ];
    const closest = { closestHostId: 'a', closestReason: 'has insufficient memory available' };
    assert.deepEqual(answer.unplaced, [{ count: 1, refusals, ...closest }]);
    const { hosts, unplaced, remedy } = await client.Explain({ place: request() });
    assert.deepEqual(unplaced, { count: 1, refusals, ...closest });
    assert.equal(remedy?.text, 'end the draining on host host-b');
    assert.deepEqual(
      hosts.map(({ hostName, reason }) => `${hostName} ${reason ?? 'fits'}`),
      ['host-a RESOURCE:MEMORY', 'host-b DRAINING', 'host-c AGENT'],
    );
    assert.equal(hosts[0]?.detail, 'memory: 512 MiB asked, 0 MiB free');
    const { values } = (await scheduler.metrics
      .getSingleMetric('berth_scheduler_unplaced_tasks_total')
      ?.get()) ?? {
      values: [],
    };
    assert.equal(
      values.reduce((sum, item) => sum + item.value, 0),
      1,
    );
  });

  it('keeps with the first tasks what they were decided on, so that it can be decided again', async () => {
    const { client } = await leader();
    for (const id of ['a', 'b', 'c']) await world.host(id);
    const { tasks } = await client.Place(request({ count: 6 }));
    const { entries } = await world.store.list(
      prefixOf(collections.placementDecisions, 'default'),
      world.signal,
    );
    assert.equal(entries.length, 1);
    const [entry] = entries;
    assert.ok(entry);
    const decision = decodeRecord(collections.placementDecisions, entry).value;
    const kept = await world.store.list(prefixOf(collections.tasks, 'default'), world.signal);
    assert.equal(kept.entries[0]?.createRevision, entry.createRevision);
    assert.equal(decision.createdAt, tasks[0]?.createdAt);
    const { cache } = await world.process();
    const hosts = Array.from(cache.list(collections.hosts), ({ value }) => hostView(value, true));
    const definition = cache.get(collections.taskDefinitions, 'web', '1')?.value;
    const { plan, same } = decideAgain(decision, ledgerOf(hosts, []), definition);
    assert.ok(same);
    assert.deepEqual(
      plan.assignments.map(({ hostId }) => hostId),
      tasks.map(({ hostId }) => hostId),
    );
  });

  it('keeps a refusal once, until there is another', async () => {
    const { client } = await leader();
    const decisions = async (): Promise<number> => {
      const prefix = prefixOf(collections.placementDecisions, 'default');
      return (await world.store.list(prefix, world.signal)).entries.length;
    };
    await client.Place(request());
    await client.Place(request());
    assert.equal(await decisions(), 1);
    await world.definition('web', { memory: 1_000_000 });
    await world.host('a');
    await client.Place(request({ viewRevision: world.store.revision }));
    assert.equal(await decisions(), 2);
  });

  it('refuses a repeated call until its caller has seen what the first one did', async () => {
    const { client } = await leader();
    await world.host('a');
    const first = request();
    const answer = await client.Place(first);
    const revision = String(answer.revision);
    assert.deepEqual(await refused(client.Place(first)), {
      code: 'StaleView',
      details: { revision },
    });
    assert.equal((await stored()).length, 3, 'nothing was placed twice');
    await client.Place({ ...first, owner: 'ecs-svc/2' });
    await client.Place({ ...first, viewRevision: answer.revision });
    assert.equal((await stored()).length, 9);
  });

  it('refuses a second call with the same client token, whatever else it asks for', async () => {
    const { client } = await leader();
    await world.host('a');
    const first = request({ owner: runOwner('token', '0'.repeat(16)), service: undefined });
    const { revision } = await client.Place(first);
    const other = { ...first, owner: runOwner('token', '1'.repeat(16)) };
    assert.deepEqual(await refused(client.Place(other)), {
      code: 'StaleView',
      details: { revision: String(revision) },
    });
    await client.Place({ ...other, cluster: 'elsewhere' });
    await client.Place({ ...first, owner: runOwner('another', '0'.repeat(16)) });
    assert.equal((await stored()).length, 6);
  });

  it('refuses a call that was decided before its service was changed', async () => {
    const { client } = await leader();
    await world.host('a');
    const late = { ...request(), service: 'web' };
    const service = complete('ServiceRecord', { cluster: 'default', name: 'web', desiredCount: 0 });
    const revision = await world.put(collections.services, ['default', 'web'], service);
    await client.Explain({ place: { ...late, viewRevision: revision } }); // it has seen the change
    assert.deepEqual(await refused(client.Place(late)), {
      code: 'StaleView',
      details: { revision: String(revision) },
    });
    assert.equal((await stored()).length, 0);
    await client.Place({ ...late, viewRevision: revision });
    assert.equal((await stored()).length, 3);
  });

  it('places once when the same call comes many times at once', async () => {
    const { client } = await leader();
    await world.host('a');
    const call = request();
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => client.Place(call)));
    assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await stored()).length, 3);
  });

  it('names the leader when asked elsewhere, and takes over when the leader stops', async () => {
    const first = await leader();
    const second = await start();
    await world.host('a');
    await until('the second knows the first', async () => {
      const { code, details } = await refused(second.client.Place(request()));
      return code === 'NotLeader' && details['leader'] === first.role.address;
    });
    const call = request();
    await first.client.Place(call);
    await first.role.stop(1000);
    await until(
      'the second leads',
      async () => (await value(second, 'berth_scheduler_leader')) === 1,
    );
    assert.equal((await refused(second.client.Place(call))).code, 'StaleView');
    const next = await second.client.Place(request());
    assert.equal(next.tasks.length, 3);
  });

  it('writes nothing once it is deposed, whatever it believes', async () => {
    const { client, store } = await leader();
    await world.host('a');
    const key = keyOf(collections.leader, 'scheduler');
    store.faults.before = async (operation) => {
      if (operation !== 'commit') return;
      store.faults.before = undefined;
      const deletes = [key];
      await world.store.commit(transaction({ deletes }), world.signal);
      const other = complete('LeaderRecord', { role: 'scheduler', address: 'other:1' });
      await world.put(collections.leader, ['scheduler'], other);
    };
    const { code, details } = await refused(client.Place(request()));
    assert.deepEqual({ code, details }, { code: 'NotLeader', details: { leader: 'other:1' } });
    assert.deepEqual(await stored(), []);
  });

  it('plans anew when a host changes between plan and commit', async () => {
    const scheduler = await leader();
    await world.host('a');
    await world.host('b');
    scheduler.store.faults.before = async (operation) => {
      if (operation !== 'commit') return;
      scheduler.store.faults.before = undefined;
      await world.host('a', { status: 'DRAINING' });
    };
    const answer = await scheduler.client.Place(request());
    assert.deepEqual(held(answer), { b: 3 });
    assert.equal((await stored()).length, 3);
    assert.equal(await value(scheduler, 'berth_scheduler_commit_conflicts_total'), 1);
  });

  it('starts a new term when it can not know whether a commit happened, and then sees what did', async () => {
    const scheduler = await leader();
    await world.host('a');
    const before = await value(scheduler, 'berth_scheduler_leader');
    assert.equal(before, 1);
    scheduler.store.faults.loseReplies = 1;
    const call = request();
    assert.ok(
      ['Unavailable', 'NotLeader'].includes((await refused(scheduler.client.Place(call))).code),
    );
    await until('it leads again', async () => {
      const { code } = await refused(scheduler.client.Place(call));
      return code === 'StaleView';
    });
    assert.equal((await stored()).length, 3);
    const answer = await scheduler.client.Place(request());
    assert.equal(answer.tasks.length, 3);
  });

  it('splits a large request over transactions', async () => {
    const { client } = await leader();
    const plenty = { cpu: 1e6, memory: 1e6, ports: [], portsUdp: [], gpuIds: [] };
    for (const id of ['a', 'b', 'c']) await world.host(id, { registeredResources: plenty });
    const answer = await client.Place(request({ count: 250 }));
    assert.equal(answer.tasks.length, 250);
    assert.equal(answer.revision, world.store.revision);
    assert.equal((await stored()).length, 250);
    assert.equal(new Set(answer.tasks.map(({ id }) => id)).size, 250);
  });

  it('goes on with the rest when a later transaction of a large request is refused', async () => {
    const { client, store } = await leader();
    const plenty = { cpu: 1e6, memory: 1e6, ports: [], portsUdp: [], gpuIds: [] };
    for (const id of ['a', 'b']) await world.host(id, { registeredResources: plenty });
    let commits = 0;
    store.faults.before = async (operation) => {
      if (operation !== 'commit') return;
      commits += 1;
      if (commits === 2) await world.host('a', { registeredResources: plenty, status: 'DRAINING' });
    };
    const answer = await client.Place(request({ count: 250 }));
    store.faults.before = undefined;
    assert.equal(answer.tasks.length, 250);
    assert.deepEqual(
      (await stored()).map(({ id }) => id).sort(),
      answer.tasks.map(({ id }) => id).sort(),
    );
    assert.equal(held(answer)['a'], 50);
  });

  it('frees capacity and fixed ports by fact only', async () => {
    await world.definition('fixed', { cpu: 4096, memory: 512, ports: [8080] });
    const { client } = await leader();
    await world.host('a');
    const place = (): Promise<PlaceResponse> =>
      client.Place(request({ taskDefinition: 'fixed:1', count: 1, loadBalanced: true }));
    const reason = (answer: PlaceResponse): string | undefined =>
      answer.unplaced[0]?.refusals[0]?.reason;
    const [task] = (await place()).tasks;
    assert.ok(task);
    assert.equal(reason(await place()), 'RESOURCE:CPU');
    const parts = [CLUSTER, task.id];
    const stopping = { ...task, desiredStatus: 'STOPPED', drainBeforeStop: false } as const;
    await world.put(collections.tasks, parts, stopping);
    assert.equal(reason(await place()), 'RESOURCE:CPU', 'asked to stop, but it may still run');
    await world.status(task, 'STOPPED');
    assert.equal(reason(await place()), 'RESOURCE:PORTS', 'a proxy may still send to its port');
    await world.put(collections.tasks, parts, { ...stopping, holdPorts: false });
    assert.equal((await place()).tasks.length, 1);
  });

  it('gives a GPU to one task at a time, also under the next leader', async () => {
    await world.definition('gpu', { gpus: 1 });
    const registeredResources = {
      cpu: 4096,
      memory: 8192,
      ports: [],
      portsUdp: [],
      gpuIds: ['x', 'y'],
    };
    await world.host('a', { registeredResources });
    const first = await leader();
    const place = (scheduler: Scheduler): Promise<PlaceResponse> =>
      scheduler.client.Place(
        request({ taskDefinition: 'gpu:1', count: 1, owner: 'run/1', service: undefined }),
      );
    const gpus = ({ tasks }: PlaceResponse) => tasks.map(({ reserved }) => reserved?.gpuIds);
    const answer = await place(first);
    assert.deepEqual(gpus(answer), [['x']]);
    await first.role.stop(1000);
    const second = await leader();
    assert.deepEqual(gpus(await place(second)), [['y']]);
    const refused = await place(second);
    assert.equal(refused.unplaced[0]?.refusals[0]?.reason, 'RESOURCE:GPU');
    const [task] = answer.tasks;
    assert.ok(task);
    await world.status(task, 'STOPPED');
    assert.deepEqual(gpus(await place(second)), [['x']]);
  });

  it('puts a DAEMON service on the hosts that are named, one task each', async () => {
    const { client } = await leader();
    for (const id of ['a', 'b', 'c']) await world.host(id);
    const answer = await client.Place(request({ hostIds: ['a', 'c'], count: 2 }));
    assert.deepEqual(held(answer), { a: 1, c: 1 });
  });

  it('waits for what its caller has seen', async () => {
    const { client, store } = await leader();
    await world.host('a');
    store.partition();
    await world.definition('late');
    const answer = client.Place(request({ taskDefinition: 'late:1', count: 1 }));
    store.heal();
    assert.equal((await answer).tasks.length, 1);
  });

  const bad: [name: string, request: Partial<PlaceRequest>, code: string][] = [
    ['no task', { count: 0 }, 'InvalidParameterException'],
    ['too many tasks', { count: 1001 }, 'InvalidParameterException'],
    ['nobody as the owner', { owner: '' }, 'InvalidParameterException'],
    ['an unknown task definition', { taskDefinition: 'web:2' }, 'ClientException'],
    ['a name that is no revision', { taskDefinition: 'web' }, 'ClientException'],
    [
      'an expression that can not be read',
      { placementConstraints: [{ type: 'memberOf', expression: 'cpu > 3' }] },
      'InvalidParameterException',
    ],
  ];
  it('refuses bad requests and leaves everything as it was', async () => {
    const { client } = await leader();
    await world.host('a');
    for (const [name, request_, code] of bad) {
      assert.equal((await refused(client.Place(request(request_)))).code, code, name);
    }
    assert.deepEqual(await stored(), []);
  });

  it('answers nobody but the control plane', async () => {
    const { client } = await start('host');
    assert.equal((await refused(client.Place(request()))).code, 'AccessDeniedException');
    assert.equal(
      (await refused(client.Explain({ place: request() }))).code,
      'AccessDeniedException',
    );
  });
});
