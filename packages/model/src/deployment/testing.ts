// For tests: one service in a world of plain data. It carries out plans as controller and scheduler would, and
// lets a test play agents, proxies and time.
import type {
  AlarmRecord,
  ContainerStatus,
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
import { ruleNameText } from '../routing/traffic-weights.ts';
import type { DeploymentPlan } from './actions.ts';
import { isSame } from './equal.ts';
import { patched } from './patch.ts';
import { planDeployment } from './plan.ts';
import type { RouteView } from './shifting/begin.ts';
import type { HostView, ServiceView, TaskView } from './view.ts';

export const START = 1_700_000_000_000;

interface Mutable {
  task: TaskRecord;
  status?: TaskStatusRecord;
  runningSince?: number;
  targets: Map<string, { record: TargetRecord; health: Map<string, TargetHealthRecord> }>;
}

export class World {
  now = START;
  service: ServiceRecord | undefined;
  record: ServiceDeploymentsRecord | undefined;
  readonly tasks = new Map<string, Mutable>();
  readonly hosts = new Map<string, HostView>();
  readonly definitions = new Map<string, TaskDefinitionRecord>();
  readonly groups = new Map<string, TargetGroupRecord>();
  readonly messages: string[] = [];
  proxies: string[] = [];
  vanished: { id: string; until: number }[] = [];
  settledAt = 0;
  /** By LISTENER/RULE. */
  readonly routes = new Map<string, RouteView>();
  readonly taskSets = new Map<string, TaskSetRecord>();
  readonly alarms = new Map<string, AlarmRecord>();
  eligibleHosts: string[] | undefined;
  /** Tasks may be moved: the controller would say where to. */
  moves = false;
  rebalanceOntoHosts = false;
  #nextTask = 0;
  #nextDeployment = 0;

  constructor(service: Partial<ServiceRecord> = {}, hosts = 3) {
    for (let index = 1; index <= hosts; index += 1) this.addHost(`h${index}`);
    this.service = serviceRecord(service);
    for (const name of ['app:1', 'app:2', 'app:3']) this.define(name);
  }

  define(name: string, container: Partial<TaskDefinitionRecord['containerDefinitions'][0]> = {}) {
    this.definitions.set(name, definitionRecord(name, container));
  }

  addHost(id: string, change: Partial<HostRecord> = {}): void {
    const record = hostRecord(id, change);
    this.hosts.set(id, { record, connected: true, replicaTasks: 0, cpuFree: 0, memoryFree: 0 });
  }

  changeHost(id: string, change: Partial<HostView>): void {
    const host = this.hosts.get(id);
    if (host) this.hosts.set(id, { ...host, ...change });
  }

  drainHost(id: string): void {
    this.changeHost(id, { record: hostRecord(id, { status: 'DRAINING' }) });
  }

  view(): ServiceView {
    return {
      cluster: 'c',
      name: 's',
      service: this.service,
      record: this.record,
      tasks: [...this.tasks.values()].map(frozen),
      definitions: this.definitions,
      groups: this.groups,
      routes: this.routes,
      taskSets: [...this.taskSets.values()],
      alarms: this.alarms,
      hosts: this.hosts,
      proxies: { live: this.proxies, vanished: this.vanished, settledAt: this.settledAt },
      hostLostAfterMs: 20_000,
      eligibleHosts: this.eligibleHosts,
      placeableHosts: this.moves ? this.#places() : undefined,
      rebalanceOntoHosts: this.rebalanceOntoHosts,
    };
  }

  /** What the person asked for, with a new deployment where the task definition is given. */
  update(change: Partial<ServiceRecord>): void {
    if (!this.service) return;
    const deploys = change.taskDefinition !== undefined;
    this.#nextDeployment += deploys ? 1 : 0;
    this.service = {
      ...this.service,
      ...(deploys ? { deploymentId: `ecs-svc/d${this.#nextDeployment + 1}` } : {}),
      deploymentRequestedAt: this.now,
      ...change,
      generation: this.service.generation + 1,
    };
  }

  /** Plan once and carry it out. @returns whether anything changed */
  step(): boolean {
    const plan = planDeployment(this.view(), this.now);
    return this.apply(plan);
  }

  apply(plan: DeploymentPlan): boolean {
    const changed = plan.actions.length > 0 || !isSame(this.record, plan.record);
    this.record = plan.record;
    for (const action of plan.actions) {
      if (action.kind === 'patchTask') {
        const found = this.task(action.taskId);
        found.task = patched(found.task, action.patch);
      } else if (action.kind === 'putTarget') {
        const { taskId, id } = action.target;
        const known = this.task(taskId).targets.get(id);
        const health = known?.health ?? new Map<string, TargetHealthRecord>();
        this.task(taskId).targets.set(id, { record: action.target, health });
      } else if (action.kind === 'removeTarget') {
        this.task(action.target.taskId).targets.delete(action.target.id);
      } else if (action.kind === 'putWeights') {
        const { weights: overlay } = action;
        const name = ruleNameText(overlay);
        this.routes.set(name, { groups: this.routes.get(name)?.groups ?? [], overlay });
      } else if (action.kind === 'addEvent') {
        if (action.event.kind === 'service') this.messages.push(action.event.message);
      } else if (action.kind === 'forgetTaskSet') {
        this.taskSets.delete(action.id);
      } else if (action.kind === 'retireService') {
        if (this.service) this.service = { ...this.service, status: 'INACTIVE' };
      } else {
        const { start } = action;
        const hosts = start.hostIds ?? this.#places(start.zone);
        for (let index = 0; index < start.count; index += 1) {
          const hostId = hosts[this.#nextTask % hosts.length];
          if (start.hostIds) this.#place(start.hostIds[index] ?? '', start);
          else if (hostId !== undefined) this.#place(hostId, start);
        }
      }
    }
    return changed;
  }

  #places(zone?: string): string[] {
    return [...this.hosts.keys()].filter((id) => {
      const attributes = this.hosts.get(id)?.record?.attributes ?? [];
      const own = attributes.find(({ name }) => name === 'ecs.availability-zone')?.value;
      return this.#ready(id) && (zone === undefined || own === zone);
    });
  }

  #ready(id: string): boolean {
    const host = this.hosts.get(id);
    return host?.record?.status === 'ACTIVE' && host.connected;
  }

  #place(hostId: string, start: { deploymentId: string; taskDefinition: string }): void {
    this.#nextTask += 1;
    const id = `t${String(this.#nextTask).padStart(3, '0')}`;
    const set = this.taskSets.get(start.deploymentId);
    const balanced = ((set ?? this.service)?.loadBalancers.length ?? 0) > 0;
    this.tasks.set(id, {
      task: taskRecord(id, hostId, start, balanced, this.now),
      targets: new Map(),
    });
  }

  /** Plan and carry out until nothing changes. @returns the counts old+new after each change of them */
  settle(): string[] {
    const seen: string[] = [];
    for (let round = 0; round < 100; round += 1) {
      const before = this.counts();
      if (!this.step()) return seen;
      if (this.counts() !== before) seen.push(this.counts());
    }
    throw new Error('the plan does not come to rest');
  }

  task(id: string): Mutable {
    const found = this.tasks.get(id);
    if (!found) throw new Error(`no task ${id}`);
    return found;
  }

  active(): Mutable[] {
    return [...this.tasks.values()].filter(
      ({ task, status }) => task.desiredStatus === 'RUNNING' && status?.lastStatus !== 'STOPPED',
    );
  }

  /** Active tasks of old deployments + active tasks of the newest. */
  counts(): string {
    const primary = this.record?.deployments[0]?.id;
    const active = this.active();
    const fresh = active.filter(({ task }) => task.owner === primary).length;
    return `${active.length - fresh}+${fresh}`;
  }

  /** Pending tasks come up. */
  run(which: (task: TaskRecord) => boolean = () => true): void {
    for (const each of this.active()) {
      if (!which(each.task) || each.status?.lastStatus === 'RUNNING') continue;
      each.status = statusRecord(each.task, 'RUNNING', { startedAt: this.now });
      each.runningSince = this.now;
    }
  }

  /** Containers of tasks that were told to stop, and may, are gone. */
  stopEnding(): void {
    for (const each of this.tasks.values()) {
      const { task, status } = each;
      if (task.desiredStatus === 'RUNNING' || task.drainBeforeStop) continue;
      if (status?.lastStatus === 'STOPPED') continue;
      each.status = statusRecord(task, 'STOPPED', { ...status, stoppedAt: this.now });
    }
  }

  /** A task ends by itself. */
  crash(id: string, change: Partial<TaskStatusRecord> = {}): void {
    const each = this.task(id);
    each.status = statusRecord(each.task, 'STOPPED', {
      ...each.status,
      stoppedAt: this.now,
      ...change,
    });
  }

  containerHealth(id: string, healthStatus: ContainerStatus['healthStatus'], output?: string) {
    const each = this.task(id);
    if (!each.status) throw new Error(`${id} has no status`);
    const containers = each.status.containers.map((container) => ({
      ...container,
      healthStatus,
      healthOutput: output,
    }));
    each.status = { ...each.status, containers, healthStatus };
  }

  /** A proxy says something of every target of the tasks. */
  report(
    proxy: string,
    state: TargetHealthRecord['state'],
    which: (target: TargetRecord) => boolean = () => true,
    description?: string,
  ): void {
    for (const { targets } of this.tasks.values()) {
      for (const { record, health } of targets.values()) {
        if (!which(record)) continue;
        health.set(proxy, {
          group: record.group,
          target: record.id,
          proxy,
          state,
          description,
          routingRevision: 1,
          since: this.now,
        });
      }
    }
  }

  /** Everything that comes up becomes healthy, everything that ends is gone: one turn of the world. */
  turn(): void {
    this.run();
    this.now += 60_000;
    for (const proxy of this.proxies) {
      this.report(proxy, 'healthy', ({ state }) => state === 'REGISTERED');
      this.report(proxy, 'drained', ({ state }) => state === 'DRAINING');
    }
    this.stopEnding();
  }

  /** Turns until nothing changes any more. @returns the counts seen on the way */
  converge(limit = 50): string[] {
    const seen = this.settle();
    for (let round = 0; round < limit; round += 1) {
      this.turn();
      const counts = this.settle();
      seen.push(...counts);
      if (this.record?.steadySince !== undefined) return seen;
    }
    return seen;
  }
}

function frozen({ task, status, runningSince, targets }: Mutable): TaskView {
  return {
    task,
    status,
    runningSince,
    targets: [...targets.values()].map(({ record, health }) => ({
      record,
      health: [...health.values()],
    })),
  };
}

export function serviceRecord(change: Partial<ServiceRecord> = {}): ServiceRecord {
  return {
    cluster: 'c',
    name: 's',
    status: 'ACTIVE',
    generation: 1,
    createdAt: START,
    createdBy: 'test',
    schedulingStrategy: 'REPLICA',
    desiredCount: 4,
    deploymentId: 'ecs-svc/d1',
    taskDefinition: 'app:1',
    deploymentRequestedAt: START,
    placementConstraints: [],
    placementStrategy: [],
    loadBalancers: [],
    healthCheckGracePeriodSeconds: 0,
    tags: [],
    hookDecisions: [],
    ...change,
  };
}

export function hostRecord(id: string, change: Partial<HostRecord> = {}): HostRecord {
  return {
    id,
    cluster: 'c',
    name: id,
    address: `10.0.0.${id.slice(1)}`,
    status: 'ACTIVE',
    registeredAt: START,
    attributes: [],
    agentVersion: '1',
    engineVersion: '1',
    bootId: 'b',
    tags: [],
    ...change,
  };
}

export function groupRecord(name: string, delaySeconds = 300): TargetGroupRecord {
  return {
    name,
    id: '0123456789abcdef',
    protocol: 'HTTP',
    port: 80,
    targetType: 'instance',
    attributes: { 'deregistration_delay.timeout_seconds': String(delaySeconds) },
    createdAt: START,
    tags: [],
  };
}

function definitionRecord(
  name: string,
  container: Partial<TaskDefinitionRecord['containerDefinitions'][0]>,
): TaskDefinitionRecord {
  const [family = '', revision = '0'] = name.split(':');
  return {
    family,
    revision: Number(revision),
    status: 'ACTIVE',
    registeredAt: START,
    registeredBy: 'test',
    containerDefinitions: [
      {
        name: 'web',
        image: 'web',
        cpu: 0,
        portMappings: [{ containerPort: 80 }],
        entryPoint: [],
        command: [],
        environment: [],
        mountPoints: [],
        dependsOn: [],
        dnsServers: [],
        dnsSearchDomains: [],
        extraHosts: [],
        dockerSecurityOptions: [],
        dockerLabels: {},
        ulimits: [],
        systemControls: [],
        resourceRequirements: [],
        ...container,
      },
    ],
    volumes: [],
    placementConstraints: [],
    requiresCompatibilities: [],
    tags: [],
  };
}

function taskRecord(
  id: string,
  hostId: string,
  start: { deploymentId: string; taskDefinition: string },
  balanced: boolean,
  now: number,
): TaskRecord {
  return {
    id,
    cluster: 'c',
    hostId,
    taskDefinition: start.taskDefinition,
    group: 'service:s',
    startedBy: start.deploymentId,
    owner: start.deploymentId,
    service: 's',
    desiredStatus: 'RUNNING',
    createdAt: now,
    epoch: 1,
    tags: [],
    holdPorts: balanced,
    drainBeforeStop: balanced,
  };
}

function statusRecord(
  task: TaskRecord,
  lastStatus: TaskStatusRecord['lastStatus'],
  change: Partial<TaskStatusRecord> = {},
): TaskStatusRecord {
  return {
    id: task.id,
    cluster: task.cluster,
    hostId: task.hostId,
    healthStatus: 'UNKNOWN',
    containers: [
      {
        name: 'web',
        image: 'web',
        lastStatus: lastStatus === 'STOPPED' ? 'STOPPED' : 'RUNNING',
        healthStatus: 'UNKNOWN',
        networkBindings: [
          {
            bindIp: '0.0.0.0',
            containerPort: 80,
            hostPort: 20_000 + Number(task.id.slice(1)),
            protocol: 'tcp',
          },
        ],
      },
    ],
    sequence: 1,
    ...change,
    lastStatus,
  };
}
