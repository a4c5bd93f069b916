import assert from 'node:assert/strict';

import { VirtualClock } from '@berth/control/virtual-clock.ts';
import { complete } from '@berth/rpc/codec.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { putRecord } from '@berth/store/record.ts';
import { stateOf } from '@berth/store/state-view.ts';
import { MAX_OPERATIONS, transaction } from '@berth/store/transaction.ts';

import { packed, planWrites, type Write } from './writes.ts';

const LEADER = keyOf(collections.leader, 'controller');
const guard = { key: LEADER, createRevision: 7 };

describe('the writes of a plan', () => {
  it('fit into transactions that the store takes, each with the guards that are always asked for', () => {
    const writes: Write[] = Array.from({ length: 300 }, (_, index) => ({
      guards: [{ key: `/berth/v1/tasks/c/${index}`, modRevision: 1 }],
      puts: [{ key: `/berth/v1/tasks/c/${index}`, value: Buffer.alloc(10) }],
    }));
    const all = packed(writes, [guard]);
    assert.equal(all.length, 3);
    for (const { guards, puts } of all) {
      assert.deepEqual(guards[0], guard);
      assert.ok(guards.length <= MAX_OPERATIONS && puts.length <= MAX_OPERATIONS);
    }
    assert.equal(all.flatMap(({ puts }) => puts).length, 300);
    assert.deepEqual(packed([{}, { guards: [guard] }], [guard]), [], 'nothing to write');
  });

  it('guard the leadership, the service as it was planned for, and every record that they change', () => {
    const service = complete('ServiceRecord', { cluster: 'c', name: 's', status: 'DRAINING' });
    const task = complete('TaskRecord', { id: 't', cluster: 'c', service: 's' });
    const state = stateOf(
      { of: collections.services, parts: ['c', 's'], value: service },
      { of: collections.tasks, parts: ['c', 't'], value: task },
    );
    const plan = {
      actions: [
        { kind: 'patchTask', taskId: 't', patch: { holdPorts: false } },
        { kind: 'retireService' },
      ],
      ended: [],
    } as const;
    const [change, retirement] = planWrites(state, 'c', 's', plan, {
      guard,
      nextEventId: () => 'e',
      realm: { region: 'local', account: '000000000000' },
      now: 5,
    });
    const ofService = { key: '/berth/v1/services/c/s', modRevision: 1 };
    assert.deepEqual(change?.guards, [
      guard,
      ofService,
      { key: '/berth/v1/tasks/c/t', modRevision: 2 },
    ]);
    assert.deepEqual(retirement?.guards, [guard, ofService], 'the service is changed last');
  });

  it('are refused when their author leads no more', async () => {
    const store = new MemoryStore({ clock: new VirtualClock() });
    const { signal } = new AbortController();
    const leader = complete('LeaderRecord', { role: 'controller' });
    const put = putRecord(collections.leader, ['controller'], leader);
    const first = await store.commit(transaction({ puts: [put] }), signal);
    const epoch = { key: LEADER, createRevision: first.revision };
    await store.commit(transaction({ deletes: [LEADER] }), signal);
    await store.commit(transaction({ puts: [put] }), signal);
    const [late] = packed([{ puts: [{ key: '/berth/v1/x', value: Buffer.alloc(1) }] }], [epoch]);
    assert.ok(late);
    assert.equal((await store.commit(late, signal)).committed, false);
    await store.close();
  });
});
