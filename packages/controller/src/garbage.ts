// What may be deleted now: tasks long stopped, services long inactive, old events, leftovers. Pure over one state.
// Source: ECS reference, section 4.6; design, section 3.
import { delayMs, PORT_HOLD_MS } from '@berth/model/deployment/targets.ts';
import type { TaskRecord } from '@berth/model/generated/messages.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { formerThings } from './former-things.ts';
import type { ReapedKind } from './metrics.ts';
import type { Write } from './writes.ts';

const HOUR_MS = 3_600_000;
export const STOPPED_TASK_KEPT_MS = HOUR_MS;
/** In a cluster. */
export const STOPPED_TASKS_KEPT = 1_000;
export const INACTIVE_SERVICE_KEPT_MS = HOUR_MS;
export const EVENT_KEPT_MS = 24 * HOUR_MS;
/** In a cluster, whatever their age. */
export const EVENTS_KEPT = 5_000;
/** The newest of each service stay whatever their age, for whoever asks later why. */
export const EVENTS_KEPT_A_SERVICE = 100;

export interface Garbage {
  readonly kind: ReapedKind;
  readonly write: Write;
}

/** Independent changes that get rid of what nobody needs any more. */
export function garbage(state: State, now: number): Garbage[] {
  const tasks = new Set(Array.from(state.list(collections.tasks), ({ value }) => value.id));
  return [
    ...stoppedTasks(state, now).map((write) => ({ kind: 'task' as const, write })),
    ...orphanedStatus(state, tasks).map((write) => ({ kind: 'task' as const, write })),
    ...orphanedTargets(state, tasks, now).map((write) => ({ kind: 'target' as const, write })),
    ...inactiveServices(state, now).map((write) => ({ kind: 'service' as const, write })),
    ...oldEvents(state, now).map((write) => ({ kind: 'event' as const, write })),
    ...formerThings(state, now),
    ...orphanedRules(state).map((write) => ({ kind: 'rule' as const, write })),
  ];
}

/** The younger the stop, the longer a task stays; beyond the limit the oldest go before their time. */
function stoppedTasks(state: State, now: number): Write[] {
  const stopped = [...state.list(collections.tasks)]
    .filter(({ value }) => isOver(state, value))
    .sort((a, b) => stoppedAt(b.value) - stoppedAt(a.value));
  return clustered(stopped).flatMap((tasks) =>
    tasks
      .filter(
        ({ value }, index) =>
          index >= STOPPED_TASKS_KEPT || now - stoppedAt(value) >= STOPPED_TASK_KEPT_MS,
      )
      .map((task) => removal(state, task)),
  );
}

/**
 * Its containers are gone, or its host is, no proxy may send to it and its ports are free. A host that comes back
 * later is told to forget it.
 */
function isOver(state: State, task: TaskRecord): boolean {
  const { id, cluster, hostId, desiredStatus, holdPorts } = task;
  if (holdPorts || desiredStatus !== 'STOPPED') return false;
  for (const _target of state.targetsByTask(id)) return false;
  const status = state.get(collections.taskStatus, cluster, id)?.value;
  if (status?.lastStatus === 'STOPPED') return true;
  const registered = state.get(collections.hosts, cluster, hostId) !== undefined;
  return !registered || state.get(collections.sessions, 'host', hostId) === undefined;
}

/** By the control plane's own clock. */
function stoppedAt({ stoppingAt, createdAt }: TaskRecord): number {
  return stoppingAt ?? createdAt;
}

function removal(state: State, task: Stored<TaskRecord>): Write {
  const { cluster, id } = task.value;
  const status = state.get(collections.taskStatus, cluster, id);
  return {
    guards: [guardUnchanged(task)],
    deletes: [task.key, ...(status ? [status.key] : [])],
  };
}

/** Reports that arrived after their tasks' records were deleted. */
function orphanedStatus(state: State, tasks: ReadonlySet<string>): Write[] {
  return [...state.list(collections.taskStatus)]
    .filter(({ value }) => !tasks.has(value.id))
    .map((status) => ({ guards: [guardUnchanged(status)], deletes: [status.key] }));
}

/** Targets whose task's record is gone, which only a hand in the state can bring about. They drain by time. */
function orphanedTargets(state: State, tasks: ReadonlySet<string>, now: number): Write[] {
  return [...state.list(collections.targets)]
    .filter(({ value }) => value.taskId !== '' && !tasks.has(value.taskId))
    .flatMap((target): Write[] => {
      const { value, parts, key } = target;
      const guards = [guardUnchanged(target)];
      if (value.state === 'REGISTERED') {
        const draining = { ...value, state: 'DRAINING', drainingSince: now } as const;
        return [{ guards, puts: [putRecord(collections.targets, parts, draining)] }];
      }
      const delay = delayMs(state.get(collections.targetGroups, value.group)?.value);
      const over = (value.drainingSince ?? now) + delay + PORT_HOLD_MS;
      return now >= over ? [{ guards, deletes: [key] }] : [];
    });
}

/** Rules whose listener is gone: whoever deleted it with very many rules was stopped halfway. */
function orphanedRules(state: State): Write[] {
  return [...state.list(collections.rules)]
    .filter(({ value }) => !state.get(collections.listeners, value.listenerId))
    .map((rule) => ({
      guards: [guardUnchanged(rule), guardAbsent(collections.listeners, rule.value.listenerId)],
      deletes: [rule.key],
    }));
}

function inactiveServices(state: State, now: number): Write[] {
  return [...state.list(collections.services)]
    .filter(({ value }) => value.status === 'INACTIVE')
    .filter(({ value }) => now - (value.deletedAt ?? value.createdAt) >= INACTIVE_SERVICE_KEPT_MS)
    .map((service) => ({ guards: [guardUnchanged(service)], deletes: [service.key] }));
}

function oldEvents(state: State, now: number): Write[] {
  const newestFirst = [...state.list(collections.events)].sort((a, b) => (a.key < b.key ? 1 : -1));
  return clustered(newestFirst).flatMap((events) => {
    const ofService = new Map<string, number>();
    return events
      .filter(({ value: { service, createdAt, cluster } }, index) => {
        const count = (ofService.get(service ?? '') ?? 0) + 1;
        ofService.set(service ?? '', count);
        if (index >= EVENTS_KEPT) return true;
        if (now - createdAt < EVENT_KEPT_MS) return false;
        if (service === undefined) return true;
        const exists = state.get(collections.services, cluster, service) !== undefined;
        return !exists || count > EVENTS_KEPT_A_SERVICE;
      })
      .map(({ parts }) => ({ deletes: [keyOf(collections.events, ...parts)] }));
  });
}

/** The records of each cluster, in the order given. */
function clustered<T extends { readonly cluster: string }>(
  records: readonly Stored<T>[],
): Stored<T>[][] {
  const byCluster = new Map<string, Stored<T>[]>();
  for (const record of records) {
    const known = byCluster.get(record.value.cluster);
    if (known) known.push(record);
    else byCluster.set(record.value.cluster, [record]);
  }
  return [...byCluster.values()];
}
