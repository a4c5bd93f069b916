// What the controller's loop is keyed by: a service, or a task that belongs to none.
import { assertNever } from '@berth/model/assert.ts';
import type {
  HostRecord,
  TargetRecord,
  TaskRecord,
  TaskStatusRecord,
} from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State } from '@berth/store/state.ts';

export type Subject =
  | { readonly kind: 'service'; readonly cluster: string; readonly service: string }
  | { readonly kind: 'task'; readonly cluster: string; readonly task: string };

export function serviceKey(cluster: string, service: string): string {
  return `service/${cluster}/${service}`;
}

export function subjectOf(key: string): Subject {
  const [kind, cluster = '', name = ''] = key.split('/');
  return kind === 'service'
    ? { kind, cluster, service: name }
    : { kind: 'task', cluster, task: name };
}

/** Every key there is work for or may be. */
export function* allKeys(state: State): Generator<string> {
  for (const of of [collections.services, collections.deployments] as const) {
    for (const { parts } of state.list(of)) yield serviceKey(parts[0] ?? '', parts[1] ?? '');
  }
  for (const { value } of state.list(collections.tasks)) yield keyOfTask(value);
}

/** The keys whose plan a change may alter. It never says what has to be done: the loop looks for itself. */
export function* keysOfChange(change: Change, state: State): Generator<string> {
  const { collection, parts } = change;
  const [first = '', second = ''] = parts;
  switch (collection) {
    case 'services':
    case 'deployments':
      yield serviceKey(first, second);
      return;
    case 'tasks': {
      const { value } = (change.after ?? change.before) as { value: TaskRecord };
      yield keyOfTask(value);
      return;
    }
    case 'taskStatus':
      yield* keysOfTask(
        state,
        first,
        (change.after?.value as TaskStatusRecord | undefined)?.id ?? second,
      );
      return;
    case 'targets': {
      const { value } = (change.after ?? change.before) as { value: TargetRecord };
      yield* keysOfTask(state, value.cluster, value.taskId);
      return;
    }
    case 'targetHealth': {
      const target = state.get(collections.targets, first, second);
      if (target) yield* keysOfTask(state, target.value.cluster, target.value.taskId);
      return;
    }
    case 'hosts': {
      const { value } = (change.after ?? change.before) as { value: HostRecord };
      yield* keysOfHost(state, value.id);
      yield* daemonsOf(state, value.cluster);
      return;
    }
    case 'sessions':
      if (first === 'host') yield* keysOfHost(state, second);
      else yield* keysOfAllTargets(state);
      return;
    case 'targetGroups':
    case 'taskDefinitions':
      yield* servicesWith(state, collection, parts);
      return;
    case 'clusters':
    case 'taskDefinitionFamilies':
    case 'listeners':
    case 'rules':
    case 'leader':
    case 'events':
      return;
    default:
      assertNever(collection);
  }
}

function keyOfTask({ cluster, service, id }: TaskRecord): string {
  return service === undefined ? `task/${cluster}/${id}` : serviceKey(cluster, service);
}

function* keysOfTask(state: State, cluster: string, id: string): Generator<string> {
  const task = state.get(collections.tasks, cluster, id);
  if (task) yield keyOfTask(task.value);
}

function* keysOfHost(state: State, hostId: string): Generator<string> {
  for (const { value } of state.tasksByHost(hostId)) yield keyOfTask(value);
}

function* daemonsOf(state: State, cluster: string): Generator<string> {
  for (const { value } of state.list(collections.services, cluster)) {
    if (value.schedulingStrategy === 'DAEMON') yield serviceKey(cluster, value.name);
  }
}

function* keysOfAllTargets(state: State): Generator<string> {
  const seen = new Set<string>();
  for (const { value } of state.list(collections.targets)) {
    const key = serviceKey(value.cluster, value.service);
    if (!seen.has(key)) yield key;
    seen.add(key);
  }
}

function* servicesWith(
  state: State,
  collection: 'targetGroups' | 'taskDefinitions',
  parts: readonly string[],
): Generator<string> {
  for (const { value } of state.list(collections.services)) {
    const uses =
      collection === 'taskDefinitions'
        ? value.taskDefinition === parts.join(':')
        : value.loadBalancers.some(({ targetGroupArn }) => targetGroupArn === parts[0]);
    if (uses) yield serviceKey(value.cluster, value.name);
  }
}
