import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { ServiceRecord, TaskSetRecord } from '../../generated/messages.ts';
import { computedDesiredCount } from '../../resources/task-set.ts';
import { isSame } from '../equal.ts';
import { placeRequest } from '../place-request.ts';
import { afterPlacement } from '../placed.ts';
import { planDeployment } from '../plan.ts';
import { groupRecord, World } from '../testing.ts';

const EXTERNAL: Partial<ServiceRecord> = {
  deploymentController: 'EXTERNAL',
  deploymentId: '',
  taskDefinition: '',
};

function external(change: Partial<ServiceRecord> = {}): World {
  return new World({ ...EXTERNAL, ...change });
}

function put(world: World, id: string, scale: number, change: Partial<TaskSetRecord> = {}): void {
  const before = world.taskSets.get(id);
  world.taskSets.set(id, {
    cluster: 'c',
    service: 's',
    id,
    createdAt: world.now,
    taskDefinition: 'app:1',
    loadBalancers: [],
    tags: [],
    ...before,
    updatedAt: world.now,
    scale: { value: scale, unit: 'PERCENT' },
    ...change,
  });
}

/** Active tasks by their set. */
function counts(world: World): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { task } of world.active()) found[task.owner] = (found[task.owner] ?? 0) + 1;
  return found;
}

function turns(world: World, count = 4): void {
  for (let turn = 0; turn < count; turn += 1) {
    world.settle();
    world.turn();
  }
  world.settle();
}

describe('computed desired count of a task set', () => {
  const cases = [
    [4, 50, 2],
    [4, 51, 3],
    [4, 0, 0],
    [4, 100, 4],
    [1, 0.1, 1],
    [100, 7, 7],
    [100, 11, 11],
    [1000, 1.1, 11],
    [0, 100, 0],
  ] as const;
  for (const [desired, value, count] of cases) {
    it(`${value} percent of ${desired} are ${count}`, () => {
      assert.equal(computedDesiredCount(desired, { scale: { value } }), count);
    });
  }

  it('is at least the exact share, at most one more, and nothing once the set is deleted', () => {
    fc.assert(
      fc.property(fc.nat({ max: 100_000 }), fc.nat({ max: 1000 }), (desired, tenths) => {
        const scale = { value: tenths / 10 };
        const count = computedDesiredCount(desired, { scale });
        assert.equal(count, Math.floor((desired * tenths + 999) / 1000));
        assert.equal(computedDesiredCount(desired, { scale, deletedAt: 1 }), 0);
      }),
    );
  });
});

describe('task sets', () => {
  it('have each their share, and become steady with it', () => {
    const world = external({ desiredCount: 4 });
    put(world, 'ecs-svc/1', 100);
    turns(world);
    put(world, 'ecs-svc/2', 25, { taskDefinition: 'app:2' });
    world.settle();
    const [newest, first] = world.record?.taskSets ?? [];
    assert.deepEqual(
      [newest?.id, newest?.stabilityStatus, first?.stabilityStatus],
      ['ecs-svc/2', 'STABILIZING', 'STEADY_STATE'],
    );
    turns(world);
    assert.deepEqual(counts(world), { 'ecs-svc/1': 4, 'ecs-svc/2': 1 });
    assert.ok(world.record?.taskSets.every((set) => set.stabilityStatus === 'STEADY_STATE'));
    assert.deepEqual(world.record?.deployments, []);
    assert.ok(
      world.messages.includes('(service s, taskSet ecs-svc/2) updated state to STEADY_STATE.'),
    );
    assert.ok(world.messages.includes('(service s) has reached a steady state.'));
  });

  it('follow their scale and the desired count of the service', () => {
    const world = external({ desiredCount: 4 });
    put(world, 'ecs-svc/1', 100);
    turns(world);
    put(world, 'ecs-svc/1', 50);
    world.settle();
    assert.deepEqual(counts(world), { 'ecs-svc/1': 2 });
    assert.ok(
      world.messages.some((message) =>
        message.startsWith('(service s, taskSet ecs-svc/1) has stopped 2 running tasks: '),
      ),
    );
    world.update({ desiredCount: 7 });
    turns(world);
    assert.deepEqual(counts(world), { 'ecs-svc/1': 4 });
    assert.deepEqual(
      world.messages.filter((message) => message.includes('computedDesiredCount')),
      [4, 2, 4].map(
        (count) => `(service s) updated computedDesiredCount for taskSet ecs-svc/1 to ${count}.`,
      ),
    );
  });

  it('replace what is sick before they stop it, by their own revision', () => {
    const world = external({ desiredCount: 2 });
    world.define('app:1', { healthCheck: { command: ['CMD', 'ok'] } });
    put(world, 'ecs-svc/1', 100);
    world.settle();
    world.run();
    for (const { task } of world.active()) world.containerHealth(task.id, 'HEALTHY');
    world.settle();
    world.containerHealth('t001', 'UNHEALTHY');
    world.settle();
    assert.deepEqual(counts(world), { 'ecs-svc/1': 3 });
    world.run();
    world.containerHealth('t003', 'HEALTHY');
    world.settle();
    assert.deepEqual(
      world.active().map(({ task }) => task.id),
      ['t002', 't003'],
    );
    assert.equal(world.task('t001').task.stoppedReason, 'Task failed container health checks');
  });

  it('register their tasks with their own target groups and drain them before they go', () => {
    const world = external({ desiredCount: 2 });
    for (const name of ['blue', 'green']) world.groups.set(name, groupRecord(name));
    world.proxies = ['p1'];
    const to = (group: string) => [
      { targetGroupArn: group, containerName: 'web', containerPort: 80 },
    ];
    put(world, 'ecs-svc/1', 100, { loadBalancers: to('blue') });
    put(world, 'ecs-svc/2', 50, { loadBalancers: to('green') });
    turns(world);
    const groups = (): string[] =>
      [...world.tasks.values()].flatMap(({ targets }) =>
        [...targets.values()].map(({ record }) => `${record.group} ${record.state}`),
      );
    assert.deepEqual(groups().sort(), ['blue REGISTERED', 'blue REGISTERED', 'green REGISTERED']);
    put(world, 'ecs-svc/1', 100, { deletedAt: world.now });
    world.settle();
    assert.deepEqual(groups().sort(), ['blue DRAINING', 'blue DRAINING', 'green REGISTERED']);
    assert.ok(world.taskSets.has('ecs-svc/1'));
    const ending = [...world.tasks.values()].filter(({ task }) => task.owner === 'ecs-svc/1');
    world.stopEnding();
    for (const { task, status } of ending) {
      assert.equal(task.stoppedReason, 'Scaling activity initiated by (deployment ecs-svc/1)');
      assert.equal(status?.lastStatus, 'RUNNING');
    }
    turns(world);
    assert.deepEqual(groups(), ['green REGISTERED']);
    assert.deepEqual([...world.taskSets.keys()], ['ecs-svc/2']);
    assert.deepEqual(
      world.record?.taskSets.map(({ id }) => id),
      ['ecs-svc/2'],
    );
  });

  it('keep what is protected from scale-in, and say so', () => {
    const world = external({ desiredCount: 2 });
    put(world, 'ecs-svc/1', 100);
    turns(world);
    for (const each of world.active()) {
      each.task = { ...each.task, protectedUntil: world.now + 600_000 };
    }
    put(world, 'ecs-svc/1', 0);
    world.settle();
    assert.deepEqual(counts(world), { 'ecs-svc/1': 2 });
    assert.ok(
      world.messages.includes(
        '(service s) was unable to reach steady state because (taskSet ecs-svc/1) was unable to scale in due to (reason 2 tasks under protection)',
      ),
    );
    world.now += 600_000;
    turns(world);
    assert.deepEqual(counts(world), {});
  });

  it('leave a DRAINING host, and are not steady until they have', () => {
    const world = external({ desiredCount: 3 });
    put(world, 'ecs-svc/1', 100);
    turns(world);
    world.drainHost('h1');
    world.settle();
    assert.equal(world.record?.taskSets[0]?.stabilityStatus, 'STABILIZING');
    turns(world);
    assert.ok(world.active().every(({ task }) => task.hostId !== 'h1'));
    assert.equal(world.record?.taskSets[0]?.stabilityStatus, 'STEADY_STATE');
  });

  it('are launched less and less often while their tasks do not come up', () => {
    const world = external({ desiredCount: 1 });
    put(world, 'ecs-svc/1', 100);
    for (let round = 0; round < 4; round += 1) {
      world.settle();
      for (const { task } of world.active()) world.crash(task.id);
      world.settle();
      world.now = Math.max(world.now, world.record?.taskSets[0]?.nextLaunchAt ?? 0);
    }
    assert.equal(world.record?.taskSets[0]?.launchFailures, 4);
    assert.ok(
      world.messages.some((message) => message.includes('is unable to consistently start tasks')),
    );
  });

  it('that were forgotten with a lost host are stopped when it comes back, and nothing is written twice meanwhile', () => {
    const world = external({ desiredCount: 2 });
    put(world, 'ecs-svc/1', 100);
    turns(world);
    for (const id of world.hosts.keys())
      world.changeHost(id, { connected: false, goneSince: world.now });
    put(world, 'ecs-svc/1', 100, { deletedAt: world.now });
    world.now += 20_000;
    world.settle();
    assert.equal(world.taskSets.size, 0);
    for (const id of world.hosts.keys()) world.changeHost(id, { connected: true });
    for (let look = 0; look < 3; look += 1) {
      world.settle();
      world.now += 1_000;
      assert.equal(world.step(), false);
    }
    assert.deepEqual(counts(world), {});
    turns(world);
    assert.deepEqual(world.record?.taskSets, []);
  });

  it('go with their service', () => {
    const world = external({ desiredCount: 2 });
    put(world, 'ecs-svc/1', 100);
    turns(world);
    world.update({ status: 'DRAINING', desiredCount: 0 });
    turns(world);
    assert.equal(world.service?.status, 'INACTIVE');
    assert.equal(world.taskSets.size, 0);
    assert.equal(world.record, undefined);
  });

  it('are placed with their own launch settings, by the rules of the service', () => {
    const world = external({ desiredCount: 2, placementStrategy: [{ type: 'random' }] });
    put(world, 'ecs-svc/1', 100, {
      launch: { launchType: 'EXTERNAL', capacityProviderStrategy: [] },
    });
    const request = placeRequest({
      cluster: 'c',
      name: 's',
      service: world.service,
      deployments: [],
      taskSet: world.taskSets.get('ecs-svc/1'),
      definition: undefined,
      start: { deploymentId: 'ecs-svc/1', taskDefinition: 'app:1', count: 2 },
      revision: 1,
    });
    assert.deepEqual(
      [request.owner, request.startedBy, request.group, request.launchType, request.loadBalanced],
      ['ecs-svc/1', 'ecs-svc/1', 'service:s', 'EXTERNAL', false],
    );
    assert.deepEqual(request.placementStrategy, [{ type: 'random' }]);
    world.settle();
    assert.ok(world.record);
    const start = { deploymentId: 'ecs-svc/1', taskDefinition: 'app:1', count: 1, replacing: 0 };
    const news = afterPlacement(
      world.record,
      { start, taskIds: ['t009'], unplaced: [], underWay: false, due: true },
      world.now,
    );
    assert.deepEqual(
      news.events.map(({ message }) => message),
      ['(service s, taskSet ecs-svc/1) has started 1 tasks: (task t009).'],
    );
  });

  it('whatever happens, none grows beyond twice its count, a plan carried out twice is carried out once, and all ends well', () => {
    const deed = fc.oneof(
      fc.record({
        kind: fc.constant('scale' as const),
        id: fc.nat({ max: 2 }),
        to: fc.constantFrom(0, 10, 50, 100),
      }),
      fc.record({ kind: fc.constant('delete' as const), id: fc.nat({ max: 2 }), to: fc.nat() }),
      fc.record({
        kind: fc.constant('desired' as const),
        id: fc.nat(),
        to: fc.nat({ max: 6 }),
      }),
      fc.record({
        kind: fc.constantFrom('turn' as const, 'run' as const, 'crash' as const, 'drain' as const),
        id: fc.nat({ max: 20 }),
        to: fc.nat(),
      }),
    );
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 30 }), (deeds) => {
        const world = external({ desiredCount: 3 });
        for (const { kind, id, to } of deeds) {
          const name = `ecs-svc/${id + 1}`;
          if (kind === 'scale') put(world, name, to);
          else if (kind === 'delete' && world.taskSets.has(name)) {
            put(world, name, 0, { deletedAt: world.now });
          } else if (kind === 'desired') world.update({ desiredCount: to });
          else if (kind === 'turn') world.turn();
          else if (kind === 'run') world.run();
          else if (kind === 'drain') world.drainHost(`h${(id % 2) + 1}`);
          else if (kind === 'crash') {
            const some = world.active()[id];
            if (some) world.crash(some.task.id);
          }
          const before = counts(world);
          world.settle();
          for (const [owner, count] of Object.entries(counts(world))) {
            const set = world.record?.taskSets.find((each) => each.id === owner);
            assert.ok(count <= Math.max(before[owner] ?? 0, 2 * (set?.desiredCount ?? 0)));
          }
          const again = planDeployment(world.view(), world.now);
          assert.deepEqual(again.actions, []);
          assert.ok(isSame(again.record, world.record));
        }
        turns(world, 40);
        for (const set of world.taskSets.values()) {
          const wanted = computedDesiredCount(world.service?.desiredCount ?? 0, set);
          assert.equal(counts(world)[set.id] ?? 0, wanted);
          assert.equal(set.deletedAt, undefined);
        }
      }),
      { numRuns: 150 },
    );
  });
});
