// What may be deleted now: tasks long stopped, services long inactive, old events, leftovers. Pure over one state.
// Source: ECS reference, section 4.6; design, section 3.
import { delayMs, PORT_HOLD_MS } from '@berth/model/deployment/targets.ts';
import type { EventRecord, TaskRecord } from '@berth/model/generated/messages.ts';
import { DEFAULT_RULE } from '@berth/model/routing/traffic-weights.ts';
import { inOrder } from '@berth/store/event-order.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { formerThings } from './former-things.ts';
import type { ReapedKind } from './metrics.ts';
import { picked } from './turns.ts';
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

/** Independent changes that get rid of what nobody needs any more; undefined where others may have their turn. */
export function* garbage(
  state: State,
  now: number,
): Generator<Garbage | undefined, void, undefined> {
  const stopped = yield* stoppedTasks(state, now);
  const orphans = yield* orphanedStatus(state);
  const targets = yield* orphanedTargets(state, now);
  yield* [
    ...stopped.map((write) => ({ kind: 'task' as const, write })),
    ...orphans.map((write) => ({ kind: 'task' as const, write })),
    ...targets.map((write) => ({ kind: 'target' as const, write })),
    ...inactiveServices(state, now).map((write) => ({ kind: 'service' as const, write })),
    ...oldEvents(state, now).map((write) => ({ kind: 'event' as const, write })),
    ...formerSinks(state).map((write) => ({ kind: 'event' as const, write })),
    ...formerCertificates(state).map((write) => ({ kind: 'deployment' as const, write })),
    ...formerThings(state, now),
    ...orphanedRules(state).map((write) => ({ kind: 'rule' as const, write })),
    ...orphanedWeights(state).map((write) => ({ kind: 'rule' as const, write })),
  ];
}

type Pass<T> = Generator<undefined, T, undefined>;

/** The younger the stop, the longer a task stays; beyond the limit the oldest go before their time. */
function* stoppedTasks(state: State, now: number): Pass<Write[]> {
  const stopped = yield* picked(state.list(collections.tasks), ({ value }) => isOver(state, value));
  stopped.sort((a, b) => stoppedAt(b.value) - stoppedAt(a.value));
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
function* orphanedStatus(state: State): Pass<Write[]> {
  const orphans = yield* picked(
    state.list(collections.taskStatus),
    ({ parts }) => !state.get(collections.tasks, ...parts),
  );
  return orphans.map((status) => ({ guards: [guardUnchanged(status)], deletes: [status.key] }));
}

/** Targets whose task's record is gone, which only a hand in the state can bring about. They drain by time. */
function* orphanedTargets(state: State, now: number): Pass<Write[]> {
  const orphans = yield* picked(
    state.list(collections.targets),
    ({ value: { taskId, cluster } }) =>
      taskId !== '' && !state.get(collections.tasks, cluster, taskId),
  );
  return orphans.flatMap((target): Write[] => {
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

/** Weights of rules that are gone, with their listener or alone. */
function orphanedWeights(state: State): Write[] {
  return [...state.list(collections.trafficWeights)].flatMap((stored): Write[] => {
    const { listenerId, ruleId } = stored.value;
    const guards = [guardUnchanged(stored)];
    const deletes = [stored.key];
    if (!state.get(collections.listeners, listenerId)) {
      return [{ guards: [...guards, guardAbsent(collections.listeners, listenerId)], deletes }];
    }
    if (ruleId === DEFAULT_RULE || state.get(collections.rules, listenerId, ruleId)) return [];
    return [{ guards: [...guards, guardAbsent(collections.rules, listenerId, ruleId)], deletes }];
  });
}

function inactiveServices(state: State, now: number): Write[] {
  return [...state.list(collections.services)]
    .filter(({ value }) => value.status === 'INACTIVE')
    .filter(({ value }) => now - (value.deletedAt ?? value.createdAt) >= INACTIVE_SERVICE_KEPT_MS)
    .map((service) => ({ guards: [guardUnchanged(service)], deletes: [service.key] }));
}

/**
 * Events of one commit go together, or the others would get other numbers. That numbers are missing is said first.
 * @returns what says so, then the deletions
 */
function oldEvents(state: State, now: number): Write[] {
  const newestFirst = [...state.list(collections.events)].sort((a, b) => (a.key < b.key ? 1 : -1));
  const kept = new Set<number>();
  for (const events of clustered(newestFirst)) {
    const ofService = new Map<string, number>();
    for (const [index, { value, modRevision }] of events.entries()) {
      const { service, createdAt, cluster } = value;
      const count = (ofService.get(service ?? '') ?? 0) + 1;
      ofService.set(service ?? '', count);
      const young = now - createdAt < EVENT_KEPT_MS;
      const told =
        service !== undefined &&
        count <= EVENTS_KEPT_A_SERVICE &&
        state.get(collections.services, cluster, service) !== undefined;
      if (index < EVENTS_KEPT && (young || told)) kept.add(modRevision);
    }
  }
  const old = newestFirst.filter(({ modRevision }) => !kept.has(modRevision));
  return [...horizons(state, old), ...commits(old).map((deletes) => ({ deletes }))];
}

/** How far sinks had come that are gone, and what they could not send. */
function formerSinks(state: State): Write[] {
  const isOf = (name: string, sinkRevision: number): boolean =>
    state.get(collections.eventSinks, name)?.createRevision === sinkRevision;
  return [
    ...[...state.list(collections.eventSinkCursors)].filter(
      ({ value }) => !isOf(value.name, value.sinkRevision),
    ),
    ...[...state.list(collections.eventDeadLetters)].filter(
      ({ value }) => !isOf(value.sink, value.sinkRevision),
    ),
  ].map((record) => ({ guards: [guardUnchanged(record)], deletes: [record.key] }));
}

/** A certificate is kept as long as the deployment that it is of. */
function formerCertificates(state: State): Write[] {
  return [...state.list(collections.deploymentCertificates)]
    .filter(({ parts }) => !state.get(collections.serviceDeployments, ...parts))
    .map((record) => ({ guards: [guardUnchanged(record)], deletes: [record.key] }));
}

function commits(events: readonly Stored<EventRecord>[]): string[][] {
  const keys = new Map<number, string[]>();
  for (const { key, modRevision } of events) {
    const known = keys.get(modRevision);
    if (known) known.push(key);
    else keys.set(modRevision, [key]);
  }
  return [...keys.values()];
}

function horizons(state: State, old: readonly Stored<EventRecord>[]): Write[] {
  const last = new Map<string, number>();
  for (const { cluster, sequence } of inOrder(old)) {
    const before =
      last.get(cluster) ?? state.get(collections.eventHorizons, cluster)?.value.sequence ?? 0;
    last.set(cluster, Math.max(before, sequence));
  }
  return Array.from(last, ([cluster, sequence]) => ({
    puts: [putRecord(collections.eventHorizons, [cluster], { cluster, sequence })],
  }));
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
