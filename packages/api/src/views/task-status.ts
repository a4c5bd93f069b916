// How far a task has come, in ECS's words: what its agent reported, what its record orders and what its
// targets add to that. Pure. Source: ECS reference, sections 4.1 and 4.5; docs/decisions on stopping.
import type { TaskRecord, TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

export type LastStatus =
  'PENDING' | 'ACTIVATING' | 'RUNNING' | 'DEACTIVATING' | 'STOPPING' | 'STOPPED';

/** What the agent has reported; undefined until it has. */
export function reportedStatus(state: State, task: TaskRecord): TaskStatusRecord | undefined {
  return state.get(collections.taskStatus, task.cluster, task.id)?.value;
}

export function isConnected(state: State, hostId: string): boolean {
  return hostId !== '' && state.get(collections.sessions, 'host', hostId) !== undefined;
}

/**
 * The task's host was declared lost and is not back: nobody will report this task's end, so it has ended.
 */
export function isLost(state: State, task: TaskRecord): boolean {
  return (
    task.desiredStatus === 'STOPPED' &&
    task.stopCode === 'TerminationNotice' &&
    !isConnected(state, task.hostId)
  );
}

export function lastStatusOf(state: State, task: TaskRecord): LastStatus {
  const reported = reportedStatus(state, task)?.lastStatus ?? 'PENDING';
  if (reported === 'STOPPED' || isLost(state, task)) return 'STOPPED';
  if (reported !== 'RUNNING') return reported;
  // The flag is set at creation for load-balanced tasks and cleared when their targets have drained.
  if (!task.drainBeforeStop) return 'RUNNING';
  if (task.desiredStatus === 'STOPPED') return 'DEACTIVATING';
  const [target] = state.targetsByTask(task.id);
  return target ? 'RUNNING' : 'ACTIVATING';
}

/** What counts in `runningCount` and `pendingCount`; undefined for a task that is on its way down or gone. */
export function countedAs(state: State, task: TaskRecord): 'running' | 'pending' | undefined {
  if (task.desiredStatus !== 'RUNNING') return undefined;
  switch (lastStatusOf(state, task)) {
    case 'RUNNING':
      return 'running';
    case 'PENDING':
    case 'ACTIVATING':
      return 'pending';
    case 'DEACTIVATING':
    case 'STOPPING':
    case 'STOPPED':
      return undefined;
  }
}

export interface TaskCounts {
  readonly running: number;
  readonly pending: number;
}

export function countTasks(
  state: State,
  tasks: Iterable<{ readonly value: TaskRecord }>,
): TaskCounts {
  let running = 0;
  let pending = 0;
  for (const { value } of tasks) {
    const counted = countedAs(state, value);
    if (counted === 'running') running += 1;
    if (counted === 'pending') pending += 1;
  }
  return { running, pending };
}
