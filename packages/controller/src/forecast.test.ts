// What is predicted is what then happens: the forecast, then the same change with a real scheduler and the controller, over the
// memory store and with scripted agents and proxies.
import assert from 'node:assert/strict';

import { predictPlacement } from '@berth/api/operations/predict-placement.ts';
import type {
  PredictPlacementRequest,
  PredictPlacementResponse,
  ServiceRecord,
} from '@berth/model/generated/messages.ts';
import { KeyRing } from '@berth/process/key-ring.ts';
import type { Role } from '@berth/process/role.ts';
import { complete } from '@berth/rpc/codec.ts';
import { testIdentity } from '@berth/rpc/testing/fixtures.ts';
import { startScheduler } from '@berth/scheduler/start.ts';
import { collections } from '@berth/store/keys.ts';
import { realClock, silent, until } from '@berth/store/testing/time.ts';
import { Registry } from 'prom-client';

import { startController } from './start.ts';
import { CLUSTER, TestCluster } from './testing.ts';

const SPREAD = { type: 'spread', field: 'attribute:ecs.availability-zone' } as const;
const PACK = { type: 'binpack', field: 'memory' } as const;

describe('a prediction', function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  const roles: Role[] = [];

  beforeEach(async () => {
    cluster = new TestCluster();
    await cluster.begin();
    const active = complete('ClusterRecord', { name: CLUSTER, status: 'ACTIVE' });
    await cluster.put(collections.clusters, [CLUSTER], active);
    for (const id of ['h4', 'h5', 'h6', 'h7']) await cluster.host(id);
    for (const [index, id] of ['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'h7'].entries()) {
      await setZone(id, 'abc'.charAt(index % 3));
    }
    await start();
  });

  afterEach(async () => {
    await stop();
    await cluster.end();
  });

  async function stop(): Promise<void> {
    for (const role of roles.splice(0).reverse()) await role.stop(2_000);
  }

  async function setZone(id: string, value: string): Promise<void> {
    const host = cluster.cache.get(collections.hosts, CLUSTER, id)?.value;
    assert.ok(host);
    const attributes = [{ name: 'ecs.availability-zone', value }];
    await cluster.put(collections.hosts, [CLUSTER, id], { ...host, attributes });
  }

  /** An eighth host, where nothing runs yet. */
  async function join(zone: string): Promise<void> {
    await cluster.host('h8');
    await setZone('h8', zone);
  }

  async function start({ rebalanceOntoHosts = false } = {}): Promise<void> {
    const around = { clock: realClock, random: Math.random, logger: silent };
    const store = cluster.store.peer();
    const cache = await cluster.openCache(store);
    const common = { store, cache, leaseSeconds: 10 };
    const tls = await testIdentity('control', 'test');
    roles.push(
      await startScheduler(
        { ...common, tls, listen: '127.0.0.1:0', advertise: 'localhost:0' },
        { ...around, metrics: new Registry() },
      ),
      await startController(
        {
          ...common,
          tls,
          hostLostAfterMs: 200,
          proxyLostAfterMs: 1,
          holder: 'test',
          rebalanceOntoHosts,
          realm: { region: 'local', account: '000000000000' },
          sealer: KeyRing.create(),
        },
        { ...around, metrics: new Registry() },
      ),
    );
  }

  async function service(name: string, change: Partial<ServiceRecord>): Promise<void> {
    await cluster.createService(name, change);
    await steady(name);
  }

  const steady = (name: string): Promise<void> =>
    until(`${name} is steady`, () => cluster.isSteady(name));

  async function predict(
    request: Partial<PredictPlacementRequest>,
  ): Promise<PredictPlacementResponse> {
    const before = cluster.store.revision;
    const { cache } = cluster;
    const deps = { cache, clock: realClock, freshen: () => Promise.resolve() };
    const realm = { region: 'local', account: '000000000000' };
    const asked = complete('PredictPlacementRequest', { cluster: CLUSTER, ...request });
    const answer = await predictPlacement({ ...deps, realm } as never, asked, cluster.signal);
    assert.equal(cluster.store.revision, before, 'a prediction wrote something');
    assert.ok(answer.settled);
    return answer;
  }

  /** Where the tasks of a service run. */
  const hosts = (name: string): string[] =>
    cluster
      .active(name)
      .map(({ hostId }) => hostId)
      .sort();

  async function setStatus(id: string, status: 'ACTIVE' | 'DRAINING'): Promise<void> {
    const host = cluster.cache.get(collections.hosts, CLUSTER, id)?.value;
    assert.ok(host);
    await cluster.put(collections.hosts, [CLUSTER, id], { ...host, status });
  }

  /** Where they will run. */
  function foreseen(name: string, { tasks }: PredictPlacementResponse): string[] {
    const left = hosts(name);
    for (const { change, service: of, hostId } of tasks) {
      if (of !== name) continue;
      if (change === 'START') left.push(hostId);
      else {
        const at = left.indexOf(hostId);
        assert.ok(at >= 0, `a task is to leave ${hostId}, where there is none`);
        left.splice(at, 1);
      }
    }
    return left.sort();
  }

  it('of a new revision is where its tasks go', async () => {
    await service('web', { desiredCount: 7, placementStrategy: [SPREAD, PACK] });
    const answer = await predict({ deploy: { service: 'web', taskDefinition: 'app:2' } });
    assert.ok(answer.exact);
    assert.equal(answer.services[0]?.runningLeast, 7);
    const expected = foreseen('web', answer);
    await cluster.updateService('web', { taskDefinition: 'app:2' });
    await steady('web');
    assert.deepEqual(hosts('web'), expected);
  });

  it('of a scaled service is where tasks come and go', async () => {
    await service('web', { desiredCount: 3 });
    for (const desiredCount of [11, 4]) {
      const answer = await predict({ scale: { service: 'web', desiredCount } });
      assert.ok(answer.exact);
      const expected = foreseen('web', answer);
      assert.equal(expected.length, desiredCount);
      await cluster.updateService('web', { desiredCount });
      await steady('web');
      assert.deepEqual(hosts('web'), expected);
    }
  });

  it('of a drained host is where its tasks go, whoever comes first', async () => {
    await service('web', { desiredCount: 9, placementStrategy: [SPREAD] });
    await service('other', { desiredCount: 8 });
    await service('agent', { schedulingStrategy: 'DAEMON', desiredCount: 7 });
    const answer = await predict({ drain: 'h2' });
    assert.ok(answer.exact);
    const names = ['web', 'other', 'agent'];
    const expected = names.map((name) => foreseen(name, answer));
    const moving = answer.tasks.filter(({ change }) => change === 'STOP');
    assert.ok(moving.every(({ hostId }) => hostId === 'h2'));
    assert.ok(moving.length >= 2);
    await setStatus('h2', 'DRAINING');
    await until('h2 is empty', () => names.every((name) => !hosts(name).includes('h2')));
    await steady('web');
    await steady('other');
    assert.deepEqual(names.map(hosts), expected);
  });

  it('of lost hosts is where their tasks are started anew', async () => {
    await service('web', { desiredCount: 9, placementStrategy: [PACK], loadBalancers: [] });
    const gone = hosts('web')[0] ?? '';
    const answer = await predict({ lose: [gone] });
    const expected = foreseen('web', answer);
    assert.ok(answer.tasks.some(({ change, taskId }) => change === 'LOST' && taskId));
    assert.equal(answer.services[0]?.runningAfter, 9);
    await cluster.delete(collections.sessions, 'host', gone);
    await until('all run elsewhere', () => {
      const now = hosts('web');
      return now.length === 9 && !now.includes(gone);
    });
    assert.deepEqual(hosts('web'), expected);
  });

  it('of a service that shifts traffic is where its tasks go, and says what it knows nothing of', async () => {
    const deploymentConfiguration = complete('DeploymentConfiguration', {
      strategy: 'LINEAR',
      linearConfiguration: { stepPercent: 50, stepBakeTimeInSeconds: 1 },
    });
    await service('web', { desiredCount: 4, loadBalancers: [], deploymentConfiguration });
    const answer = await predict({ deploy: { service: 'web', taskDefinition: 'app:2' } });
    assert.deepEqual(answer.leftOut, [
      'the steps and times of shifts of traffic',
      'health checks of containers',
    ]);
    assert.equal(answer.services[0]?.runningAfter, 4);
    const expected = foreseen('web', answer);
    await cluster.updateService('web', { taskDefinition: 'app:2' });
    await steady('web');
    assert.deepEqual(hosts('web'), expected);
  });

  it('of balance over zones is what is moved once it is asked for', async () => {
    await service('web', { desiredCount: 9, loadBalancers: [] });
    const before = await predict({ rebalance: { ontoHosts: false } });
    assert.deepEqual(before.tasks, []);
    for (const id of ['h2', 'h5']) await setStatus(id, 'DRAINING');
    await until('zone b is empty', () => !hosts('web').some((id) => id === 'h2' || id === 'h5'));
    await steady('web');
    for (const id of ['h2', 'h5']) await setStatus(id, 'ACTIVE');
    assert.deepEqual((await predict({ rebalance: { ontoHosts: false } })).tasks, []);
    const answer = await predict({ rebalance: { service: 'web', ontoHosts: false } });
    const moved = answer.tasks.filter(({ change }) => change === 'START');
    assert.deepEqual(new Set(moved.map(({ zone }) => zone)), new Set(['b']));
    assert.equal(answer.services[0]?.runningLeast, 9);
    const expected = foreseen('web', answer);
    await cluster.updateService('web', { availabilityZoneRebalancing: 'ENABLED' });
    await until('the zones are even', () => {
      const there = hosts('web').filter((id) => id === 'h2' || id === 'h5');
      return there.length === 3 && cluster.isSteady('web');
    });
    assert.deepEqual(hosts('web'), expected);
    const ontoHosts = await predict({ rebalance: { service: 'web', ontoHosts: true } });
    assert.equal(ontoHosts.services[0]?.runningLeast ?? 9, 9);
  });

  it('of balance onto a host that joined is what a controller with --rebalance-onto-hosts moves', async () => {
    const spread = [SPREAD, { type: 'spread', field: 'instanceId' }] as const;
    await service('web', { desiredCount: 14, loadBalancers: [], placementStrategy: spread });
    await service('packed', { desiredCount: 6, placementStrategy: [PACK] });
    await join('c');
    assert.deepEqual((await predict({ rebalance: { ontoHosts: false } })).tasks, []);
    const answer = await predict({ rebalance: { ontoHosts: true } });
    assert.ok(answer.exact);
    const started = answer.tasks.filter(({ change }) => change === 'START');
    assert.ok(started.length >= 1);
    for (const { hostId, service: of } of started) assert.deepEqual([hostId, of], ['h8', 'web']);
    assert.equal(answer.services[0]?.runningLeast, 14);
    const names = ['web', 'packed'];
    const expected = names.map((name) => foreseen(name, answer));
    await stop();
    await start({ rebalanceOntoHosts: true });
    await until('the host that joined has its share', () => {
      const there = hosts('web').filter((id) => id === 'h8');
      return there.length === started.length && names.every((name) => cluster.isSteady(name));
    });
    assert.deepEqual(names.map(hosts), expected);
    assert.deepEqual((await predict({ rebalance: { ontoHosts: true } })).tasks, []);
  });

  it('of balance onto a host that joined in a zone of its own is what is moved there', async () => {
    await service('web', { desiredCount: 9, loadBalancers: [] });
    await join('d');
    const answer = await predict({ rebalance: { service: 'web', ontoHosts: false } });
    assert.ok(answer.exact);
    const started = answer.tasks.filter(({ change }) => change === 'START');
    assert.deepEqual(
      started.map(({ hostId, zone }) => [hostId, zone]),
      started.map(() => ['h8', 'd']),
    );
    const expected = foreseen('web', answer);
    await cluster.updateService('web', { availabilityZoneRebalancing: 'ENABLED' });
    await until('the zones are even', () => {
      const there = hosts('web').filter((id) => id === 'h8');
      return there.length === started.length && cluster.isSteady('web');
    });
    assert.equal(started.length, 2);
    assert.deepEqual(hosts('web'), expected);
  });

  it('says what will find no host', async () => {
    await service('web', { desiredCount: 3, loadBalancers: [] });
    await cluster.put(
      collections.taskDefinitions,
      ['app', '4'],
      complete('TaskDefinitionRecord', {
        family: 'app',
        revision: 4,
        status: 'ACTIVE',
        containerDefinitions: [{ name: 'web', image: 'web', memory: 3000 }],
      }),
    );
    const fits = await predict({ deploy: { service: 'web', taskDefinition: 'app:4' } });
    assert.deepEqual(fits.services[0]?.runningAfter, 3);
    const answer = await predict({ scale: { service: 'web', desiredCount: 1000 } });
    const [web] = answer.services;
    assert.equal(web?.runningAfter, 7 * 64);
    assert.equal(web.unplaced?.count, 1000 - 7 * 64);
    assert.ok(answer.hosts.every(({ memoryFreeAfter }) => memoryFreeAfter === 0));
  });
});
