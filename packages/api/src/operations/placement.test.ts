// Explaining placements and making decisions again, with a real scheduler over the memory store.
import assert from 'node:assert/strict';

import { type ErrorCode, isBerthError } from '@berth/model/errors.ts';
import type {
  ExplainPlacementRequest,
  PlaceRequest,
  PlacementDecisionRecord,
  ReplayPlacementResponse,
} from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { connect, type Connection } from '@berth/rpc/client.ts';
import type { Client } from '@berth/rpc/api.ts';
import { testIdentity } from '@berth/rpc/testing/fixtures.ts';
import { startScheduler } from '@berth/scheduler/start.ts';
import { placeRequest, World } from '@berth/scheduler/testing.ts';
import { collections } from '@berth/store/keys.ts';
import type { ListWatchCache } from '@berth/store/state-cache.ts';
import { realClock, silent, until } from '@berth/store/testing/time.ts';
import { Registry } from 'prom-client';

import { explainPlacement } from './explain-placement.ts';
import { replayPlacement } from './placement-decisions.ts';
import { predictPlacement } from './predict-placement.ts';

const realm = { region: 'local', account: '000000000000' };
const CLUSTER = 'default';

describe('placement, asked about', function () {
  this.timeout(60_000);
  let world: World;
  let cache: ListWatchCache;
  let client: Client<'Scheduler'>;
  let connection: Connection;
  let stop: () => Promise<void>;
  let leading: Awaited<ReturnType<World['process']>>;

  beforeEach(async () => {
    world = new World();
    const tls = await testIdentity('control', 'test');
    leading = await world.process();
    const options = { ...leading, tls, leaseSeconds: 10, listen: '127.0.0.1:0' };
    const role = await startScheduler(
      { ...options, advertise: 'localhost:0' },
      { clock: realClock, random: Math.random, logger: silent, metrics: new Registry() },
    );
    connection = connect({ addresses: [role.address], tls });
    client = connection.client('Scheduler');
    stop = () => role.stop(1000);
    ({ cache } = await world.process());
    await until('it leads', () => cache.get(collections.leader, 'scheduler') !== undefined);
    const cluster = complete('ClusterRecord', { name: CLUSTER, status: 'ACTIVE' });
    await world.put(collections.clusters, [CLUSTER], cluster);
    await world.definition('web', { memory: 512 });
    await active('web');
  });

  afterEach(async () => {
    connection.close();
    await stop();
    world.end();
  });

  async function active(family: string): Promise<void> {
    await caughtUp();
    const found = cache.get(collections.taskDefinitions, family, '1')?.value;
    assert.ok(found);
    await world.put(collections.taskDefinitions, [family, '1'], { ...found, status: 'ACTIVE' });
  }

  const caughtUp = (): Promise<void> => cache.reached(world.store.revision, world.signal);
  const deps = () => ({
    cache,
    realm,
    store: world.store,
    clock: realClock,
    freshen: caughtUp,
    schedulerExplain: (request: object) => client.Explain(request),
  });
  const ask = (request: Partial<ExplainPlacementRequest>) =>
    explainPlacement(deps() as never, complete('ExplainPlacementRequest', request), world.signal);
  const replay = (decision: string): Promise<ReplayPlacementResponse> =>
    replayPlacement(deps() as never, { cluster: CLUSTER, decision }, world.signal);
  const place = (more: Partial<PlaceRequest> = {}) =>
    client.Place(placeRequest({ viewRevision: world.store.revision, ...more }));

  async function service(name: string, change: object = {}): Promise<void> {
    const record = complete('ServiceRecord', {
      cluster: CLUSTER,
      name,
      status: 'ACTIVE',
      desiredCount: 3,
      schedulingStrategy: 'REPLICA',
      deploymentId: 'ecs-svc/1',
      taskDefinition: 'web:1',
      ...change,
    });
    await world.put(collections.services, [CLUSTER, name], record);
  }

  async function refused(act: Promise<unknown>, code: ErrorCode, text: RegExp): Promise<void> {
    const before = world.store.revision;
    const error = await act.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(isBerthError(error, code), String(error));
    assert.match(error.message, text);
    assert.equal(world.store.revision, before);
  }

  it('says of a service what the controller would be told', async () => {
    await world.host('a', {
      registeredResources: { cpu: 4096, memory: 300, ports: [], portsUdp: [], gpuIds: [] },
    });
    await world.host('b', { status: 'DRAINING' });
    await service('web', {
      placementConstraints: [{ type: 'memberOf', expression: 'attribute:stack == prod' }],
    });
    const answer = await ask({ service: 'web' });
    assert.deepEqual(
      answer.hosts.map(({ hostName, reason }) => `${hostName} ${reason ?? ''}`),
      ['host-a RESOURCE:MEMORY', 'host-b DRAINING'],
    );
    assert.equal(answer.group, 'service:web');
    assert.equal(answer.asked?.memory, 512);
    assert.equal(answer.placementConstraints.length, 1);
    assert.equal(
      answer.remedy?.text,
      'end the draining and set attribute stack=prod on host host-b',
    );
  });

  it('says of a DAEMON service which hosts have their task', async () => {
    for (const id of ['a', 'b']) await world.host(id);
    await service('web', { schedulingStrategy: 'DAEMON' });
    await place({ count: 1, hostIds: ['a'] });
    const answer = await ask({ service: 'web' });
    assert.deepEqual(answer.servedHostIds, ['a']);
    assert.deepEqual(
      answer.hosts.map(({ hostId, fits }) => [hostId, fits]),
      [['b', true]],
    );
    await place({ count: 1, hostIds: ['b'] });
    assert.deepEqual((await ask({ service: 'web' })).hosts, []);
  });

  it('says of a task what placed it, and that it does not stand in its own way', async () => {
    await world.host('a');
    await world.definition('fixed', { memory: 5000, ports: [8080] });
    await active('fixed');
    const constraints = [{ type: 'memberOf' as const, expression: 'attribute:x not_exists' }];
    const { tasks } = await place({
      taskDefinition: 'fixed:1',
      count: 1,
      service: undefined,
      owner: 'run/x/y',
      group: 'family:fixed',
      placementConstraints: constraints,
    });
    const [task] = tasks;
    assert.ok(task);
    const answer = await ask({ task: task.id });
    assert.deepEqual(
      answer.hosts.map(({ fits }) => fits),
      [true],
    );
    assert.deepEqual(answer.placementConstraints, constraints);
    assert.equal(answer.decision?.placed, 1);
    assert.equal(answer.rulesForgotten, false);
    assert.ok((await replay(answer.decision.id)).same);
    const started = await ask({ run: complete('RunTaskRequest', { taskDefinition: 'fixed:1' }) });
    assert.equal(started.hosts[0]?.reason, 'RESOURCE:MEMORY');
    await world.delete(collections.placementDecisions, CLUSTER, answer.decision.id);
    const later = await ask({ task: task.id });
    assert.equal(later.decision, undefined);
    assert.ok(later.rulesForgotten);
  });

  it('refuses what makes no sense, as ECS does', async () => {
    await service('gone', { status: 'INACTIVE' });
    await refused(ask({}), 'InvalidParameterException', /exactly one of/);
    await refused(ask({ service: 'x', task: 'y' }), 'InvalidParameterException', /exactly one of/);
    await refused(ask({ service: 'none' }), 'ServiceNotFoundException', /none/);
    await refused(ask({ service: 'gone' }), 'ServiceNotActiveException', /INACTIVE/);
    await refused(ask({ cluster: 'x', service: 'a' }), 'ClusterNotFoundException', /"x"/);
    await refused(ask({ task: 'ab' }), 'InvalidParameterException', /task was not found/);
    const run = (more: object) =>
      ask({ run: complete('RunTaskRequest', { taskDefinition: 'web:1', ...more }) });
    await refused(run({ taskDefinition: 'none' }), 'ClientException', /TaskDefinition not found/);
    const bad = [{ type: 'memberOf', expression: 'attribute:x = 1' }];
    await refused(run({ placementConstraints: bad }), 'InvalidParameterException', /col/i);
    await refused(replay('none'), 'InvalidParameterException', /decision was not found/);
    await refused(replay('../x'), 'InvalidParameterException', /decision was not found/);
    const predict = (request: object) =>
      predictPlacement(deps() as never, complete('PredictPlacementRequest', request), world.signal);
    await refused(predict({}), 'InvalidParameterException', /exactly one of/);
    await refused(predict({ drain: 'x' }), 'InvalidParameterException', /container instance/);
    await refused(predict({ lose: ['x'] }), 'InvalidParameterException', /container instance/);
    const scale = (desiredCount: number) => predict({ scale: { service: 'web', desiredCount } });
    await refused(scale(1), 'ServiceNotFoundException', /web/);
    await service('web');
    await refused(scale(-1), 'InvalidParameterException', /desiredCount is -1/);
    const deploy = { service: 'web', taskDefinition: 'none' };
    await refused(predict({ deploy }), 'ClientException', /TaskDefinition not found/);
    await service('each', { schedulingStrategy: 'DAEMON' });
    const daemon = { service: 'each', desiredCount: 2 };
    await refused(predict({ scale: daemon }), 'InvalidParameterException', /DAEMON/);
  });

  it('makes every decision again, whatever came in between, until etcd has forgotten', async () => {
    const strategies = [
      [],
      [{ type: 'random' as const }],
      [{ type: 'binpack' as const, field: 'memory' }],
    ];
    const gpuIds = ['a', 'b', 'c', 'd', 'e', 'f'];
    const registeredResources = { cpu: 4096, memory: 8192, ports: [], portsUdp: [], gpuIds };
    for (let index = 0; index < 8; index += 1) {
      const zone = { name: 'ecs.availability-zone', value: 'abc'[index % 3] };
      await world.host(`h${index}`, { attributes: [zone], registeredResources });
    }
    await world.definition('gpu', { gpus: 1 });
    for (let round = 0; round < 6; round += 1) {
      // The scheduler's view stands still meanwhile: those behind see tasks that it does not show yet.
      await leading.cache.reached(world.store.revision, world.signal);
      const seen = Promise.withResolvers<undefined>();
      leading.store.faults.before = (operation) =>
        operation === 'deliver' ? seen.promise : Promise.resolve();
      const answers = await Promise.all(
        Array.from({ length: 5 }, (_, at) =>
          place({
            count: 1 + ((round * 5 + at * 3) % 7),
            owner: `ecs-svc/${at}`,
            service: `s${at}`,
            group: `service:s${at}`,
            placementStrategy: strategies[at % 3] ?? [],
            ...(at === 4 ? { taskDefinition: 'gpu:1' } : {}),
          }),
        ),
      );
      leading.store.faults.before = undefined;
      seen.resolve(undefined);
      const [victim] = answers.flatMap(({ tasks }) => tasks);
      if (victim) {
        await world.put(collections.tasks, [CLUSTER, victim.id], {
          ...victim,
          desiredStatus: 'STOPPED',
        });
        if (round % 2 === 0) await world.status(victim, 'STOPPED');
      }
      if (round === 3) await world.host('h1', { status: 'DRAINING' });
      if (round === 4) await world.delete(collections.sessions, 'host', 'h2');
    }
    await place({ count: 900, owner: 'ecs-svc/many' });
    await caughtUp();
    const decisions: PlacementDecisionRecord[] = Array.from(
      cache.list(collections.placementDecisions, CLUSTER),
      ({ value }) => value,
    );
    assert.equal(decisions.length, 31);
    assert.ok(decisions.some(({ ownRevision }) => ownRevision > 0));
    for (const decision of decisions) {
      const { same, hostIds, hosts, impossible } = await replay(decision.id);
      assert.equal(impossible, undefined);
      assert.ok(same, JSON.stringify(decision));
      assert.equal(hostIds.length, decision.placed);
      assert.equal(hosts.length, new Set(hostIds).size);
    }
    world.store.compact();
    const [first] = decisions.sort((a, b) => (a.id < b.id ? -1 : 1));
    assert.ok(first);
    const answer = await replay(first.id);
    assert.match(answer.impossible ?? '', /^etcd has compacted revision \d+/);
  });
});
