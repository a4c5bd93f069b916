// Builds what `planDeployment` decides on from one consistent state and the controller's observations.
import type { HostView, ServiceView, TargetView, TaskView } from '@berth/model/deployment/view.ts';
import { eligibleHosts } from '@berth/model/deployment/daemon.ts';
import { isLost } from '@berth/model/deployment/view.ts';
import type {
  ServiceDeploymentsRecord,
  ServiceRecord,
  TargetGroupRecord,
  TaskDefinitionRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { chargeOf } from '@berth/model/placement/charge.ts';
import { hostView as placementHost } from '@berth/model/placement/host.ts';
import { Ledger } from '@berth/model/placement/ledger.ts';
import { placementSpec } from '@berth/model/placement/spec.ts';
import { nameOf } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { serviceKey } from './keys.ts';
import type { Observations } from './observations.ts';

export interface Vantage {
  readonly state: State;
  readonly observations: Observations;
  readonly hostLostAfterMs: number;
  readonly now: number;
}

export function serviceView(vantage: Vantage, cluster: string, name: string): ServiceView {
  const { state, observations, hostLostAfterMs } = vantage;
  const service = state.get(collections.services, cluster, name)?.value;
  const record = state.get(collections.deployments, cluster, name)?.value;
  const tasks = [...state.tasksByService(cluster, name)].map(({ value }) =>
    taskView(vantage, value),
  );
  const hosts = new Map<string, HostView>();
  for (const { task } of tasks) addHost(vantage, hosts, task.cluster, task.hostId);
  const eligible =
    service?.schedulingStrategy === 'DAEMON' ? daemonHosts(vantage, service, hosts) : undefined;
  return {
    cluster,
    name,
    service,
    record,
    tasks,
    definitions: definitionsOf(state, service, record, tasks),
    groups: groupsOf(state, service, record, tasks),
    hosts,
    proxies: observations.proxies(state),
    hostLostAfterMs,
    placementHeldUntil: observations.placementHeldUntil(serviceKey(cluster, name)),
    eligibleHosts: eligible,
  };
}

/** What bears on one task of no service. */
export function standaloneView(
  vantage: Vantage,
  task: TaskRecord,
): {
  readonly task: TaskView;
  readonly around: Pick<ServiceView, 'hosts' | 'hostLostAfterMs' | 'proxies' | 'groups'>;
} {
  const { state, observations, hostLostAfterMs } = vantage;
  const view = taskView(vantage, task);
  const hosts = new Map<string, HostView>();
  addHost(vantage, hosts, task.cluster, task.hostId);
  return {
    task: view,
    around: {
      hosts,
      hostLostAfterMs,
      proxies: observations.proxies(state),
      groups: groupsOf(state, undefined, undefined, [view]),
    },
  };
}

function taskView({ state, observations }: Vantage, task: TaskRecord): TaskView {
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

function addHost(
  vantage: Vantage,
  hosts: Map<string, HostView>,
  cluster: string,
  hostId: string,
): void {
  if (hosts.has(hostId)) return;
  const { state, observations } = vantage;
  const record = state.get(collections.hosts, cluster, hostId)?.value;
  const connected = state.get(collections.sessions, 'host', hostId) !== undefined;
  let cpuFree = record?.registeredResources?.cpu ?? 0;
  let memoryFree = record?.registeredResources?.memory ?? 0;
  let replicaTasks = 0;
  for (const { value: task } of state.tasksByHost(hostId)) {
    const charge = chargeOf(task, state.get(collections.taskStatus, task.cluster, task.id)?.value);
    cpuFree -= charge?.cpu ?? 0;
    memoryFree -= charge?.memory ?? 0;
    if (charge !== undefined && isReplica(state, task)) replicaTasks += 1;
  }
  hosts.set(hostId, {
    record,
    connected,
    goneSince: connected ? undefined : observations.hostGoneSince(hostId),
    replicaTasks,
    cpuFree,
    memoryFree,
  });
}

function isReplica(state: State, { cluster, service }: TaskRecord): boolean {
  if (service === undefined) return false;
  return state.get(collections.services, cluster, service)?.value.schedulingStrategy === 'REPLICA';
}

/** The hosts on which a DAEMON service should run a task; adds them to `hosts`. */
function daemonHosts(
  vantage: Vantage,
  service: ServiceRecord,
  hosts: Map<string, HostView>,
): readonly string[] {
  const { state, hostLostAfterMs, now } = vantage;
  const definition = definitionOf(state, service.taskDefinition);
  if (!definition) return [];
  const ledger = new Ledger();
  for (const { value } of state.list(collections.hosts, service.cluster)) {
    addHost(vantage, hosts, service.cluster, value.id);
    if (isLost({ hosts, hostLostAfterMs }, value.id, now)) continue;
    ledger.putHost(placementHost(value, hosts.get(value.id)?.connected === true));
  }
  for (const { value } of state.list(collections.tasks, service.cluster)) {
    const status = state.get(collections.taskStatus, service.cluster, value.id)?.value;
    const charge = chargeOf(value, status);
    if (charge) ledger.charge(value.id, charge);
  }
  const spec = placementSpec({
    definition,
    group: `service:${service.name}`,
    ofService: true,
    placementConstraints: service.placementConstraints,
    placementStrategy: service.placementStrategy,
  });
  return eligibleHosts(ledger, spec);
}

function definitionsOf(
  state: State,
  service: ServiceRecord | undefined,
  record: ServiceDeploymentsRecord | undefined,
  tasks: readonly TaskView[],
): Map<string, TaskDefinitionRecord> {
  const found = new Map<string, TaskDefinitionRecord>();
  const names = [
    ...(service ? [service.taskDefinition] : []),
    ...(record?.deployments ?? []).map(({ taskDefinition }) => taskDefinition),
    ...tasks.map(({ task }) => task.taskDefinition),
  ];
  for (const name of new Set(names)) {
    const definition = definitionOf(state, name);
    if (definition) found.set(name, definition);
  }
  return found;
}

function definitionOf(state: State, name: string): TaskDefinitionRecord | undefined {
  const [family = '', revision = ''] = name.split(':');
  return state.get(collections.taskDefinitions, family, revision)?.value;
}

function groupsOf(
  state: State,
  service: ServiceRecord | undefined,
  record: ServiceDeploymentsRecord | undefined,
  tasks: readonly TaskView[],
): Map<string, TargetGroupRecord> {
  const found = new Map<string, TargetGroupRecord>();
  const names = [
    ...(service?.loadBalancers ?? []).map(({ targetGroupArn }) => nameOf(targetGroupArn)),
    ...(record?.deployments ?? []).flatMap(({ loadBalancers }) =>
      loadBalancers.map(({ targetGroupArn }) => nameOf(targetGroupArn)),
    ),
    ...tasks.flatMap(({ targets }) => targets.map((target) => target.record.group)),
  ];
  for (const name of new Set(names)) {
    const group = state.get(collections.targetGroups, name)?.value;
    if (group) found.set(name, group);
  }
  return found;
}
