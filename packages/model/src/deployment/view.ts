// What a deployment plan is made from: one consistent view of a service and of all that bears on it. Plain
// data, built by the controller from the state, or by a test by hand. Times are milliseconds of the
// controller's own clock unless a record's comment says otherwise.
import type {
  AlarmRecord,
  HostRecord,
  ServiceDeploymentsRecord,
  ServiceRecord,
  TargetGroupRecord,
  TargetHealthRecord,
  TargetRecord,
  TaskDefinitionRecord,
  TaskRecord,
  TaskSetRecord,
  TaskStatusRecord,
} from '../generated/messages.ts';
import type { Routes } from './shifting/begin.ts';

export interface TargetView {
  readonly record: TargetRecord;
  /** What the proxies say of it, one record a proxy. */
  readonly health: readonly TargetHealthRecord[];
}

export interface TaskView {
  readonly task: TaskRecord;
  /** Absent until the agent has said something about it. */
  readonly status?: TaskStatusRecord | undefined;
  /** When the controller first saw it RUNNING. The agent's own start time is of another machine's clock. */
  readonly runningSince?: number | undefined;
  readonly targets: readonly TargetView[];
}

export interface HostView {
  /** Absent: the host was deregistered. */
  readonly record?: HostRecord | undefined;
  readonly connected: boolean;
  /** While it is not connected: when the controller saw its session go. */
  readonly goneSince?: number | undefined;
  /** Tasks of REPLICA services that still have to leave it; its daemons go last. */
  readonly replicaTasks: number;
  /** CPU units and MiB that no task holds. */
  readonly cpuFree: number;
  readonly memoryFree: number;
}

export interface ProxiesView {
  /** Those with a session. */
  readonly live: readonly string[];
  /** Those whose session vanished lately: they may still route by their last table until then. */
  readonly vanished: readonly { readonly id: string; readonly until: number }[];
  /** Until then proxies may be at work that the controller has never seen: it has only just started. */
  readonly settledAt: number;
}

export interface ServiceView {
  /** The rules that the service's load balancers name, of services whose deployments shift traffic; by LISTENER/RULE. */
  readonly routes?: Routes | undefined;
  readonly cluster: string;
  readonly name: string;
  /** Absent: the record was deleted; what is left of the service has to go. */
  readonly service?: ServiceRecord | undefined;
  /** Absent: nothing has been planned for this service yet. */
  readonly record?: ServiceDeploymentsRecord | undefined;
  /** Of deployment controller EXTERNAL; DRAINING ones too. Absent: none. */
  readonly taskSets?: readonly TaskSetRecord[] | undefined;
  /** The alarms that the service's deployments look at, by name; those that exist. Absent: none. */
  readonly alarms?: ReadonlyMap<string, AlarmRecord> | undefined;
  /** Every task record of the service, stopped ones included. */
  readonly tasks: readonly TaskView[];
  /** By family:revision; those that the tasks and the service name. */
  readonly definitions: ReadonlyMap<string, TaskDefinitionRecord>;
  /** By name; those that the service and its deployments name. */
  readonly groups: ReadonlyMap<string, TargetGroupRecord>;
  /** By id; those that the tasks are on, and the eligible ones. A host that is not here is lost. */
  readonly hosts: ReadonlyMap<string, HostView>;
  readonly proxies: ProxiesView;
  readonly hostLostAfterMs: number;
  /** No host fitted lately: until then nothing is placed. Absent: try. */
  readonly placementHeldUntil?: number | undefined;
  /**
   * The hosts that may take a task by the rules of placement, resources aside; absent where tasks are not moved, or not now.
   * They are in `hosts`.
   */
  readonly placeableHosts?: readonly string[] | undefined;
  /** Tasks are moved onto hosts that joined. */
  readonly rebalanceOntoHosts?: boolean | undefined;
  /** DAEMON services: the hosts that should run a task, by the rules of placement, resources aside. */
  readonly eligibleHosts?: readonly string[] | undefined;
}

/** The task's host was deregistered, or has had no session for too long. */
export function isLost(view: HostsView, hostId: string, now: number): boolean {
  const host = view.hosts.get(hostId);
  if (host?.record === undefined) return true;
  return !host.connected && now >= lostAt(view, host);
}

/** When a host without a session will count as lost. */
export function lostAt(view: HostsView, host: HostView): number {
  return (host.goneSince ?? 0) + view.hostLostAfterMs;
}

export type HostsView = Pick<ServiceView, 'hosts' | 'hostLostAfterMs'>;

/** Its containers are gone, or can never be reached again: it holds nothing up any more. */
export function isGone(view: HostsView, of: TaskView, now: number): boolean {
  return of.status?.lastStatus === 'STOPPED' || isLost(view, of.task.hostId, now);
}

/** On its way down, whoever ordered it and however far it has come. */
export function isEnding(view: HostsView, of: TaskView, now: number): boolean {
  return (
    of.task.desiredStatus === 'STOPPED' ||
    of.status?.lastStatus === 'STOPPING' ||
    isGone(view, of, now)
  );
}

/** When the next host of these tasks that is not connected will count as lost. */
export function nextLoss(
  view: Pick<ServiceView, 'tasks' | 'hosts' | 'hostLostAfterMs'>,
  now: number,
): number | undefined {
  let next: number | undefined;
  if (!someGone(view)) return undefined;
  for (const of of view.tasks) {
    const host = view.hosts.get(of.task.hostId);
    if (!host?.record || host.connected || isGone(view, of, now)) continue;
    next = Math.min(next ?? Number.POSITIVE_INFINITY, lostAt(view, host));
  }
  return next;
}

function someGone({ hosts }: Pick<ServiceView, 'hosts'>): boolean {
  for (const { record, connected } of hosts.values()) if (record && !connected) return true;
  return false;
}
