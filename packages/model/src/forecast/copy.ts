// A copy of one cluster in which a prediction goes on: its hosts, services and tasks, and a ledger of them. Nothing of
// the state that it was taken from is ever changed.
import { placeRequest } from '../deployment/place-request.ts';
import { daemonSpec, eligibleHosts } from '../deployment/daemon.ts';
import { rebalances } from '../deployment/rebalancing.ts';
import type { HostView, ServiceView, TaskView } from '../deployment/view.ts';
import type {
  DeploymentConfiguration,
  DeploymentRecord,
  HostRecord,
  PlaceRequest,
  ServiceDeploymentsRecord,
  ServiceRecord,
  TaskDefinitionRecord,
  TaskRecord,
  TaskSetRecord,
  TaskStatusRecord,
} from '../generated/messages.ts';
import { chargeOf } from '../placement/charge.ts';
import { hostView } from '../placement/host.ts';
import { Ledger } from '../placement/ledger.ts';
import type { Start } from '../deployment/step.ts';
import { shiftsTraffic } from '../validation/shifting.ts';

/** What a prediction is made from: one revision of a cluster. */
export interface ClusterNow {
  readonly cluster: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  readonly hosts: readonly { readonly record: HostRecord; readonly connected: boolean }[];
  readonly services: readonly {
    readonly service: ServiceRecord;
    readonly record?: ServiceDeploymentsRecord | undefined;
    readonly taskSets?: readonly TaskSetRecord[] | undefined;
  }[];
  readonly tasks: readonly {
    readonly task: TaskRecord;
    readonly status?: TaskStatusRecord | undefined;
  }[];
  readonly definition: (name: string) => TaskDefinitionRecord | undefined;
}

/** A change whose consequences are asked for. */
export type Change =
  | { readonly kind: 'drain'; readonly hostId: string }
  | { readonly kind: 'lose'; readonly hostIds: readonly string[] }
  | { readonly kind: 'scale'; readonly service: string; readonly desiredCount: number }
  | { readonly kind: 'deploy'; readonly service: string; readonly taskDefinition: string }
  /** A service that is named is moved as if it had asked for it; else all that have. */
  | { readonly kind: 'rebalance'; readonly service?: string; readonly ontoHosts: boolean };

export interface ServiceCopy {
  service: ServiceRecord;
  record: ServiceDeploymentsRecord | undefined;
  readonly taskSets: readonly TaskSetRecord[];
  readonly tasks: Map<string, TaskCopy>;
  /** No host fitted: nothing is tried until something is freed. */
  held: boolean;
}

export interface TaskCopy {
  task: TaskRecord;
  status: TaskStatusRecord | undefined;
}

interface HostCopy {
  readonly record: HostRecord;
  readonly connected: boolean;
}

/** Tasks that are read in one go while others wait. */
const TASKS_A_TURN = 5_000;

export class ClusterCopy {
  readonly cluster: string;
  readonly ledger = new Ledger();
  readonly hosts = new Map<string, HostCopy>();
  readonly services = new Map<string, ServiceCopy>();
  /** As a controller with --rebalance-onto-hosts. */
  ontoHosts = false;
  /** Tasks outside of services. */
  readonly alone = new Map<string, TaskCopy>();
  readonly #now: ClusterNow;
  readonly #definitions = new Map<string, TaskDefinitionRecord | undefined>();

  private constructor(now: ClusterNow) {
    this.#now = now;
    this.cluster = now.cluster;
  }

  /** Yields now and then, so that others get their turn. */
  static *of(now: ClusterNow): Generator<void, ClusterCopy, undefined> {
    const copy = new ClusterCopy(now);
    for (const { record, connected } of now.hosts) copy.putHost(record, connected);
    for (const each of now.services) copy.#addService(each);
    for (const [index, { task, status }] of now.tasks.entries()) {
      if (index % TASKS_A_TURN === 0) yield;
      copy.#addTask({ task, status });
    }
    return copy;
  }

  putHost(record: HostRecord, connected: boolean): void {
    this.hosts.set(record.id, { record, connected });
    this.ledger.putHost(hostView(record, connected));
  }

  /** The deployments as a service's record of them, of which nothing waits for a clock. */
  #addService({ service, record, taskSets = [] }: ClusterNow['services'][number]): void {
    const waitless = (deployment: DeploymentRecord): DeploymentRecord => ({
      ...deployment,
      loadBalancers: [],
      nextLaunchAt: undefined,
      alarms: undefined,
      shift: deployment.shift && {
        ...deployment.shift,
        hooks: [],
        configuration: withoutWaits(deployment.shift.configuration),
      },
    });
    this.services.set(service.name, {
      service: {
        ...service,
        loadBalancers: [],
        deploymentConfiguration: withoutWaits(service.deploymentConfiguration),
      },
      record: record && {
        ...record,
        deployments: record.deployments.map(waitless),
        taskSets: record.taskSets.map(waitless),
      },
      taskSets: taskSets.map((set) => ({ ...set, loadBalancers: [] })),
      tasks: new Map(),
      held: false,
    });
  }

  #addTask(copy: TaskCopy): void {
    const { task } = copy;
    const owner = task.service === undefined ? undefined : this.services.get(task.service);
    (owner?.tasks ?? this.alone).set(task.id, copy);
    this.charge(copy);
  }

  /** Put the ledger right after a change of a task. */
  charge({ task, status }: TaskCopy): void {
    const charge = chargeOf(task, status);
    if (charge) this.ledger.charge(task.id, charge);
    else this.ledger.release(task.id);
  }

  /** Without checks: a task is healthy as soon as it runs. */
  definition(name: string): TaskDefinitionRecord | undefined {
    if (!this.#definitions.has(name)) {
      const found = this.#now.definition(name);
      const unchecked = found?.containerDefinitions.map((each) => ({
        ...each,
        healthCheck: undefined,
      }));
      this.#definitions.set(name, found && { ...found, containerDefinitions: unchecked ?? [] });
    }
    return this.#definitions.get(name);
  }

  isLost(hostId: string): boolean {
    return this.hosts.get(hostId)?.connected !== true;
  }

  /** What a deployment plan is made from. */
  view(name: string, copy: ServiceCopy): ServiceView {
    const { service, record, taskSets, held } = copy;
    const tasks = Array.from(copy.tasks.values(), ({ task, status }): TaskView => ({
      task,
      status,
      runningSince: 0,
      targets: [],
    }));
    const definitions = new Map<string, TaskDefinitionRecord>();
    const named = [...taskSets, ...tasks.map(({ task }) => task)];
    for (const each of [service.taskDefinition, ...named.map((one) => one.taskDefinition)]) {
      const found = definitions.has(each) ? undefined : this.definition(each);
      if (found) definitions.set(each, found);
    }
    const eligible = this.#eligible(service);
    const placeable = this.#placeable(copy);
    const ids = new Set([
      ...tasks.map(({ task }) => task.hostId),
      ...(eligible ?? []),
      ...(placeable ?? []),
    ]);
    return {
      cluster: this.cluster,
      name,
      service,
      record,
      taskSets,
      tasks,
      definitions,
      groups: new Map(),
      hosts: this.#hostViews(ids, service.schedulingStrategy === 'DAEMON'),
      proxies: { live: [], vanished: [], settledAt: 0 },
      hostLostAfterMs: 0,
      placementHeldUntil: held ? Number.POSITIVE_INFINITY : undefined,
      eligibleHosts: eligible,
      placeableHosts: placeable,
      rebalanceOntoHosts: this.ontoHosts,
    };
  }

  #eligible(service: ServiceRecord): string[] | undefined {
    if (service.schedulingStrategy !== 'DAEMON' || service.status !== 'ACTIVE') return undefined;
    return this.#hostsFor(service);
  }

  /** Between which hosts tasks may be moved for the sake of balance, where they are at all. */
  #placeable({ service, record }: ServiceCopy): string[] | undefined {
    const resting = record?.steadySince !== undefined || record?.rebalancing !== undefined;
    return resting && rebalances(service, this.ontoHosts) ? this.#hostsFor(service) : undefined;
  }

  #hostsFor(service: ServiceRecord): string[] {
    const definition = this.definition(service.taskDefinition);
    if (!definition) return [];
    const found = eligibleHosts(this.ledger, daemonSpec(service, definition));
    return found.filter((id) => !this.isLost(id));
  }

  /** @param forDaemon only daemons wait for the other tasks of a host */
  #hostViews(ids: Iterable<string>, forDaemon: boolean): ReadonlyMap<string, HostView> {
    const views = new Map<string, HostView>();
    for (const id of ids) {
      const host = this.hosts.get(id);
      const account = this.ledger.host(id);
      if (!host || !account) continue;
      const waits = forDaemon && host.record.status === 'DRAINING';
      views.set(id, {
        record: host.record,
        connected: host.connected,
        goneSince: 0,
        replicaTasks: waits ? this.#replicaTasksOn(id) : 0,
        cpuFree: account.cpuFree,
        memoryFree: account.memoryFree,
      });
    }
    return views;
  }

  #replicaTasksOn(hostId: string): number {
    let count = 0;
    for (const { service, tasks } of this.services.values()) {
      if (service.schedulingStrategy === 'DAEMON') continue;
      for (const { task, status } of tasks.values()) {
        if (task.hostId === hostId && status?.lastStatus !== 'STOPPED') count += 1;
      }
    }
    return count;
  }

  requestFor(name: string, { service, record, taskSets }: ServiceCopy, start: Start): PlaceRequest {
    return placeRequest({
      cluster: this.cluster,
      name,
      service,
      deployments: record?.deployments ?? [],
      taskSet: taskSets.find(({ id }) => id === start.deploymentId),
      definition: this.definition(start.taskDefinition),
      start,
      revision: 0,
    });
  }
}

/** Nothing is watched, nobody is asked, and all of the traffic moves at once. */
function withoutWaits(
  configuration: DeploymentConfiguration | undefined,
): DeploymentConfiguration | undefined {
  return (
    configuration && {
      ...configuration,
      strategy: shiftsTraffic(configuration) ? 'BLUE_GREEN' : configuration.strategy,
      bakeTimeInMinutes: undefined,
      bakeTimeInSeconds: undefined,
      lifecycleHooks: undefined,
      alarms: undefined,
      progressDeadlineInSeconds: undefined,
    }
  );
}
