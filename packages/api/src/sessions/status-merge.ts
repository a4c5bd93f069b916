// What becomes of a task's stored status when its agent reports. Status only moves forward, whatever the
// order in which reports arrive. Pure.
import type { TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { codec } from '@berth/rpc/codec.ts';

const statusCodec = codec('TaskStatusRecord');

const RANK = { PENDING: 0, RUNNING: 1, STOPPING: 2, STOPPED: 3 } as const satisfies Record<
  TaskStatusRecord['lastStatus'],
  number
>;

/** False for a word that a newer or broken agent made up: nothing could be said of its order. */
export function isStatus(word: string): boolean {
  return Object.hasOwn(RANK, word);
}

/** Longest texts that an agent's words are stored with. Source: ECS reference, section 7.3. */
const REASON_LIMIT = 1024;

/**
 * The status to store; undefined where the report says nothing new. A report of a later state counts even with a lower
 * sequence: an agent that has lost its memory counts anew, but a task never goes back.
 */
export function mergeStatus(
  stored: TaskStatusRecord | undefined,
  reported: TaskStatusRecord,
): TaskStatusRecord | undefined {
  const report = trimmed(reported);
  if (!stored) return report;
  const step = RANK[report.lastStatus] - RANK[stored.lastStatus];
  if (step < 0 || (step === 0 && report.sequence <= stored.sequence)) return undefined;
  return {
    ...report,
    sequence: Math.max(report.sequence, stored.sequence + 1),
    pullStartedAt: report.pullStartedAt ?? stored.pullStartedAt,
    pullStoppedAt: report.pullStoppedAt ?? stored.pullStoppedAt,
    startedAt: report.startedAt ?? stored.startedAt,
    executionStoppedAt: report.executionStoppedAt ?? stored.executionStoppedAt,
    stoppedAt: report.stoppedAt ?? stored.stoppedAt,
    stopCode: report.stopCode ?? stored.stopCode,
    stoppedReason: report.stoppedReason ?? stored.stoppedReason,
  };
}

/** True where a report differs from what is stored in nothing but its sequence. */
export function saysTheSame(stored: TaskStatusRecord, merged: TaskStatusRecord): boolean {
  const [a, b] = [stored, merged].map((record) => statusCodec.encode({ ...record, sequence: 0 }));
  return a !== undefined && b !== undefined && a.equals(b);
}

function trimmed(record: TaskStatusRecord): TaskStatusRecord {
  return {
    ...record,
    stoppedReason: record.stoppedReason?.slice(0, REASON_LIMIT),
    containers: record.containers.map((container) => ({
      ...container,
      reason: container.reason?.slice(0, REASON_LIMIT),
      healthOutput: container.healthOutput?.slice(0, REASON_LIMIT),
    })),
  };
}
