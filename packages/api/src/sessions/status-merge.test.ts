import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';

import { mergeStatus, saysTheSame } from './status-merge.ts';

const STATES = ['PENDING', 'RUNNING', 'STOPPING', 'STOPPED'] as const;

function status(
  lastStatus: TaskStatusRecord['lastStatus'],
  sequence: number,
  more: object = {},
): TaskStatusRecord {
  return complete('TaskStatusRecord', { id: 't', lastStatus, sequence, ...more });
}

describe('mergeStatus', () => {
  const reports = fc.array(
    fc
      .record({ state: fc.constantFrom(...STATES), sequence: fc.nat(20) })
      .map(({ state, sequence }) => status(state, sequence)),
    { maxLength: 12 },
  );

  it('moves forward only, in state and in sequence, whatever order reports arrive in', () => {
    fc.assert(
      fc.property(reports, (list) => {
        let stored: TaskStatusRecord | undefined;
        for (const report of list) {
          const merged = mergeStatus(stored, report);
          if (!merged) continue;
          if (stored) {
            assert.ok(STATES.indexOf(merged.lastStatus) >= STATES.indexOf(stored.lastStatus));
            assert.ok(merged.sequence > stored.sequence);
          }
          stored = merged;
        }
      }),
    );
  });

  it('ends in the last state that was reported at all', () => {
    fc.assert(
      fc.property(reports, (list) => {
        const end = list.reduce<TaskStatusRecord | undefined>(
          (stored, report) => mergeStatus(stored, report) ?? stored,
          undefined,
        );
        const last = Math.max(-1, ...list.map(({ lastStatus }) => STATES.indexOf(lastStatus)));
        assert.equal(end?.lastStatus, STATES[last]);
      }),
    );
  });

  it('takes nothing from a report that was taken before', () => {
    fc.assert(
      fc.property(reports, (list) => {
        let stored: TaskStatusRecord | undefined;
        for (const report of list) stored = mergeStatus(stored, report) ?? stored;
        for (const report of list) if (stored) assert.equal(mergeStatus(stored, report), undefined);
      }),
    );
  });

  it('keeps times and reasons that a later report leaves out', () => {
    const stored = status('RUNNING', 2, { pullStartedAt: 1, pullStoppedAt: 2, startedAt: 3 });
    const merged = mergeStatus(
      stored,
      status('STOPPED', 3, { stoppedAt: 9, stoppedReason: 'why' }),
    );
    assert.deepEqual(
      [
        merged?.pullStartedAt,
        merged?.pullStoppedAt,
        merged?.startedAt,
        merged?.stoppedAt,
        merged?.stoppedReason,
      ],
      [1, 2, 3, 9, 'why'],
    );
  });
});

describe('saysTheSame', () => {
  it('looks at everything but the sequence', () => {
    const stored = status('RUNNING', 2, { startedAt: 3 });
    assert.ok(saysTheSame(stored, { ...stored, sequence: 9 }));
    assert.ok(!saysTheSame(stored, { ...stored, healthStatus: 'HEALTHY' }));
  });
});
