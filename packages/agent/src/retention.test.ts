import assert from 'node:assert/strict';

import fc from 'fast-check';

import { expendable, type StoppedTask } from './retention.ts';

const MINUTE = 60_000;

function stoppedAt(...minutesAgo: number[]): StoppedTask[] {
  return minutesAgo.map((ago, index) => ({ id: `t${String(index)}`, stoppedAt: -ago * MINUTE }));
}

describe('expendable', () => {
  it('keeps the newest 20 however old they are', () => {
    assert.deepEqual(expendable(stoppedAt(...Array<number>(20).fill(500)), 0), []);
  });

  it('keeps more than 20 only for ten minutes', () => {
    const tasks = stoppedAt(...Array<number>(20).fill(1), 9, 11);
    assert.deepEqual(expendable(tasks, 0), ['t21']);
  });

  it('never keeps more than 100, nor gives up a newer one before an older', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { maxLength: 300 }), (ages) => {
        const tasks = stoppedAt(...ages);
        const gone = new Set(expendable(tasks, 0));
        const kept = tasks.filter(({ id }) => !gone.has(id));
        assert.ok(kept.length <= 100);
        assert.ok(kept.length >= Math.min(20, tasks.length));
        const oldestKept = Math.min(...kept.map((task) => task.stoppedAt));
        for (const task of tasks) if (gone.has(task.id)) assert.ok(task.stoppedAt <= oldestKept);
      }),
    );
  });
});
