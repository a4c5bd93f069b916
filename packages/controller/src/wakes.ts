// Which services and tasks a change may concern. It never says what has to be done: the loops look for
// themselves, so one wake too many does no harm.
import { assertNever } from '@berth/model/assert.ts';
import type {
  AlarmRecord,
  HostRecord,
  TargetRecord,
  TaskRecord,
  TaskStatusRecord,
  TrafficWeightsRecord,
} from '@berth/model/generated/messages.ts';
import { watchedAlarms } from '@berth/model/resources/alarm.ts';
import { nameOf } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State } from '@berth/store/state.ts';

import { certificateKeys } from './acme/reconcile-certificate.ts';
import { serviceKey } from './service-reconciler.ts';

export type Wake =
  | { readonly of: 'service'; readonly key: string }
  /** A task outside of services. */
  | { readonly of: 'task'; readonly key: string }
  | { readonly of: 'host'; readonly key: string }
  /** A target group with targets that were registered by hand. */
  | { readonly of: 'group'; readonly key: string }
  | { readonly of: 'certificate'; readonly key: string }
  /** Something may fit now in this cluster that did not before. */
  | { readonly of: 'capacity'; readonly key: string };

/** Keys of everything that the service loop has to look at: also what is left of services that are gone. */
export function* allServices(state: State): Generator<string, void, undefined> {
  const seen = new Services();
  for (const { value } of state.list(collections.services)) seen.add(value.cluster, value.name);
  for (const { value } of state.list(collections.deployments)) {
    seen.add(value.cluster, value.service);
  }
  for (const { value } of state.list(collections.tasks)) {
    if (value.service !== undefined) seen.add(value.cluster, value.service);
  }
  yield* seen.keys();
}

/** Services, each once. A million tasks name a thousand of them: no key is made for each task. */
class Services {
  readonly #names = new Map<string, Set<string>>();

  add(cluster: string, service: string): void {
    const names = this.#names.get(cluster);
    if (names) names.add(service);
    else this.#names.set(cluster, new Set([service]));
  }

  *keys(): Generator<string, void, undefined> {
    for (const [cluster, names] of this.#names) {
      for (const name of names) yield serviceKey(cluster, name);
    }
  }
}

export function* wakesOf(change: Change, state: State): Generator<Wake, void, undefined> {
  const { collection, parts, before, after } = change;
  const [first = '', second = ''] = parts;
  const changed = (after ?? before)?.value;
  switch (collection) {
    case 'services':
    case 'taskSets':
    case 'deployments':
      yield { of: 'service', key: serviceKey(first, second) };
      return;
    case 'tasks': {
      const task = changed as TaskRecord;
      yield* ofTask(state, task);
      const held = (before?.value as TaskRecord | undefined)?.holdPorts === true;
      if (!after || (held && !task.holdPorts)) yield { of: 'capacity', key: first };
      return;
    }
    case 'taskStatus': {
      const task = state.get(collections.tasks, first, second)?.value;
      if (task) yield* ofTask(state, task);
      const status = after?.value as TaskStatusRecord | undefined;
      if (status?.lastStatus === 'STOPPED') yield { of: 'capacity', key: first };
      return;
    }
    case 'trafficWeights': {
      const { cluster, service } = changed as TrafficWeightsRecord;
      yield { of: 'service', key: serviceKey(cluster, service) };
      return;
    }
    case 'alarms':
      yield* watchersOf(state, (changed as AlarmRecord).name);
      return;
    case 'targets':
      yield ofTarget(changed as TargetRecord);
      return;
    case 'targetHealth': {
      const target = state.get(collections.targets, first, second);
      if (target) yield ofTarget(target.value);
      return;
    }
    case 'hosts':
      yield* ofHost(state, changed as HostRecord);
      for (const { value } of state.list(collections.targetRegistrations)) {
        if (value.id === second) yield { of: 'group', key: value.group };
      }
      return;
    case 'sessions':
      if (first === 'proxy') yield* balanced(state);
      else {
        for (const { value } of state.hostsById(second)) yield* ofHost(state, value);
      }
      return;
    case 'targetGroups':
      yield { of: 'group', key: first };
      yield* usersOf(state, collection, parts);
      return;
    case 'taskDefinitions':
      yield* usersOf(state, collection, parts);
      return;
    case 'targetRegistrations':
      yield { of: 'group', key: first };
      return;
    case 'certificates':
      yield { of: 'certificate', key: first };
      return;
    case 'acme':
      for (const key of certificateKeys(state)) yield { of: 'certificate', key };
      return;
    case 'listeners':
    case 'rules':
      yield* shiftersOf(state, first);
      return;
    case 'leader':
      if (first === 'scheduler' && after) yield* everyService(state);
      return;
    case 'clusters':
    case 'capacityProviders':
    case 'accountSettings':
    case 'serviceDeployments':
    case 'serviceRevisions':
    case 'imagePins':
    case 'deregisteredHosts':
    case 'placementDecisions':
    case 'taskDefinitionFamilies':
    case 'loadBalancers':
    case 'trustStores':
    case 'scalableTargets':
    case 'scalingPolicies':
    case 'scheduledActions':
    case 'acmeChallenges':
    case 'secrets':
    case 'users':
    case 'accessKeys':
    case 'accessKeyUses':
    case 'policies':
    case 'roles':
    case 'listenerPorts':
    case 'logGroups':
    case 'events':
    case 'eventHorizons':
    case 'eventSinks':
    case 'eventSinkCursors':
    case 'eventDeadLetters':
    case 'deploymentCertificates':
      return;
    default:
      assertNever(collection);
  }
}

function* ofTask(state: State, task: TaskRecord): Generator<Wake, void, undefined> {
  const { cluster, service, id, hostId } = task;
  if (service === undefined) yield { of: 'task', key: `${cluster}/${id}` };
  else yield { of: 'service', key: serviceKey(cluster, service) };
  // A draining host's daemons wait for its other tasks to be gone.
  const host = state.get(collections.hosts, cluster, hostId);
  if (host?.value.status === 'DRAINING') yield* daemonsOf(state, cluster);
}

function* ofHost(state: State, { id, cluster }: HostRecord): Generator<Wake, void, undefined> {
  yield { of: 'host', key: `${cluster}/${id}` };
  yield { of: 'capacity', key: cluster };
  yield* tasksOf(state, id);
  yield* daemonsOf(state, cluster);
}

/** Everything with a task on the host. */
export function* tasksOf(state: State, hostId: string): Generator<Wake, void, undefined> {
  for (const { value } of state.tasksByHost(hostId)) {
    const { cluster, service, id } = value;
    if (service === undefined) yield { of: 'task', key: `${cluster}/${id}` };
    else yield { of: 'service', key: serviceKey(cluster, service) };
  }
}

export function* daemonsOf(state: State, cluster: string): Generator<Wake, void, undefined> {
  for (const { value } of state.list(collections.services, cluster)) {
    if (value.schedulingStrategy !== 'DAEMON') continue;
    yield { of: 'service', key: serviceKey(cluster, value.name) };
  }
}

/** Whatever has targets. */
function* balanced(state: State): Generator<Wake, void, undefined> {
  const services = new Services();
  const groups = new Set<string>();
  for (const { value } of state.list(collections.targets)) {
    if (value.taskId === '') groups.add(value.group);
    else services.add(value.cluster, value.service);
  }
  for (const key of services.keys()) yield { of: 'service', key };
  for (const key of groups) yield { of: 'group', key };
}

function* usersOf(
  state: State,
  collection: 'targetGroups' | 'taskDefinitions',
  parts: readonly string[],
): Generator<Wake, void, undefined> {
  for (const { value } of state.list(collections.services)) {
    const uses =
      collection === 'taskDefinitions'
        ? value.taskDefinition === parts.join(':')
        : value.loadBalancers.some(({ targetGroupArn }) => nameOf(targetGroupArn) === parts[0]);
    if (uses) yield { of: 'service', key: serviceKey(value.cluster, value.name) };
  }
  for (const { value } of state.list(collections.taskSets)) {
    const uses =
      collection === 'taskDefinitions'
        ? value.taskDefinition === parts.join(':')
        : value.loadBalancers.some(({ targetGroupArn }) => nameOf(targetGroupArn) === parts[0]);
    if (uses) yield { of: 'service', key: serviceKey(value.cluster, value.service) };
  }
}

/** The services whose deployments look at an alarm. */
function* watchersOf(state: State, alarm: string): Generator<Wake, void, undefined> {
  for (const { value } of state.list(collections.services)) {
    if (!watchedAlarms(value.deploymentConfiguration).includes(alarm)) continue;
    yield { of: 'service', key: serviceKey(value.cluster, value.name) };
  }
}

/** The services whose deployments shift the traffic of a listener's rules. */
function* shiftersOf(state: State, listener: string): Generator<Wake, void, undefined> {
  for (const { value } of state.list(collections.trafficWeights, listener)) {
    yield { of: 'service', key: serviceKey(value.cluster, value.service) };
  }
}

function* everyService(state: State): Generator<Wake, void, undefined> {
  for (const key of allServices(state)) yield { of: 'service', key };
}

function ofTarget({ cluster, service, taskId, group }: TargetRecord): Wake {
  if (taskId === '') return { of: 'group', key: group };
  return { of: 'service', key: serviceKey(cluster, service) };
}
