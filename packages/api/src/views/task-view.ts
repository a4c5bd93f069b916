// A task as the API shows it: its record, its reported status and its host in one. Pure.
// Source: ECS reference, sections 3.12, 4.1 to 4.5.
import type {
  Attachment,
  Container,
  ContainerStatus,
  HostRecord,
  Task,
  TaskDefinitionRecord,
  TaskOverride,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { isBuiltInProvider } from '@berth/model/resources/capacity-provider.ts';
import { gpuIdsOf } from '@berth/model/resources/gpus.ts';
import { uuidOf } from '@berth/model/resources/ids.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import { versionOf } from '@berth/store/version.ts';

import { definitionOf } from './definition.ts';
import {
  isConnected,
  isLost,
  type LastStatus,
  lastStatusOf,
  reportedStatus,
} from './task-status.ts';

export function taskView(state: State, realm: Realm, record: TaskRecord): Task {
  const { cluster, hostId } = record;
  const status = reportedStatus(state, record);
  const lastStatus = lastStatusOf(state, record);
  const stopped = lastStatus === 'STOPPED';
  const definition = definitionOf(state, record.taskDefinition);
  const host = state.get(collections.hosts, cluster, hostId)?.value;
  const { capacityProviderName: provider } = record;
  const launchType = launchTypeOf(record);
  const ofFargate = launchType === 'FARGATE';
  return {
    taskArn: arn.task(realm, cluster, record.id),
    clusterArn: arn.cluster(realm, cluster),
    taskDefinitionArn: arn.taskDefinition(realm, record.taskDefinition),
    containerInstanceArn: arn.host(realm, cluster, hostId),
    hostName: host?.name ?? hostId,
    group: record.group,
    startedBy: record.startedBy,
    lastStatus,
    desiredStatus: stopped ? 'STOPPED' : record.desiredStatus,
    phase: lastStatus === 'PENDING' ? status?.phase : undefined,
    healthStatus: status?.healthStatus || 'UNKNOWN',
    connectivity: isConnected(state, hostId) ? 'CONNECTED' : 'DISCONNECTED',
    containers: containersOf(realm, record, definition, status?.containers ?? []),
    overrides: overridesOf(record, definition),
    cpu: record.reserved && String(record.reserved.cpu),
    memory: record.reserved && String(record.reserved.memory),
    createdAt: record.createdAt,
    pullStartedAt: status?.pullStartedAt,
    pullStoppedAt: status?.pullStoppedAt,
    startedAt: status?.startedAt,
    stoppingAt: record.stoppingAt,
    executionStoppedAt: status?.executionStoppedAt,
    stoppedAt: status?.stoppedAt ?? (isLost(state, record) ? record.stoppingAt : undefined),
    // The order to stop came first where there was one; else the task ended by itself.
    stopCode: record.stopCode ?? status?.stopCode,
    stoppedReason: record.stoppedReason ?? status?.stoppedReason,
    tags: stopped ? [] : record.tags, // they go with the task
    service: record.service,
    attachments: attachmentsOf(record, definition, host, lastStatus),
    attributes: (host?.attributes ?? []).filter(({ name }) => name === 'ecs.cpu-architecture'),
    availabilityZone: host?.attributes.find(({ name }) => name === 'ecs.availability-zone')?.value,
    capacityProviderName: provider,
    launchType,
    connectivityAt: state.get(collections.sessions, 'host', hostId)?.value.connectedAt,
    enableExecuteCommand: record.enableExecuteCommand ?? false,
    ephemeralStorage: definition?.ephemeralStorage ?? (ofFargate ? { sizeInGiB: 20 } : undefined),
    platformVersion: ofFargate ? platformVersion(record) : undefined,
    platformFamily: ofFargate ? 'Linux' : undefined,
    version: versionOf(
      state.get(collections.tasks, cluster, record.id),
      state.get(collections.taskStatus, cluster, record.id),
    ),
  };
}

/** How ECS says that a task was launched. */
export function launchTypeOf({ launchType, capacityProviderName: provider }: TaskRecord): string {
  if (provider !== undefined && isBuiltInProvider(provider)) return 'FARGATE';
  return launchType ?? 'EC2';
}

function platformVersion({ platformVersion: asked }: TaskRecord): string {
  return asked === undefined || asked === 'LATEST' ? '1.4.0' : asked;
}

/** A task of awsvpc is reached at its host's address: clients that look for its interface find that. */
function attachmentsOf(
  { id }: TaskRecord,
  definition: TaskDefinitionRecord | undefined,
  host: HostRecord | undefined,
  lastStatus: LastStatus,
): Attachment[] {
  if (definition?.networkMode !== 'awsvpc') return [];
  const status =
    lastStatus === 'PENDING' ? 'ATTACHING' : lastStatus === 'STOPPED' ? 'DELETED' : 'ATTACHED';
  const details = host ? [{ name: 'privateIPv4Address', value: host.address }] : [];
  return [{ id: uuidOf(`interface ${id}`), type: 'ElasticNetworkInterface', status, details }];
}

function containersOf(
  realm: Realm,
  record: TaskRecord,
  definition: TaskDefinitionRecord | undefined,
  reported: readonly ContainerStatus[],
): Container[] {
  const { cluster, id } = record;
  return (reported.length > 0 ? reported : planned(definition)).map((container) => {
    const { name } = container;
    const defined = definition?.containerDefinitions.find((each) => each.name === name);
    const by = record.overrides?.containerOverrides.find((each) => each.name === name);
    return {
      ...container,
      containerArn: arn.container(realm, cluster, id, uuidOf(`${id} ${name}`)),
      taskArn: arn.task(realm, cluster, id),
      cpu: String(by?.cpu ?? defined?.cpu ?? 0),
      memory: textOf(by?.memory ?? defined?.memory),
      memoryReservation: textOf(by?.memoryReservation ?? defined?.memoryReservation),
      gpuIds: gpuIdsOf(record, definition, name),
    };
  });
}

function textOf(size: number | undefined): string | undefined {
  return size === undefined ? undefined : String(size);
}

/** Containers of which the agent has said nothing yet. */
function planned(definition: TaskDefinitionRecord | undefined): ContainerStatus[] {
  return (definition?.containerDefinitions ?? []).map(({ name, image }) => ({
    name,
    image,
    lastStatus: 'PENDING',
    healthStatus: 'UNKNOWN',
    networkBindings: [],
  }));
}

/** Every container is named, also those that nothing is overridden of. */
function overridesOf(
  { overrides }: TaskRecord,
  definition: TaskDefinitionRecord | undefined,
): TaskOverride {
  const given = overrides?.containerOverrides ?? [];
  const containers = definition?.containerDefinitions ?? [];
  const others = containers
    .filter(({ name }) => !given.some((override) => override.name === name))
    .map(({ name }) => ({ name, command: [], environment: [], resourceRequirements: [] }));
  return {
    ...overrides,
    containerOverrides: [...given, ...others],
  };
}
