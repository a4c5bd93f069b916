import assert from 'node:assert/strict';

import fc from 'fast-check';

import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import type { RoutingUpdate } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import { testLogger } from '@berth/rpc/testing/fixtures.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { MemoryStore } from '@berth/store/memory-store.ts';
import { putRecord } from '@berth/store/record.ts';
import { startCache } from '@berth/store/state-cache.ts';
import type { Transaction } from '@berth/store/store.ts';

import {
  noteRoutingChanges,
  routingDifference,
  routingSnapshot,
  type RoutingChanges,
} from './routing.ts';

/** What a proxy would hold after these updates: each record as text, by its name. */
class Table {
  readonly records = new Map<string, string>();
  revision = 0;

  apply(update: RoutingUpdate): void {
    assert.ok(update.revision >= this.revision);
    this.revision = update.revision;
    if (update.snapshot) this.records.clear();
    const put = (name: string, record: object): void => {
      this.records.set(name, JSON.stringify(record));
    };
    for (const item of update.listeners) put(`listener ${item.id}`, item);
    for (const item of update.rules) put(`rule ${item.listenerId}/${item.id}`, item);
    for (const item of update.targetGroups) put(`group ${item.name}`, item);
    for (const item of update.targets) put(`target ${item.group}/${item.id}`, item);
    for (const name of update.removedListeners) this.records.delete(`listener ${name}`);
    for (const name of update.removedRules) this.records.delete(`rule ${name}`);
    for (const name of update.removedTargetGroups) this.records.delete(`group ${name}`);
    for (const name of update.removedTargets) this.records.delete(`target ${name}`);
  }
}

interface Step {
  readonly kind: 'listener' | 'rule' | 'group' | 'target' | 'service';
  readonly id: string;
  readonly value: number | undefined;
  readonly send: boolean;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('listener', 'rule', 'group', 'target', 'service'),
    id: fc.constantFrom('a', 'b', 'c'),
    value: fc.option(fc.nat(3), { nil: undefined }),
    send: fc.boolean(),
  }),
  { maxLength: 25 },
);

function change({ kind, id, value }: Step): Transaction {
  const none = { guards: [], puts: [], deletes: [] };
  const port = value ?? 0;
  switch (kind) {
    case 'listener': {
      const put = putRecord(collections.listeners, [id], complete('ListenerRecord', { id, port }));
      return value === undefined ? { ...none, deletes: [put.key] } : { ...none, puts: [put] };
    }
    case 'rule': {
      const record = complete('RuleRecord', { id, listenerId: 'l', priority: port });
      const put = putRecord(collections.rules, ['l', id], record);
      return value === undefined ? { ...none, deletes: [put.key] } : { ...none, puts: [put] };
    }
    case 'group': {
      const put = putRecord(
        collections.targetGroups,
        [id],
        complete('TargetGroupRecord', { name: id, port }),
      );
      return value === undefined ? { ...none, deletes: [put.key] } : { ...none, puts: [put] };
    }
    case 'target': {
      const put = putRecord(
        collections.targets,
        ['g', id],
        complete('TargetRecord', { group: 'g', id, port }),
      );
      return value === undefined ? { ...none, deletes: [put.key] } : { ...none, puts: [put] };
    }
    case 'service':
      return { ...none, deletes: [keyOf(collections.services, 'c', id)] };
  }
}

describe('routing updates', () => {
  it('make the same table as a fresh snapshot, whatever changes between them', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const clock = new VirtualClock();
        const store = new MemoryStore({ clock });
        const stop = new AbortController();
        const options = { store, clock, random: () => 0.5, logger: testLogger() };
        const cache = await startCache(options, stop.signal);
        const changes: RoutingChanges = new Map();
        cache.subscribe((batch) => void noteRoutingChanges(batch.changes, changes));
        const followed = new Table();
        followed.apply(routingSnapshot(cache));
        for (const step of list) {
          const { revision } = await store.commit(change(step), stop.signal);
          await cache.reached(revision, stop.signal);
          if (step.send) {
            followed.apply(routingDifference(cache, changes));
            changes.clear();
          }
        }
        followed.apply(routingDifference(cache, changes));
        const fresh = new Table();
        fresh.apply(routingSnapshot(cache));
        assert.deepEqual([...followed.records].sort(), [...fresh.records].sort());
        stop.abort();
        await settle();
        await store.close();
      }),
      { numRuns: 60 },
    );
  });
});
