// What may be deleted now: tasks long stopped, services long inactive, old events. Pure over one state.
// Source: ECS reference, section 4.6; design, section 3.
import type { TaskRecord } from '@berth/model/generated/messages.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardUnchanged } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';
import type { Transaction } from '@berth/store/store.ts';

import type { ReapedKind } from './metrics.ts';

const HOUR_MS = 3_600_000;
export const STOPPED_TASK_KEPT_MS = HOUR_MS;
export const STOPPED_TASKS_KEPT = 1_000;
export const INACTIVE_SERVICE_KEPT_MS = HOUR_MS;
export const EVENT_KEPT_MS = 24 * HOUR_MS;
export const EVENTS_KEPT = 5_000;
export const EVENTS_KEPT_A_SERVICE = 100;

/** One small independent deletion. */
export interface Sweep extends Pick<Transaction, 'guards' | 'deletes'> {
  readonly kind: ReapedKind;
}

/** What nobody needs any more, as small independent deletions. */
export function garbage(state: State, now: number): Sweep[] {
  const clusters = [...state.list(collections.clusters)].map(({ value }) => value.name);
  return [
    ...clusters.flatMap((cluster) => stoppedTasks(state, cluster, now)),
    ...orphanedStatus(state),
    ...inactiveServices(state, now),
    ...clusters.flatMap((cluster) => oldEvents(state, cluster, now)),
  ];
}

function stoppedTasks(state: State, cluster: string, now: number): Sweep[] {
  const stopped = [...state.list(collections.tasks, cluster)]
    .filter(({ value }) => isOver(state, value))
    .map((task) => ({ task, at: stoppedAt(state, task.value) }))
    .sort((a, b) => b.at - a.at);
  return stopped
    .filter(({ at }, index) => index >= STOPPED_TASKS_KEPT || now - at >= STOPPED_TASK_KEPT_MS)
    .map(({ task }) => removal(state, task));
}

/** Its containers are gone or its host is, nothing routes to it, and its ports are free. */
function isOver(
  state: State,
  { id, cluster, hostId, desiredStatus, holdPorts }: TaskRecord,
): boolean {
  if (holdPorts || desiredStatus !== 'STOPPED') return false;
  const [target] = state.targetsByTask(id);
  if (target) return false;
  const status = state.get(collections.taskStatus, cluster, id)?.value;
  const hostIsGone = state.get(collections.hosts, cluster, hostId) === undefined;
  return hostIsGone || status?.lastStatus === 'STOPPED';
}

function stoppedAt(state: State, { id, cluster, stoppingAt, createdAt }: TaskRecord): number {
  return state.get(collections.taskStatus, cluster, id)?.value.stoppedAt ?? stoppingAt ?? createdAt;
}

function removal(state: State, task: Stored<TaskRecord>): Sweep {
  const { cluster, id } = task.value;
  const hasStatus = state.get(collections.taskStatus, cluster, id) !== undefined;
  return {
    kind: 'task',
    guards: [guardUnchanged(task)],
    deletes: [task.key, ...(hasStatus ? [keyOf(collections.taskStatus, cluster, id)] : [])],
  };
}

/** A report that arrived after its task's record was deleted. */
function orphanedStatus(state: State): Sweep[] {
  return [...state.list(collections.taskStatus)]
    .filter(({ value }) => !state.get(collections.tasks, value.cluster, value.id))
    .map((status) => ({ kind: 'task', guards: [guardUnchanged(status)], deletes: [status.key] }));
}

function inactiveServices(state: State, now: number): Sweep[] {
  return [...state.list(collections.services)]
    .filter(({ value }) => value.status === 'INACTIVE')
    .filter(({ value }) => now - (value.deletedAt ?? value.createdAt) >= INACTIVE_SERVICE_KEPT_MS)
    .map((service) => ({
      kind: 'service',
      guards: [guardUnchanged(service)],
      deletes: [service.key],
    }));
}

/** The newest of each service stay whatever their age, for whoever asks later why. */
function oldEvents(state: State, cluster: string, now: number): Sweep[] {
  const newestFirst = [...state.list(collections.events, cluster)].sort((a, b) =>
    a.key < b.key ? 1 : -1,
  );
  const kept = new Map<string, number>();
  return newestFirst
    .filter(({ value }, index) => {
      if (value.kind === 'service' && value.service !== undefined) {
        const count = (kept.get(value.service) ?? 0) + 1;
        kept.set(value.service, count);
        const exists = state.get(collections.services, cluster, value.service) !== undefined;
        if (exists) return count > EVENTS_KEPT_A_SERVICE;
      }
      return index >= EVENTS_KEPT || now - value.createdAt >= EVENT_KEPT_MS;
    })
    .map((event) => ({ kind: 'event', guards: [], deletes: [event.key] }));
}
