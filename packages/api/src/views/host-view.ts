// A host as the API shows it. Pure. Source: ECS reference, sections 7.1 and 7.2.
import type {
  Host,
  HostHealthStatus,
  HostRecord,
  Resources,
} from '@berth/model/generated/messages.ts';
import type { HostFacts } from '@berth/model/query/expression.ts';
import { chargeOf } from '@berth/model/placement/charge.ts';
import { remainingOf } from '@berth/model/placement/remaining.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { providerOf } from '@berth/model/resources/capacity-provider.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';
import { versionOf } from '@berth/store/version.ts';

import { countTasks, isConnected, reportedStatus } from './task-status.ts';

export function hostView(state: State, realm: Realm, record: HostRecord): Host {
  const counts = countTasks(state, state.tasksByHost(record.id));
  return {
    containerInstanceArn: arn.host(realm, record.cluster, record.id),
    hostId: record.id,
    name: record.name,
    address: record.address,
    status: record.status,
    agentConnected: isConnected(state, record.id),
    runningTasksCount: counts.running,
    pendingTasksCount: counts.pending,
    registeredResources: record.registeredResources,
    remainingResources: remaining(state, record),
    attributes: record.attributes,
    agentVersion: record.agentVersion,
    engineVersion: record.engineVersion,
    registeredAt: record.registeredAt,
    tags: record.tags,
    capacityProviderName: providerOf(record.attributes),
    versionInfo: { agentVersion: record.agentVersion, dockerVersion: record.engineVersion },
    version: versionOf(state.get(collections.hosts, record.cluster, record.id)),
    ec2InstanceId: record.id,
    attachments: [],
  };
}

/** A host that was deregistered, as long as it can be described. */
export function formerHostView(state: State, realm: Realm, record: HostRecord): Host {
  return { ...hostView(state, realm, record), status: 'INACTIVE', agentConnected: false };
}

/** What `include` CONTAINER_INSTANCE_HEALTH adds: all that is known of a host's health is whether its agent is connected. */
export function hostHealth(state: State, record: HostRecord): HostHealthStatus {
  const session = state.get(collections.sessions, 'host', record.id)?.value;
  const away = record.agentAwaited === true ? 'INITIALIZING' : 'IMPAIRED';
  const status = session ? 'OK' : away;
  const details = [{ type: 'AGENT_CONNECTIVITY', status, lastStatusChange: session?.connectedAt }];
  return { overallStatus: status, details };
}

function remaining(state: State, record: HostRecord): Resources {
  const charges = Array.from(state.tasksByHost(record.id), ({ value }) =>
    chargeOf(value, reportedStatus(state, value)),
  );
  return remainingOf(record.registeredResources, charges);
}

/** What a query of the cluster query language can ask of the host. */
export function hostFacts(state: State, record: HostRecord): HostFacts {
  const groups = new Set<string>();
  for (const { value } of state.tasksByHost(record.id)) {
    const reported = reportedStatus(state, value)?.lastStatus;
    if (value.desiredStatus === 'RUNNING' && reported !== 'STOPPED') groups.add(value.group);
  }
  return {
    id: record.id,
    attributes: new Map(record.attributes.map(({ name, value }) => [name, value ?? ''])),
    agentConnected: isConnected(state, record.id),
    agentVersion: record.agentVersion,
    registeredAt: record.registeredAt,
    runningTasksCount: countTasks(state, state.tasksByHost(record.id)).running,
    groups,
  };
}
