import assert from 'node:assert/strict';

import { ulidSource } from '@berth/control/ulid.ts';
import { seededRandom, VirtualClock } from '@berth/control/virtual-clock.ts';
import type { TaskRecord } from '@berth/model/generated/messages.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { putRecord } from '@berth/store/record.ts';
import type { Put } from '@berth/store/store.ts';
import { realClock } from '@berth/store/testing/time.ts';
import { complete } from '@berth/rpc/codec.ts';
import fc from 'fast-check';

import { openMirror } from './mirror.ts';
import { placeTasks } from './place.ts';
import { partsIn } from './request.ts';
import { CLUSTER, placeRequest, World } from './testing.ts';

type Step =
  | { readonly kind: 'place'; readonly count: number; readonly fixed: boolean }
  | { readonly kind: 'conflict' }
  | {
      readonly kind: 'host';
      readonly id: string;
      readonly memory: number;
      readonly draining: boolean;
    }
  | { readonly kind: 'disconnect' | 'connect' | 'deregister'; readonly id: string }
  | { readonly kind: 'order' | 'stopped' | 'free' | 'delete'; readonly task: number };

const hostIds = fc.constantFrom('a', 'b', 'c');
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('place' as const),
      count: fc.integer({ min: 1, max: 4 }),
      fixed: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('conflict' as const) }),
    fc.record({
      kind: fc.constant('host' as const),
      id: hostIds,
      memory: fc.integer({ min: 0, max: 4096 }),
      draining: fc.boolean(),
    }),
    fc.record({
      kind: fc.constantFrom('disconnect' as const, 'connect' as const, 'deregister' as const),
      id: hostIds,
    }),
    fc.record({
      kind: fc.constantFrom(
        'order' as const,
        'stopped' as const,
        'free' as const,
        'delete' as const,
      ),
      task: fc.nat(9),
    }),
  ),
  { maxLength: 25 },
);

function taskPut(id: string): Put {
  const task = complete('TaskRecord', {
    id,
    cluster: CLUSTER,
    hostId: 'a',
    group: 'service:web',
    desiredStatus: 'RUNNING',
    taskDefinition: 'web:1',
    cpu: 1,
    memory: 1,
  });
  return putRecord(collections.tasks, [CLUSTER, id], task);
}

/** Lives through the steps; compares the ledger that followed them with one that is built from the end. */
async function run(list: readonly Step[]): Promise<void> {
  const world = new World();
  try {
    await world.definition('web', { cpu: 100, memory: 200 });
    await world.definition('fixed', { cpu: 0, memory: 100, ports: [8080] });
    await world.host('a');
    const leader = complete('LeaderRecord', { role: 'scheduler' });
    const epoch = await world.put(collections.leader, ['scheduler'], leader);
    const guard = { key: keyOf(collections.leader, 'scheduler'), createRevision: epoch };
    const { store, cache } = await world.process();
    const mirror = await openMirror(cache, realClock, world.signal);
    const tools = {
      store,
      cache,
      leadership: { epoch, guard, signal: world.signal },
      ledger: mirror.ledger(CLUSTER),
      clock: realClock,
      random: Math.random,
      onCommitted: () => undefined,
      onConflict: () => undefined,
      nextDecisionId: ulidSource(realClock, seededRandom(3)),
      ownRevision: () => 0,
      onNothing: () => Promise.resolve(),
      onDoubt: (error: unknown) => {
        throw error;
      },
    };
    const tasks: TaskRecord[] = [];
    const place = async (count: number, fixed: boolean): Promise<void> => {
      const request = placeRequest({
        count,
        taskDefinition: fixed ? 'fixed:1' : 'web:1',
        loadBalanced: true,
      });
      const [part] = partsIn(cache, request);
      assert.ok(part);
      tasks.push(...(await placeTasks(part, tasks.length, tools)).tasks);
    };
    for (const step of list) {
      switch (step.kind) {
        case 'place':
          await place(step.count, step.fixed);
          break;
        case 'conflict':
          store.faults.before = async (operation) => {
            if (operation !== 'commit') return;
            store.faults.before = undefined;
            await world.host('a', { status: 'DRAINING' });
          };
          await place(2, false);
          store.faults.before = undefined;
          break;
        case 'host': {
          const { id, memory, draining } = step;
          const registeredResources = {
            cpu: 1000,
            memory,
            ports: [memory + 1],
            portsUdp: [],
            gpuIds: [],
          };
          await world.host(id, { status: draining ? 'DRAINING' : 'ACTIVE', registeredResources });
          break;
        }
        case 'connect':
          await world.connect(step.id);
          break;
        case 'disconnect':
          await world.delete(collections.sessions, 'host', step.id);
          break;
        case 'deregister':
          await world.delete(collections.hosts, CLUSTER, step.id);
          break;
        default: {
          const index = step.task % Math.max(1, tasks.length);
          const task = tasks[index];
          if (!task) break;
          if (step.kind === 'stopped') await world.status(task, 'STOPPED');
          else if (step.kind === 'delete') {
            tasks.splice(index, 1);
            await world.delete(collections.tasks, CLUSTER, task.id);
          } else {
            const changed: TaskRecord =
              step.kind === 'order'
                ? { ...task, desiredStatus: 'STOPPED' }
                : { ...task, holdPorts: false };
            tasks[index] = changed;
            await world.put(collections.tasks, [CLUSTER, task.id], changed);
          }
        }
      }
    }
    await cache.reached(world.store.revision, world.signal);
    const rebuilt = await openMirror(cache, realClock, world.signal);
    assert.deepEqual(mirror.ledger(CLUSTER).dump(), rebuilt.ledger(CLUSTER).dump());
    for (const each of [mirror, rebuilt]) each.close();
  } finally {
    world.end();
  }
}

describe('the mirror', () => {
  it('equals what a restarted scheduler builds from the state, after anything that can happen', async () => {
    await fc.assert(fc.asyncProperty(steps, run), { numRuns: 60 });
  });

  it('is built in slices: the state may change meanwhile, and the term may end', async () => {
    const world = new World();
    try {
      await world.host('a');
      const ids = Array.from({ length: 6_000 }, (_, at) => `t${at}`);
      for (let at = 0; at < ids.length; at += 100) {
        const puts = ids.slice(at, at + 100).map((id) => taskPut(id));
        await world.store.commit({ guards: [], puts, deletes: [] }, world.signal);
      }
      const { cache } = await world.process();
      const clock = new VirtualClock();
      const building = openMirror(cache, clock, world.signal);
      const abandoned = new AbortController();
      const given = assert.rejects(openMirror(cache, clock, abandoned.signal), /deposed/);
      abandoned.abort(new Error('deposed'));
      await world.delete(collections.tasks, CLUSTER, 't0');
      await world.delete(collections.tasks, CLUSTER, 't5999');
      const { revision } = await world.store.commit(
        { guards: [], puts: [taskPut('new')], deletes: [] },
        world.signal,
      );
      await cache.reached(revision, world.signal);
      await clock.advance(10);
      const mirror = await building;
      await given;
      assert.equal(mirror.ledger(CLUSTER).host('a')?.groups.get('service:web'), 5_999);
      mirror.close();
    } finally {
      world.end();
    }
  });
});
