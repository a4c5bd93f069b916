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

export interface ViewOptions {
  readonly observations: Observations;
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
  const tasks = [...state.tasksByService(cluster, name)].map((stored) =>
    readTask(state, stored, options.observations),
  );
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
    rebalances(service, rebalanceOntoHosts) && mayMove(state, record, tasks, rebalanceOntoHosts)
      ? readEligible(state, service, options)
      : undefined;
  const hostIds = new Set([
    ...tasks.map(({ task }) => task.hostId),
    ...(eligible ?? []),
    ...(placeable ?? []),
  ]);
  const packs = service?.placementStrategy.some(({ type }) => type === 'binpack') ?? false;
  return {
    cluster,
    name,
    service,
    record,
    taskSets,
    alarms: readAlarms(state, service),
    tasks,
    definitions: readDefinitions(state, [
      ...tasks.map(({ task }) => task.taskDefinition),
      ...(service ? [service.taskDefinition] : []),
      ...taskSets.map(({ taskDefinition }) => taskDefinition),
    ]),
    groups: readGroups(state, balancers, tasks),
    routes: readRoutes(state, balancers),
    hosts: readHosts(state, cluster, hostIds, packs, options),
    proxies: options.observations.proxies(state),
    hostLostAfterMs: options.hostLostAfterMs,
    eligibleHosts: eligible,
    placeableHosts: placeable,
    rebalanceOntoHosts,
  };
}

export function readTask(
  state: State,
  { value: task }: Stored<TaskRecord>,
  observations: Observations,
): TaskView {
  const targets = [...state.targetsByTask(task.id)].map(({ value: record }): TargetView => ({
    record,
    health: [...state.list(collections.targetHealth, record.group, record.id)].map(
      ({ value }) => value,
    ),
  }));
  return {
    task,
    status: state.get(collections.taskStatus, task.cluster, task.id)?.value,
    runningSince: observations.runningSince(task.id),
    targets,
  };
}

/** What a plan needs to know of hosts, by id. Those that are not registered are left out. */
export function readHosts(
  state: State,
  cluster: string,
  ids: Iterable<string>,
  withCapacity: boolean,
  { observations }: Pick<ViewOptions, 'observations'>,
): ReadonlyMap<string, HostView> {
  const hosts = new Map<string, HostView>();
  for (const id of ids) {
    const record = state.get(collections.hosts, cluster, id)?.value;
    if (!record) continue;
    const free = withCapacity ? freeOn(state, record) : { cpuFree: 0, memoryFree: 0 };
    hosts.set(id, {
      record,
      connected: isConnected(state, id),
      goneSince: observations.hostGoneSince(id),
      replicaTasks: record.status === 'DRAINING' ? replicaTasksOn(state, id) : 0,
      ...free,
    });
  }
  return hosts;
}

export function isConnected(state: State, hostId: string): boolean {
  return state.get(collections.sessions, 'host', hostId) !== undefined;
}

function freeOn(state: State, host: HostRecord): { cpuFree: number; memoryFree: number } {
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
  state: State,
  record: ServiceDeploymentsRecord | undefined,
  tasks: readonly TaskView[],
  ontoHosts: boolean,
): boolean {
  if (!record) return false;
  if (record.rebalancing) return true;
  if (record.steadySince === undefined) return false;
  const counts = new Map<string, number>();
  for (const { value } of state.list(collections.hosts, record.cluster)) {
    if (value.status === 'ACTIVE') counts.set(placeOf(value, ontoHosts), 0);
  }
  for (const { task, status } of tasks) {
    if (task.desiredStatus !== 'RUNNING' || status?.lastStatus === 'STOPPED') continue;
    const host = state.get(collections.hosts, task.cluster, task.hostId)?.value;
    const place = host ? placeOf(host, ontoHosts) : '';
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
  const hosts = readHosts(state, service.cluster, ids, false, options);
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
  tasks: readonly TaskView[],
): ReadonlyMap<string, TargetGroupRecord> {
  const names = [
    ...balancers.flatMap(({ targetGroupArn, advancedConfiguration: of }) => [
      nameOf(targetGroupArn),
      ...(of ? [nameOf(of.alternateTargetGroupArn)] : []),
    ]),
    ...tasks.flatMap(({ targets }) => targets.map(({ record }) => record.group)),
  ];
  const found = new Map<string, TargetGroupRecord>();
  for (const name of new Set(names)) {
    const record = state.get(collections.targetGroups, name)?.value;
    if (record) found.set(name, record);
  }
  return found;
}
