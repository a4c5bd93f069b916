// The shapes that events have in EventBridge. What ECS's API only tells as a message has a shape of Berth's own. Pure.
// Source: ECS reference, sections 6.11 and 10.
import type {
  EventRecord,
  HostRecord,
  LifecycleHookState,
  Resources,
  ServiceDeploymentRecord,
  TaskDefinitionRecord,
  TaskRecord,
  TaskStatusRecord,
} from '../generated/messages.ts';
import { arn, type Realm } from '../resources/arn.ts';
import { gpuIdsOf } from '../resources/gpus.ts';
import { uuidOf } from '../resources/ids.ts';
import type { Json, JsonObject } from './pattern.ts';

export const TASK_CHANGE = 'ECS Task State Change';
export const HOST_CHANGE = 'ECS Container Instance State Change';
export const SERVICE_ACTION = 'ECS Service Action';
export const DEPLOYMENT_CHANGE = 'ECS Deployment State Change';
export const HOOK_CHANGE = 'ECS Hook State Change';
export const SERVICE_MESSAGE = 'Berth Service Message';

export type EventShape = Pick<EventRecord, 'detailType' | 'resources' | 'detail'>;

/** An event as it is planned. */
export interface Told {
  readonly kind: EventRecord['kind'];
  readonly subject: string;
  readonly service?: string | undefined;
  readonly message: string;
}

interface Place {
  readonly realm: Realm;
  readonly cluster: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

function shape(detailType: string, resources: readonly string[], detail: object): EventShape {
  return { detailType, resources, detail: JSON.stringify(detail) };
}

/** The shape of an event that is all in its message. */
export function shapeOf(told: Told, place: Place): EventShape {
  const { realm, cluster, now } = place;
  const { kind, service, subject, message } = told;
  const clusterArn = arn.cluster(realm, cluster);
  const serviceArn = service === undefined ? undefined : arn.service(realm, cluster, service);
  const resources = serviceArn === undefined ? [clusterArn] : [serviceArn];
  if (kind === 'deployment') {
    const eventName = deploymentEvent(message);
    const eventType = eventName === 'SERVICE_DEPLOYMENT_FAILED' ? 'ERROR' : 'INFO';
    const updatedAt = isoTime(now);
    const detail = { eventType, eventName, deploymentId: subject, updatedAt, reason: message };
    return shape(DEPLOYMENT_CHANGE, resources, detail);
  }
  const action = kind === 'service' ? serviceAction(message) : undefined;
  if (action) {
    const taskArns = idsIn(message, 'task').map((id) => arn.task(realm, cluster, id));
    const sets = service === undefined ? [] : taskSetsIn(message);
    const taskSetArns = sets.map((id) => arn.taskSet(realm, cluster, service ?? '', id));
    const hostArns = idsIn(message, 'container-instance').map((id) => arn.host(realm, cluster, id));
    return shape(SERVICE_ACTION, resources, {
      ...action,
      clusterArn,
      createdAt: isoTime(now),
      ...(hostArns.length > 0 ? { containerInstanceArns: hostArns } : {}),
      ...(taskArns.length > 0 ? { taskArns } : {}),
      ...(taskSetArns.length > 0 ? { taskSetArns } : {}),
      ...(action.eventName === COUNT_UPDATED ? { desiredCount: countIn(message) } : {}),
      ...(action.eventType === 'INFO' ? {} : { reason: withoutPrefix(message) }),
    });
  }
  const about = kind === 'task' ? [arn.task(realm, cluster, subject)] : resources;
  return shape(SERVICE_MESSAGE, about, {
    clusterArn,
    ...(serviceArn === undefined ? {} : { serviceArn }),
    createdAt: isoTime(now),
    message,
  });
}

function deploymentEvent(reason: string): string {
  if (/ in progress\.$|rolling back to deploymentId/.test(reason)) {
    return 'SERVICE_DEPLOYMENT_IN_PROGRESS';
  }
  return reason.endsWith(' completed.')
    ? 'SERVICE_DEPLOYMENT_COMPLETED'
    : 'SERVICE_DEPLOYMENT_FAILED';
}

interface ServiceAction {
  readonly eventType: 'INFO' | 'WARN' | 'ERROR';
  readonly eventName: string;
}

const COUNT_UPDATED = 'SERVICE_DESIRED_COUNT_UPDATED';

/** By the fixed words of each message; those of model/deployment/events.ts. */
const ACTIONS: readonly (readonly [RegExp, ServiceAction['eventType'], string])[] = [
  [/^has reached a steady state\.$/, 'INFO', 'SERVICE_STEADY_STATE'],
  [/updated state to STEADY_STATE\.$/, 'INFO', 'TASKSET_STEADY_STATE'],
  [/^updated (desired count|computedDesiredCount for taskSet \S+) to /, 'INFO', COUNT_UPDATED],
  [/AZ Rebalancing in progress\.$/, 'INFO', 'SERVICE_REBALANCING_STARTED'],
  [/^is AZ balanced with /, 'INFO', 'SERVICE_REBALANCING_COMPLETED'],
  [/^stopped AZ Rebalancing\.$/, 'INFO', 'SERVICE_REBALANCING_STOPPED'],
  [/^has started \d+ tasks/, 'INFO', 'TASKS_STARTED'],
  [/^has stopped \d+ running tasks/, 'INFO', 'TASKS_STOPPED'],
  [/tasks under protection\)$/, 'INFO', 'TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION'],
  [/^is unable to consistently start tasks/, 'WARN', 'SERVICE_TASK_START_IMPAIRED'],
  [/was unable to place (a task because|tasks in)/, 'ERROR', 'SERVICE_TASK_PLACEMENT_FAILURE'],
  [/^is unable to place a task in /, 'ERROR', 'SERVICE_TASK_PLACEMENT_FAILURE'],
  [/was unable to place a task\. Reason: /, 'ERROR', 'SERVICE_TASK_CONFIGURATION_FAILURE'],
  [/can't be registered in /, 'ERROR', 'SERVICE_TASK_CONFIGURATION_FAILURE'],
  [/TARGET GROUP IS NOT FOUND\.$/, 'ERROR', 'SERVICE_TASK_CONFIGURATION_FAILURE'],
  [/^operations are being throttled\./, 'ERROR', 'ECS_OPERATION_THROTTLED'],
];

/** What ECS calls it; undefined for messages that are no action of ECS. */
export function serviceAction(message: string): ServiceAction | undefined {
  const text = withoutPrefix(message);
  const found = ACTIONS.find(([pattern]) => pattern.test(text));
  return found && { eventType: found[1], eventName: found[2] };
}

function withoutPrefix(message: string): string {
  return message.replace(/^\((?:daemon )?service [^)]*\) /, '');
}

function countIn(message: string): number {
  return Number(/ to (\d+)\.$/.exec(message)?.[1]);
}

function idsIn(message: string, what: 'task' | 'container-instance'): string[] {
  const found = message.matchAll(new RegExp(`\\(${what} ([0-9a-f-]+)\\)`, 'g'));
  return Array.from(found, ([, id = '']) => id);
}

/** Deployments are named as task sets are where only protection keeps their tasks. */
function taskSetsIn(message: string): string[] {
  return Array.from(message.matchAll(/taskSet (ecs-svc\/\d+)[) ]/g), ([, id = '']) => id);
}

export interface TaskFacts {
  readonly realm: Realm;
  readonly task: TaskRecord;
  readonly status: TaskStatusRecord | undefined;
  /** As DescribeTasks shows it. */
  readonly lastStatus: string;
  readonly definition: TaskDefinitionRecord | undefined;
  readonly host: HostRecord | undefined;
  readonly connectedAt: number | undefined;
  readonly version: number;
  readonly now: number;
}

/** The Task of ECS without its health and its tags. Source: ECS reference, section 10.1. */
export function taskChange(facts: TaskFacts): EventShape {
  const { realm, task, status, lastStatus, definition, host, connectedAt, version, now } = facts;
  const { cluster, id } = task;
  const taskArn = arn.task(realm, cluster, id);
  const reported = status?.containers ?? [];
  const names = (definition?.containerDefinitions ?? []).map(({ name, image }) => ({
    name,
    image,
  }));
  const detail = {
    attachments: [],
    attributes: (host?.attributes ?? []).filter(({ name }) => name === 'ecs.cpu-architecture'),
    availabilityZone: host?.attributes.find(({ name }) => name === 'ecs.availability-zone')?.value,
    capacityProviderName: task.capacityProviderName,
    clusterArn: arn.cluster(realm, cluster),
    connectivity: connectedAt === undefined ? 'DISCONNECTED' : 'CONNECTED',
    connectivityAt: isoTime(connectedAt),
    containerInstanceArn: arn.host(realm, cluster, task.hostId),
    containers: (reported.length > 0 ? reported : names).map((container) => {
      const defined = definition?.containerDefinitions.find(({ name }) => name === container.name);
      const known = 'lastStatus' in container ? container : undefined;
      const gpuIds = gpuIdsOf(task, definition, container.name);
      return {
        containerArn: arn.container(realm, cluster, id, uuidOf(`${id} ${container.name}`)),
        lastStatus: known?.lastStatus ?? 'PENDING',
        name: container.name,
        image: defined?.image ?? known?.image,
        imageDigest: known?.imageDigest,
        runtimeId: known?.runtimeId,
        taskArn,
        exitCode: known?.exitCode,
        reason: known?.reason,
        networkBindings: (known?.networkBindings ?? []).map((binding) => ({ ...binding })),
        networkInterfaces: [],
        cpu: String(defined?.cpu ?? 0),
        memory: textOf(defined?.memory),
        memoryReservation: textOf(defined?.memoryReservation),
        ...(gpuIds.length > 0 ? { gpuIds } : {}),
      };
    }),
    cpu: textOf(task.reserved?.cpu),
    memory: textOf(task.reserved?.memory),
    createdAt: isoTime(task.createdAt),
    desiredStatus: lastStatus === 'STOPPED' ? 'STOPPED' : task.desiredStatus,
    enableExecuteCommand: task.enableExecuteCommand ?? false,
    ephemeralStorage: definition?.ephemeralStorage,
    executionStoppedAt: isoTime(status?.executionStoppedAt),
    group: task.group,
    launchType: task.launchType ?? 'EC2',
    lastStatus,
    overrides: { containerOverrides: names.map(({ name }) => ({ name })), ...task.overrides },
    platformVersion: task.platformVersion,
    pullStartedAt: isoTime(status?.pullStartedAt),
    pullStoppedAt: isoTime(status?.pullStoppedAt),
    startedAt: isoTime(status?.startedAt),
    startedBy: task.startedBy,
    stoppingAt: isoTime(task.stoppingAt),
    stoppedAt: isoTime(status?.stoppedAt),
    stoppedReason: task.stoppedReason ?? status?.stoppedReason,
    stopCode: task.stopCode ?? status?.stopCode,
    taskArn,
    taskDefinitionArn: arn.taskDefinition(realm, task.taskDefinition),
    updatedAt: isoTime(now),
    version,
  };
  return shape(TASK_CHANGE, [taskArn], detail);
}

export interface HostFacts {
  readonly realm: Realm;
  readonly host: HostRecord;
  readonly connected: boolean;
  readonly remaining: Resources;
  readonly version: number;
  readonly now: number;
  readonly status: string;
}

/** Source: ECS reference, section 10.2. */
export function hostChange(facts: HostFacts): EventShape {
  const { realm, host, connected, remaining, version, now, status } = facts;
  const containerInstanceArn = arn.host(realm, host.cluster, host.id);
  const detail = {
    agentConnected: connected,
    attributes: host.attributes,
    clusterArn: arn.cluster(realm, host.cluster),
    containerInstanceArn,
    ec2InstanceId: host.id,
    registeredResources: host.registeredResources && resourcesOf(host.registeredResources),
    remainingResources: resourcesOf(remaining),
    status,
    version,
    versionInfo: {
      agentVersion: host.agentVersion,
      dockerVersion: `DockerVersion: ${host.engineVersion}`,
    },
    updatedAt: isoTime(now),
    registeredAt: isoTime(host.registeredAt),
  };
  return shape(HOST_CHANGE, [containerInstanceArn], detail);
}

export interface HookFacts {
  readonly realm: Realm;
  readonly deployment: Pick<ServiceDeploymentRecord, 'cluster' | 'service' | 'id'>;
  readonly hook: LifecycleHookState;
  readonly now: number;
}

/** Source: ECS reference, section 10.5; the type of what went wrong is not documented. */
export function hookChange({ realm, deployment, hook, now }: HookFacts): EventShape {
  const { cluster, service, id } = deployment;
  const { hookId, targetType, status, expiresAt, lifecycleStage } = hook;
  const serviceDeploymentArn = arn.serviceDeployment(realm, cluster, service, id);
  return shape(HOOK_CHANGE, [serviceDeploymentArn], {
    eventType: status === 'FAILED' || status === 'TIMED_OUT' ? 'ERROR' : 'INFO',
    eventName: `HOOK_${status}`,
    hookId,
    hookType: targetType,
    expiresAt: isoTime(expiresAt),
    lifecycleStage,
    clusterArn: arn.cluster(realm, cluster),
    serviceArn: arn.service(realm, cluster, service),
    serviceDeploymentArn,
    updatedAt: isoTime(now),
  });
}

/** As ECS lists the resources of a container instance. Source: ECS reference, section 7.2. */
function resourcesOf({ cpu, memory, ports, portsUdp, gpuIds }: Resources): Json[] {
  const integer = (name: string, integerValue: number): JsonObject => ({
    name,
    type: 'INTEGER',
    integerValue,
  });
  const set = (name: string, values: readonly (number | string)[]): JsonObject => ({
    name,
    type: 'STRINGSET',
    stringSetValue: values.map(String),
  });
  return [
    integer('CPU', cpu),
    integer('MEMORY', memory),
    set('PORTS', ports),
    set('PORTS_UDP', portsUdp),
    ...(gpuIds.length > 0 ? [set('GPU', gpuIds)] : []),
  ];
}

function isoTime(at: number): string;
function isoTime(at: number | undefined): string | undefined;
function isoTime(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}

function textOf(size: number | undefined): string | undefined {
  return size === undefined ? undefined : String(size);
}
