import assert from 'node:assert/strict';

import { complete } from '@berth/rpc/codec.ts';
import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import type { MessageName } from '@berth/model/generated/messages.ts';
import { collectionName } from '@berth/store/record.ts';
import { type Collection, collections, keyOf } from '@berth/store/keys.ts';
import { StateView } from '@berth/store/state-view.ts';
import type { Change, ChangeBatch } from '@berth/store/state.ts';
import fc from 'fast-check';

import { countTasks } from './task-status.ts';
import { countOfCluster, countOfOwner, countOfService, followTasks } from './task-tally.ts';

/** A view that tells of its changes, as the cache does. */
class Followed extends StateView {
  readonly filled = true;
  #listener: ((batch: ChangeBatch) => void) | undefined;
  #revision = 0;

  subscribe(listener: (batch: ChangeBatch) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = undefined);
  }

  reached(): Promise<void> {
    return Promise.resolve();
  }

  apply(steps: readonly (() => Change | undefined)[]): void {
    const changes = steps.flatMap((step) => step() ?? []);
    this.moveTo((this.#revision += 1));
    this.#listener?.({ revision: this.#revision, changes });
  }

  set<N extends MessageName>(of: Collection<N>, parts: readonly string[], value: object): Change {
    const modRevision = this.#revision + 1;
    const stored = {
      key: keyOf(of, ...parts),
      parts,
      value: complete(of.message, value),
      createRevision: modRevision,
      modRevision,
    };
    return this.put(collectionName(of), stored);
  }

  drop(of: Collection, parts: readonly string[]): Change | undefined {
    return this.delete(collectionName(of), keyOf(of, ...parts));
  }
}

const ids = ['t1', 't2', 't3', 't4', 't5'];

/** Each task belongs where its id says: what it belongs to never changes. */
function taskOf(id: string, desiredStatus: string, drainBeforeStop: boolean): object {
  const at = ids.indexOf(id);
  const service = at < 4 ? { service: at < 2 ? 'web' : 'jobs' } : {};
  return {
    id,
    cluster: 'default',
    ...service,
    owner: `ecs-svc/${at % 3}`,
    desiredStatus,
    drainBeforeStop,
  };
}

const step = fc.record({
  id: fc.constantFrom(...ids),
  what: fc.constantFrom('task', 'status', 'target', 'no task', 'no status', 'no target'),
  desiredStatus: fc.constantFrom('RUNNING', 'STOPPED'),
  drainBeforeStop: fc.boolean(),
  lastStatus: fc.constantFrom('PENDING', 'RUNNING', 'STOPPING', 'STOPPED'),
});

function applied(state: Followed, each: typeof step extends fc.Arbitrary<infer S> ? S : never) {
  const { id, what, desiredStatus, drainBeforeStop, lastStatus } = each;
  const cluster = 'default';
  const { tasks, taskStatus, targets } = collections;
  const target = { id: `x-${id}`, group: 'g', cluster, taskId: id };
  switch (what) {
    case 'task':
      return state.set(tasks, [cluster, id], taskOf(id, desiredStatus, drainBeforeStop));
    case 'status':
      return state.set(taskStatus, [cluster, id], { id, cluster, lastStatus });
    case 'target':
      return state.set(targets, ['g', target.id], target);
    case 'no task':
      return state.drop(tasks, [cluster, id]);
    case 'no status':
      return state.drop(taskStatus, [cluster, id]);
    default:
      return state.drop(targets, ['g', target.id]);
  }
}

function assertTrue(state: Followed): void {
  assert.deepEqual(
    countOfCluster(state, 'default'),
    countTasks(state, state.list(collections.tasks, 'default')),
  );
  for (const service of ['web', 'jobs', 'none']) {
    assert.deepEqual(
      countOfService(state, 'default', service),
      countTasks(state, state.tasksByService('default', service)),
    );
  }
  for (const owner of ['ecs-svc/0', 'ecs-svc/1', 'ecs-svc/2']) {
    assert.deepEqual(countOfOwner(state, owner), countTasks(state, state.tasksByOwner(owner)));
  }
}

describe('the tally of tasks', () => {
  it('counts what a count of all tasks would, from whatever state on, after whatever changes', async () => {
    const batches = fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), batches, async (before, after) => {
        const state = new Followed();
        state.apply(before.map((each) => () => applied(state, each)));
        const end = followTasks(state, new VirtualClock());
        await settle();
        assertTrue(state);
        for (const batch of after) {
          state.apply(batch.map((each) => () => applied(state, each)));
          assertTrue(state);
        }
        end();
        assertTrue(state);
      }),
    );
  });

  it('takes changes in while it begins, in turns', async () => {
    const state = new Followed();
    const clock = new VirtualClock();
    const task = (id: string) => ({
      ...taskOf('t1', 'RUNNING', false),
      id,
    });
    state.apply(
      Array.from({ length: 12_000 }, (_, at) => () => {
        const id = `n${at}`;
        return state.set(collections.tasks, ['default', id], task(id));
      }),
    );
    const end = followTasks(state, clock);
    await settle();
    state.apply([
      () => state.drop(collections.tasks, ['default', 'n0']),
      () => state.drop(collections.tasks, ['default', 'n11999']),
    ]);
    for (let turn = 0; turn < 3; turn += 1) {
      assertTrue(state);
      await clock.advance(1);
      await settle();
    }
    assert.equal(clock.sleeping, 0);
    assert.deepEqual(countOfService(state, 'default', 'web'), { running: 0, pending: 11_998 });
    assertTrue(state);
    end();
  });
});
