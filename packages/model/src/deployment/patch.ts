// Changes to task records. Pure.
import type { TaskRecord } from '../generated/messages.ts';
import type { TaskView } from './view.ts';

/** The only fields of a task that change after it was created. Desired status and flags move one way only. */
export interface TaskPatch {
  readonly owner?: string;
  readonly desiredStatus?: 'STOPPED';
  readonly stopCode?: NonNullable<TaskRecord['stopCode']>;
  readonly stoppedReason?: string;
  readonly stoppingAt?: number;
  readonly drainBeforeStop?: false;
  readonly holdPorts?: false;
}

/** The record as it is after the change. */
export function patched(task: TaskRecord, patch: TaskPatch): TaskRecord {
  const owner = patch.owner ?? task.owner;
  const startedBy = patch.owner ?? task.startedBy;
  return { ...task, ...patch, owner, startedBy };
}

/** The order to stop, given once: a task that is to stop already keeps its first reason. */
export function stopPatch(
  stopCode: NonNullable<TaskRecord['stopCode']>,
  stoppedReason: string,
  now: number,
): TaskPatch {
  return { desiredStatus: 'STOPPED', stopCode, stoppedReason, stoppingAt: now };
}

/** What a task that ended by itself is given: the host's own words on why. */
export function endedPatch({ status }: TaskView, now: number): TaskPatch {
  const started = status?.startedAt !== undefined;
  const stopCode =
    stopCodes.find((code) => code === status?.stopCode) ??
    (started ? 'EssentialContainerExited' : 'TaskFailedToStart');
  const reason =
    status?.stoppedReason ??
    (started ? 'Essential container in task exited' : 'Task failed to start');
  return stopPatch(stopCode, reason, now);
}

const stopCodes = [
  'TaskFailedToStart',
  'EssentialContainerExited',
  'UserInitiated',
  'ServiceSchedulerInitiated',
  'TerminationNotice',
  'InfrastructureHealth',
] as const satisfies readonly NonNullable<TaskRecord['stopCode']>[];
