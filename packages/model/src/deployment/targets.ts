// Targets: a task is registered as soon as it runs, drained as soon as it is on its way down, and let go of
// when no proxy sends to it any more. The gates that keep requests from being lost are all here. Pure.
// Source: design, section 4; ALB reference, sections 3.4 and 5.1.
import type {
  Attribute,
  DeploymentRecord,
  TargetGroupRecord,
  TargetRecord,
  TaskRecord,
} from '../generated/messages.ts';
import { nameOf } from '../resources/arn.ts';
import { earliest, loadBalancersOf } from './buckets.ts';
import { hostPortOf } from './health.ts';
import { isOnTheWayDown, standingsOf } from './standing.ts';
import type { ProxiesView, ServiceView, TargetView, TaskView } from './view.ts';

/** How long a group's draining targets may finish their requests, unless it says otherwise. */
const DEFAULT_DELAY_SECONDS = 300;
const ZONE = 'ecs.availability-zone';
/** A host port stays reserved so long after the delay, whatever the proxies say. */
export const PORT_HOLD_MS = 60_000;

/** Why a running task could not be registered where it should be. */
export type Unregistered =
  | { readonly kind: 'no-group'; readonly task: string; readonly group: string }
  | {
      readonly kind: 'no-port';
      readonly task: string;
      readonly group: string;
      readonly container: string;
      readonly port: number;
    };

export interface TargetsPlan {
  readonly register: readonly TargetRecord[];
  readonly drain: readonly TargetRecord[];
  readonly remove: readonly TargetRecord[];
  /** Tasks whose gates open, by id. */
  readonly release: ReadonlyMap<string, { drainBeforeStop?: false; holdPorts?: false }>;
  readonly unregistered: readonly Unregistered[];
  readonly wakeAt?: number | undefined;
}

/** What has to change with the targets of a service's tasks now. */
export function planTargets(
  view: ServiceView,
  deployments: readonly DeploymentRecord[],
  now: number,
): TargetsPlan {
  const register: TargetRecord[] = [];
  const drain: TargetRecord[] = [];
  const remove: TargetRecord[] = [];
  const unregistered: Unregistered[] = [];
  const release = new Map<string, { drainBeforeStop?: false; holdPorts?: false }>();
  let wakeAt: number | undefined;
  const balanced = isBalanced(view, deployments);
  for (const [index, standing] of standingsOf(view, now).entries()) {
    const of = view.tasks[index] as TaskView;
    if (!isOnTheWayDown(standing)) {
      if (!balanced) continue;
      const found = missingTargets(view, deployments, of, now);
      register.push(...found.register);
      unregistered.push(...found.unregistered);
      continue;
    }
    const ending = endTargets(view, of, now);
    drain.push(...ending.drain);
    remove.push(...ending.remove);
    wakeAt = earliest(wakeAt, ending.wakeAt);
    const open = gates(of.task, ending);
    if (open) release.set(of.task.id, open);
  }
  return { register, drain, remove, release, unregistered, wakeAt };
}

/** Some task of the service may belong into a target group. */
function isBalanced({ service }: ServiceView, deployments: readonly DeploymentRecord[]): boolean {
  return [...deployments, ...(service ? [service] : [])].some(
    ({ loadBalancers }) => loadBalancers.length > 0,
  );
}

function missingTargets(
  view: ServiceView,
  deployments: readonly DeploymentRecord[],
  of: TaskView,
  now: number,
): { register: TargetRecord[]; unregistered: Unregistered[] } {
  const register: TargetRecord[] = [];
  const unregistered: Unregistered[] = [];
  const host = view.hosts.get(of.task.hostId)?.record;
  const address = host?.address;
  if (of.status?.lastStatus !== 'RUNNING' || address === undefined)
    return { register, unregistered };
  const definition = view.definitions.get(of.task.taskDefinition);
  for (const balancer of loadBalancersOf(view, deployments, of.task.owner)) {
    const group = nameOf(balancer.targetGroupArn);
    const { containerName: container, containerPort } = balancer;
    const task = of.task.id;
    const port = hostPortOf(of, balancer, definition);
    if (!view.groups.has(group)) unregistered.push({ kind: 'no-group', task, group });
    else if (port === undefined) {
      unregistered.push({ kind: 'no-port', task, group, container, port: containerPort });
    } else if (!of.targets.some(({ record }) => record.group === group && record.port === port)) {
      register.push({
        group,
        id: `${task}-${port}`,
        address,
        port,
        hostId: of.task.hostId,
        taskId: task,
        cluster: view.cluster,
        service: view.name,
        state: 'REGISTERED',
        registeredAt: now,
        availabilityZone: zoneOf(host?.attributes),
      });
    }
  }
  return { register, unregistered };
}

/** Of a host, by its attributes. */
export function zoneOf(attributes: readonly Attribute[] = []): string | undefined {
  return attributes.find(({ name }) => name === ZONE)?.value;
}

interface Ending {
  readonly drain: TargetRecord[];
  readonly remove: TargetRecord[];
  /** No request may still reach the task by way of a proxy. */
  readonly drained: boolean;
  /** No proxy may still send to its host ports. */
  readonly removed: boolean;
  readonly wakeAt?: number | undefined;
}

function endTargets(view: ServiceView, of: TaskView, now: number): Ending {
  const drain: TargetRecord[] = [];
  const remove: TargetRecord[] = [];
  let drained = true;
  let wakeAt: number | undefined;
  for (const target of of.targets) {
    const { record } = target;
    if (record.state === 'REGISTERED') {
      drain.push({ ...record, state: 'DRAINING', drainingSince: now });
      drained = false;
      continue;
    }
    const delayOver = (record.drainingSince ?? now) + delayMs(view.groups.get(record.group));
    const acknowledged = isAcknowledged(target, view.proxies, now);
    if (acknowledged.yes || now >= delayOver + PORT_HOLD_MS) remove.push(record);
    else if (now >= delayOver) wakeAt = earliest(wakeAt, delayOver + PORT_HOLD_MS);
    else {
      drained = false;
      wakeAt = earliest(wakeAt, delayOver);
    }
    wakeAt = earliest(wakeAt, acknowledged.askAgainAt);
  }
  return { drain, remove, drained, removed: remove.length === of.targets.length, wakeAt };
}

/**
 * Every live proxy says that it sends nothing there any more and that its last request there has ended, and no
 * other proxy may be at work unseen.
 */
export function isAcknowledged(
  target: TargetView,
  proxies: ProxiesView,
  now: number,
): { readonly yes: boolean; readonly askAgainAt?: number | undefined } {
  const drained = (proxy: string): boolean =>
    target.health.some((report) => report.proxy === proxy && report.state === 'drained');
  if (proxies.live.length === 0 || !proxies.live.every(drained)) return { yes: false };
  const unseen = proxies.vanished.map(({ until }) => until);
  const until = Math.max(proxies.settledAt, ...unseen);
  return now < until ? { yes: false, askAgainAt: until } : { yes: true };
}

function gates(
  task: TaskRecord,
  { drained, removed }: Ending,
): { drainBeforeStop?: false; holdPorts?: false } | undefined {
  const open = {
    ...(task.drainBeforeStop && drained ? { drainBeforeStop: false as const } : {}),
    ...(task.holdPorts && removed ? { holdPorts: false as const } : {}),
  };
  return Object.keys(open).length > 0 ? open : undefined;
}

/** The group's deregistration delay. */
export function delayMs(group: TargetGroupRecord | undefined): number {
  const seconds = Number(group?.attributes['deregistration_delay.timeout_seconds']);
  return (Number.isFinite(seconds) ? seconds : DEFAULT_DELAY_SECONDS) * 1000;
}
