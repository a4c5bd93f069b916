// A task as the API shows it: its record, its reported status and its host in one. Pure.
// Source: ECS reference, sections 3.12, 4.1 to 4.5.
import type {
  ContainerStatus,
  Task,
  TaskOverride,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { definitionOf } from './definition.ts';
import { isConnected, isLost, lastStatusOf, reportedStatus } from './task-status.ts';

export function taskView(state: State, realm: Realm, record: TaskRecord): Task {
  const { cluster, hostId } = record;
  const status = reportedStatus(state, record);
  const lastStatus = lastStatusOf(state, record);
  const stopped = lastStatus === 'STOPPED';
  return {
    taskArn: arn.task(realm, cluster, record.id),
    clusterArn: arn.cluster(realm, cluster),
    taskDefinitionArn: arn.taskDefinition(realm, record.taskDefinition),
    containerInstanceArn: arn.host(realm, cluster, hostId),
    hostName: state.get(collections.hosts, cluster, hostId)?.value.name ?? hostId,
    group: record.group,
    startedBy: record.startedBy,
    lastStatus,
    desiredStatus: stopped ? 'STOPPED' : record.desiredStatus,
    phase: lastStatus === 'PENDING' ? status?.phase : undefined,
    healthStatus: status?.healthStatus || 'UNKNOWN',
    connectivity: isConnected(state, hostId) ? 'CONNECTED' : 'DISCONNECTED',
    containers: status && status.containers.length > 0 ? status.containers : planned(state, record),
    overrides: overridesOf(state, record),
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
    tags: record.tags,
    service: record.service,
  };
}

/** Containers of which the agent has said nothing yet. */
function planned(state: State, record: TaskRecord): ContainerStatus[] {
  const containers = definitionOf(state, record.taskDefinition)?.containerDefinitions ?? [];
  return containers.map(({ name, image }) => ({
    name,
    image,
    lastStatus: 'PENDING',
    healthStatus: 'UNKNOWN',
    networkBindings: [],
  }));
}

/** Every container is named, also those that nothing is overridden of. */
function overridesOf(state: State, record: TaskRecord): TaskOverride {
  const overrides = record.overrides;
  const given = overrides?.containerOverrides ?? [];
  const containers = definitionOf(state, record.taskDefinition)?.containerDefinitions ?? [];
  const others = containers
    .filter(({ name }) => !given.some((override) => override.name === name))
    .map(({ name }) => ({ name, command: [], environment: [] }));
  return {
    cpu: overrides?.cpu,
    memory: overrides?.memory,
    containerOverrides: [...given, ...others],
  };
}
