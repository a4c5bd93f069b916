// The design's invariants, checked after every step by rules of their own: nothing here is shared with the code
// that is checked. Each throws an error that names the invariant.
import type { PlaceRequest, ServiceRecord, TaskRecord } from '@berth/model/generated/messages.ts';
import { codec } from '@berth/rpc/codec.ts';
import { collections, parseKey } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import type { Transaction } from '@berth/store/store.ts';

/**
 * Invariant 1: by the controller's own stops a service's healthy tasks never fall below the minimum.
 * @param state as it is when the transaction is offered
 */
export function checkStops(state: State, offered: Transaction): void {
  const stopped = new Map<string, Set<string>>();
  for (const { key, value } of offered.puts) {
    if (parseKey(key)?.collection !== collections.tasks) continue;
    const after = codec('TaskRecord').decode(value);
    const before = state.get(collections.tasks, after.cluster, after.id)?.value;
    if (before?.desiredStatus !== 'RUNNING' || after.desiredStatus !== 'STOPPED') continue;
    if (after.stopCode !== 'ServiceSchedulerInitiated' || after.service === undefined) continue;
    const ids = stopped.get(after.service) ?? new Set();
    stopped.set(after.service, ids.add(after.id));
  }
  for (const [name, ids] of stopped) {
    const service = [...state.list(collections.services)].find(({ value }) => value.name === name);
    if (service?.value.status !== 'ACTIVE') continue;
    const healthy = activeTasks(state, service.value).filter((task) => isHealthy(state, task));
    const left = healthy.filter(({ id }) => !ids.has(id)).length;
    const least = Math.min(healthy.length, minHealthy(service.value));
    if (left < least) {
      throw new Error(
        `invariant 1: ${name} would have ${left} healthy tasks of ${healthy.length}, ${least} must stay`,
      );
    }
  }
}

/** Invariants 2 and 5: what was just started stays within the maximum, and is not more than was wanted. */
export function checkStarts(state: State, request: PlaceRequest): void {
  const { cluster, service: name = '' } = request;
  const service = state.get(collections.services, cluster, name)?.value;
  if (!service) throw new Error(`invariant 5: a task was started for ${name}, which is gone`);
  const active = activeTasks(state, service);
  const most = maxTotal(service);
  if (active.length > most) {
    throw new Error(`invariant 2: ${name} has ${active.length} tasks, ${most} are allowed`);
  }
  const own = active.filter((task) => task.owner === request.owner);
  const good = own.filter((task) => !isSick(state, task) && !isLeaving(state, task));
  if (good.length > service.desiredCount) {
    throw new Error(
      `invariant 5: ${request.owner} of ${name} has ${good.length} tasks, ${service.desiredCount} are wanted`,
    );
  }
}

/** Invariant 3: no host holds more than it registered. */
export function checkHosts(state: State): void {
  for (const { value: host } of state.list(collections.hosts)) {
    let cpu = 0;
    let memory = 0;
    for (const { value: task } of state.tasksByHost(host.id)) {
      if (lastStatus(state, task) === 'STOPPED') continue;
      cpu += task.reserved?.cpu ?? 0;
      memory += task.reserved?.memory ?? 0;
    }
    const { cpu: hasCpu = 0, memory: hasMemory = 0 } = host.registeredResources ?? {};
    if (cpu > hasCpu || memory > hasMemory) {
      throw new Error(`invariant 3: ${host.id} holds ${cpu} units and ${memory} MiB`);
    }
  }
}

/** What of invariant 9 does not hold yet; undefined: the cluster is at rest, as it was asked to be. */
export function unrest(state: State): string | undefined {
  for (const { value: service } of state.list(collections.services)) {
    const found = unrestOf(state, service);
    if (found !== undefined) return `${service.name}: ${found}`;
  }
  for (const { value: target } of state.list(collections.targets)) {
    if (target.state === 'DRAINING') return `target ${target.id} is still there`;
  }
  for (const { value: task } of state.list(collections.tasks)) {
    if (task.desiredStatus === 'RUNNING') continue;
    if (task.holdPorts || task.drainBeforeStop) return `task ${task.id} is still held`;
    if (lastStatus(state, task) !== 'STOPPED') return `task ${task.id} has not stopped`;
  }
  return undefined;
}

function unrestOf(state: State, service: ServiceRecord): string | undefined {
  const record = state.get(collections.deployments, service.cluster, service.name)?.value;
  const active = activeTasks(state, service);
  if (service.status === 'INACTIVE') {
    if (record) return 'its deployments are still there';
    return active.length === 0 ? undefined : 'it still has tasks';
  }
  if (service.status === 'DRAINING') return 'it is still DRAINING';
  const [primary, ...others] = record?.deployments ?? [];
  if (others.length > 0) return `${others.length} old deployments`;
  if (primary?.rolloutState !== 'COMPLETED') return `rollout ${primary?.rolloutState ?? 'absent'}`;
  if (active.length !== service.desiredCount) return `${active.length} tasks`;
  if (!active.every((task) => isHealthy(state, task))) return 'not all healthy';
  if (!active.every((task) => task.taskDefinition === primary.taskDefinition)) return 'mixed tasks';
  return record?.steadySince === undefined ? 'not steady' : undefined;
}

function minHealthy({ desiredCount, deploymentConfiguration }: ServiceRecord): number {
  return Math.ceil((desiredCount * (deploymentConfiguration?.minimumHealthyPercent ?? 100)) / 100);
}

function maxTotal({ desiredCount, deploymentConfiguration }: ServiceRecord): number {
  return Math.floor((desiredCount * (deploymentConfiguration?.maximumPercent ?? 200)) / 100);
}

/** Pending or running, and wanted so. */
function activeTasks(state: State, { cluster, name }: ServiceRecord): TaskRecord[] {
  return [...state.tasksByService(cluster, name)]
    .map(({ value }) => value)
    .filter(
      (task) =>
        task.desiredStatus === 'RUNNING' &&
        !['STOPPING', 'STOPPED'].includes(lastStatus(state, task) ?? 'PENDING'),
    );
}

function lastStatus(state: State, { cluster, id }: TaskRecord): string | undefined {
  return state.get(collections.taskStatus, cluster, id)?.value.lastStatus;
}

/** Tasks of these services have either a container check or a target. */
function isHealthy(state: State, task: TaskRecord): boolean {
  const status = state.get(collections.taskStatus, task.cluster, task.id)?.value;
  if (status?.lastStatus !== 'RUNNING') return false;
  if (!task.holdPorts) return status.healthStatus === 'HEALTHY';
  const proxies = [...state.list(collections.sessions, 'proxy')].map(({ value }) => value.id);
  const [target] = state.targetsByTask(task.id);
  if (!target || proxies.length === 0) return false;
  return proxies.every((proxy) => {
    const { group, id } = target.value;
    return state.get(collections.targetHealth, group, id, proxy)?.value.state === 'healthy';
  });
}

function isSick(state: State, task: TaskRecord): boolean {
  const status = state.get(collections.taskStatus, task.cluster, task.id)?.value;
  if (!task.holdPorts) return status?.healthStatus === 'UNHEALTHY';
  return [...state.targetsByTask(task.id)].some(({ value: { group, id } }) =>
    [...state.list(collections.targetHealth, group, id)].some(
      ({ value }) => value.state === 'unhealthy',
    ),
  );
}

function isLeaving(state: State, { cluster, hostId }: TaskRecord): boolean {
  return state.get(collections.hosts, cluster, hostId)?.value.status === 'DRAINING';
}
