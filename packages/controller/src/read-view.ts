// Reads from the state what a plan for one service is made from. Reads everything in one go, so that it is of one
// revision; changes nothing.
import { chargeOf } from '@berth/model/placement/charge.ts';
import { daemonSpec, eligibleHosts } from '@berth/model/deployment/daemon.ts';
import type { Routes, RouteView } from '@berth/model/deployment/shifting/begin.ts';
import { rebalances, ZONE } from '@berth/model/deployment/rebalancing.ts';
import {
  type HostView,
  isLost,
  type ServiceView,
  type TargetView,
  type TaskView,
} from '@berth/model/deployment/view.ts';
import type {
  AlarmRecord,
  HostRecord,
  LoadBalancer,
  ServiceDeploymentsRecord,
  ServiceRecord,
  TargetGroupRecord,
  TaskDefinitionRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { hostView } from '@berth/model/placement/host.ts';
import { Ledger } from '@berth/model/placement/ledger.ts';
import { alarmKey, watchedAlarms } from '@berth/model/resources/alarm.ts';
import { nameOf } from '@berth/model/resources/arn.ts';
import { parseDefinitionName } from '@berth/model/resources/task-definition.ts';
import {
  DEFAULT_RULE,
  groupWeightsOf,
  parseRuleName,
} from '@berth/model/routing/traffic-weights.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import type { Observations } from './observations.ts';

/** The tasks of a service, and what they name. */
export interface ServiceTasks {
  readonly tasks: readonly TaskView[];
  /** Without their load; by id. Those that are not registered are left out. */
  readonly hosts: ReadonlyMap<string, HostView>;
  readonly taskDefinitions: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
}

/** The zones, or the hosts in them, that the tasks of a cluster are spread over. */
export interface Places {
  /** Of ACTIVE hosts. */
  readonly active: ReadonlySet<string>;
  /** By the id of a host. */
  readonly byHost: ReadonlyMap<string, string>;
}

/** The many things that a view is made of: read from the records, or kept ready by `ServiceViews`. */
export interface ViewParts {
  tasksOf(cluster: string, service: string): ServiceTasks;
  /** As far as can be told without the rules of placement. */
  isUneven(cluster: string, service: string, ontoHosts: boolean): boolean;
}

export interface ViewOptions {
  readonly observations: Observations;
  /** Default: everything is read from the records. */
  readonly views?: ViewParts | undefined;
  readonly hostLostAfterMs: number;
  readonly rebalanceOntoHosts?: boolean | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** The view of a service; also of one whose record is gone but whose tasks are not. */
export function readView(
  state: State,
  cluster: string,
  name: string,
  options: ViewOptions,
): ServiceView {
  const service = state.get(collections.services, cluster, name)?.value;
  const record = state.get(collections.deployments, cluster, name)?.value;
  const parts = options.views ?? partsOf(state, options.observations);
  const around = parts.tasksOf(cluster, name);
  const { tasks } = around;
  const taskSets = Array.from(
    state.list(collections.taskSets, cluster, name),
    ({ value }) => value,
  );
  const balancers = [
    ...(service?.loadBalancers ?? []),
    ...(record?.deployments ?? []).flatMap(({ loadBalancers }) => loadBalancers),
    ...taskSets.flatMap(({ loadBalancers }) => loadBalancers),
  ];
  const eligible =
    service?.schedulingStrategy === 'DAEMON' && service.status === 'ACTIVE'
      ? readEligible(state, service, options)
      : undefined;
  const { rebalanceOntoHosts = false } = options;
  const placeable =
    rebalances(service, rebalanceOntoHosts) && mayMove(parts, record, rebalanceOntoHosts)
      ? readEligible(state, service, options)
      : undefined;
  const others = [...(eligible ?? []), ...(placeable ?? [])].filter((id) => !around.hosts.has(id));
  return {
    cluster,
    name,
    service,
    record,
    taskSets,
    alarms: readAlarms(state, service),
    tasks,
    definitions: readDefinitions(state, [
      ...around.taskDefinitions,
      ...(service ? [service.taskDefinition] : []),
      ...taskSets.map(({ taskDefinition }) => taskDefinition),
    ]),
    groups: readGroups(state, balancers, around.groups),
    routes: readRoutes(state, balancers),
    hosts: withLoad(state, service, [around.hosts, readHosts(state, cluster, others, options)]),
    proxies: options.observations.proxies(state),
    hostLostAfterMs: options.hostLostAfterMs,
    eligibleHosts: eligible,
    placeableHosts: placeable,
    rebalanceOntoHosts,
  };
}

/** The parts of views as the records have them now. */
function partsOf(state: State, observations: Observations): ViewParts {
  const read = (cluster: string, service: string): TaskView[] =>
    Array.from(state.tasksByService(cluster, service), (stored) =>
      readTask(state, stored, observations),
    );
  return {
    tasksOf: (cluster, service) => {
      const tasks = read(cluster, service);
      const named = namesIn(tasks);
      return { tasks, hosts: readHosts(state, cluster, named.hostIds, { observations }), ...named };
    },
    isUneven: (cluster, service, ontoHosts) =>
      areUneven(read(cluster, service), readPlaces(state, cluster, ontoHosts)),
  };
}

export interface Names {
  readonly hostIds: ReadonlySet<string>;
  readonly taskDefinitions: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
}

export function namesIn(tasks: Iterable<TaskView>): Names {
  const hostIds = new Set<string>();
  const taskDefinitions = new Set<string>();
  const groups = new Set<string>();
  for (const { task, targets } of tasks) {
    hostIds.add(task.hostId);
    taskDefinitions.add(task.taskDefinition);
    for (const { record } of targets) groups.add(record.group);
  }
  return { hostIds, taskDefinitions, groups };
}

export function readTask(
  state: State,
  { value: task }: Stored<TaskRecord>,
  observations: Observations,
): TaskView {
  const status = state.get(collections.taskStatus, task.cluster, task.id)?.value;
  return {
    task,
    status,
    runningSince: observations.runningSince(status),
    targets: readTargets(state, task.id),
  };
}

const NO_TARGETS: readonly TargetView[] = [];

/** Of a task. */
export function readTargets(state: State, taskId: string): readonly TargetView[] {
  let targets: TargetView[] | undefined;
  for (const { value: record } of state.targetsByTask(taskId)) {
    const reports = state.list(collections.targetHealth, record.group, record.id);
    (targets ??= []).push({ record, health: Array.from(reports, ({ value }) => value) });
  }
  return targets ?? NO_TARGETS;
}

/** What a plan needs to know of hosts, by id. Those that are not registered are left out. */
export function readHosts(
  state: State,
  cluster: string,
  ids: Iterable<string>,
  { observations }: Pick<ViewOptions, 'observations'>,
): ReadonlyMap<string, HostView> {
  const hosts = new Map<string, HostView>();
  for (const id of ids) {
    const host = readHost(state, cluster, id, observations);
    if (host) hosts.set(id, host);
  }
  return hosts;
}

/** Without its load. @returns undefined when it is not registered */
export function readHost(
  state: State,
  cluster: string,
  id: string,
  observations: Observations,
): HostView | undefined {
  const record = state.get(collections.hosts, cluster, id)?.value;
  if (!record) return undefined;
  const connected = isConnected(state, id);
  const goneSince = connected ? undefined : observations.hostGoneSince(id);
  return { record, connected, goneSince, replicaTasks: 0, cpuFree: 0, memoryFree: 0 };
}

/** All of these hosts, with what their tasks mean to the service; that costs something, and few services ask. */
function withLoad(
  state: State,
  service: ServiceRecord | undefined,
  [own, others]: readonly [ReadonlyMap<string, HostView>, ReadonlyMap<string, HostView>],
): ReadonlyMap<string, HostView> {
  const packs = service?.placementStrategy.some(({ type }) => type === 'binpack') ?? false;
  const isDaemon = service?.schedulingStrategy === 'DAEMON';
  if (!packs && !isDaemon) return others.size === 0 ? own : new Map([...own, ...others]);
  const hosts = new Map<string, HostView>();
  for (const [id, host] of [...own, ...others]) {
    const draining = isDaemon && host.record?.status === 'DRAINING';
    const replicaTasks = draining ? replicaTasksOn(state, id) : 0;
    hosts.set(id, packs ? withRoom(state, host, replicaTasks) : { ...host, replicaTasks });
  }
  return hosts;
}

export function isConnected(state: State, hostId: string): boolean {
  return state.get(collections.sessions, 'host', hostId) !== undefined;
}

interface Room {
  readonly cpuFree: number;
  readonly memoryFree: number;
}

/** What is free is counted when somebody asks, in the same turn: only who stops some tasks of many does. */
function withRoom(state: State, host: HostView, replicaTasks: number): HostView {
  let room: Room | undefined;
  const counted = (): Room => (room ??= host.record ? freeOn(state, host.record) : host);
  return {
    ...host,
    replicaTasks,
    get cpuFree() {
      return counted().cpuFree;
    },
    get memoryFree() {
      return counted().memoryFree;
    },
  };
}

function freeOn(state: State, host: HostRecord): Room {
  let cpuFree = host.registeredResources?.cpu ?? 0;
  let memoryFree = host.registeredResources?.memory ?? 0;
  for (const { value: task } of state.tasksByHost(host.id)) {
    const charge = chargeOf(task, state.get(collections.taskStatus, task.cluster, task.id)?.value);
    cpuFree -= charge?.cpu ?? 0;
    memoryFree -= charge?.memory ?? 0;
  }
  return { cpuFree, memoryFree };
}

function replicaTasksOn(state: State, hostId: string): number {
  let count = 0;
  for (const { value: task } of state.tasksByHost(hostId)) {
    if (task.service === undefined) continue;
    const service = state.get(collections.services, task.cluster, task.service)?.value;
    const status = state.get(collections.taskStatus, task.cluster, task.id)?.value;
    if (service?.schedulingStrategy !== 'DAEMON' && status?.lastStatus !== 'STOPPED') count += 1;
  }
  return count;
}

/** Cheaply, and for every service: nothing has to be known of hosts where the service is not at rest or is balanced. */
function mayMove(
  parts: ViewParts,
  record: ServiceDeploymentsRecord | undefined,
  ontoHosts: boolean,
): boolean {
  if (!record) return false;
  if (record.rebalancing) return true;
  if (record.steadySince === undefined) return false;
  return parts.isUneven(record.cluster, record.service, ontoHosts);
}

export function areUneven(tasks: readonly TaskView[], { active, byHost }: Places): boolean {
  const counts = new Map<string, number>();
  for (const place of active) counts.set(place, 0);
  for (const { task, status } of tasks) {
    if (task.desiredStatus !== 'RUNNING' || status?.lastStatus === 'STOPPED') continue;
    const place = byHost.get(task.hostId) ?? '';
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  let most = 0;
  let fewest = Number.POSITIVE_INFINITY;
  for (const count of counts.values()) {
    most = Math.max(most, count);
    fewest = Math.min(fewest, count);
  }
  return most - fewest >= 2;
}

export function readPlaces(state: State, cluster: string, ontoHosts: boolean): Places {
  const active = new Set<string>();
  const byHost = new Map<string, string>();
  for (const { value } of state.list(collections.hosts, cluster)) {
    const place = placeOf(value, ontoHosts);
    byHost.set(value.id, place);
    if (value.status === 'ACTIVE') active.add(place);
  }
  return { active, byHost };
}

function placeOf(host: HostRecord, ontoHosts: boolean): string {
  const zone = host.attributes.find(({ name }) => name === ZONE)?.value ?? '';
  return ontoHosts ? `${zone}/${host.id}` : zone;
}

/** The hosts that placement would take for the service, were there room, and that are not lost. */
function readEligible(state: State, service: ServiceRecord, options: ViewOptions): string[] {
  const definition = readDefinitions(state, [service.taskDefinition]).get(service.taskDefinition);
  if (!definition) return [];
  const spec = daemonSpec(service, definition);
  const records = [...state.list(collections.hosts, service.cluster)].map(({ value }) => value);
  const ids = records.map(({ id }) => id);
  const hosts = readHosts(state, service.cluster, ids, options);
  const around = { hosts, hostLostAfterMs: options.hostLostAfterMs };
  const ledger = new Ledger();
  for (const record of records) {
    if (isLost(around, record.id, options.now)) continue;
    ledger.putHost(hostView(record, isConnected(state, record.id)));
    if (spec.memberOf.some(({ text }) => text.includes('task:'))) chargeHost(state, ledger, record);
  }
  return eligibleHosts(ledger, spec);
}

function chargeHost(state: State, ledger: Ledger, host: HostRecord): void {
  for (const { value: task } of state.tasksByHost(host.id)) {
    const charge = chargeOf(task, state.get(collections.taskStatus, task.cluster, task.id)?.value);
    if (charge) ledger.charge(task.id, charge);
  }
}

/** What the service's deployments look at. */
function readAlarms(
  state: State,
  service: ServiceRecord | undefined,
): ReadonlyMap<string, AlarmRecord> {
  const found = new Map<string, AlarmRecord>();
  for (const name of watchedAlarms(service?.deploymentConfiguration)) {
    const record = state.get(collections.alarms, alarmKey(name))?.value;
    if (record) found.set(name, record);
  }
  return found;
}

function readDefinitions(
  state: State,
  names: readonly string[],
): ReadonlyMap<string, TaskDefinitionRecord> {
  const found = new Map<string, TaskDefinitionRecord>();
  for (const name of new Set(names)) {
    const { family, revision } = parseDefinitionName(name) ?? {};
    if (family === undefined || revision === undefined) continue;
    const record = state.get(collections.taskDefinitions, family, String(revision))?.value;
    if (record) found.set(name, record);
  }
  return found;
}

/** The rules by which deployments shift traffic. */
function readRoutes(state: State, balancers: readonly LoadBalancer[]): Routes {
  const found = new Map<string, RouteView>();
  for (const { advancedConfiguration: of } of balancers) {
    for (const name of [of?.productionListenerRule, of?.testListenerRule]) {
      const route = name === undefined ? undefined : readRoute(state, name);
      if (name !== undefined && route) found.set(name, route);
    }
  }
  return found;
}

function readRoute(state: State, name: string): RouteView | undefined {
  const { listenerId, ruleId } = parseRuleName(name);
  const listener = state.get(collections.listeners, listenerId)?.value;
  const actions =
    ruleId === DEFAULT_RULE
      ? listener?.defaultActions
      : listener && state.get(collections.rules, listenerId, ruleId)?.value.actions;
  if (!actions) return undefined;
  const overlay = state.get(collections.trafficWeights, listenerId, ruleId)?.value;
  return { groups: groupWeightsOf(actions), overlay };
}

function readGroups(
  state: State,
  balancers: readonly LoadBalancer[],
  used: ReadonlySet<string>,
): ReadonlyMap<string, TargetGroupRecord> {
  const names = [
    ...balancers.flatMap(({ targetGroupArn, advancedConfiguration: of }) => [
      nameOf(targetGroupArn),
      ...(of ? [nameOf(of.alternateTargetGroupArn)] : []),
    ]),
    ...used,
  ];
  const found = new Map<string, TargetGroupRecord>();
  for (const name of new Set(names)) {
    const record = state.get(collections.targetGroups, name)?.value;
    if (record) found.set(name, record);
  }
  return found;
}
