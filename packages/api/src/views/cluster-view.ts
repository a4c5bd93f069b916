// A cluster as the API shows it. Pure. Source: ECS reference, section 2.2.
import type {
  Cluster,
  ClusterRecord,
  KeyValuePair,
  ServiceRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { isBuiltInProvider } from '@berth/model/resources/capacity-provider.ts';
import { isFargate } from '@berth/model/validation/launch.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { countedAs } from './task-status.ts';
import { countOfCluster } from './task-tally.ts';

/** Without its statistics, which cost another look at everything in it. */
export function clusterView(state: State, realm: Realm, record: ClusterRecord): Cluster {
  const { name } = record;
  const counts = countOfCluster(state, name);
  const services = [...state.list(collections.services, name)];
  return {
    clusterArn: arn.cluster(realm, name),
    clusterName: name,
    status: record.status,
    registeredContainerInstancesCount: [...state.list(collections.hosts, name)].length,
    runningTasksCount: counts.running,
    pendingTasksCount: counts.pending,
    activeServicesCount: services.filter(({ value }) => value.status === 'ACTIVE').length,
    tags: record.tags,
    settings:
      record.settings.length > 0
        ? record.settings
        : [{ name: 'containerInsights', value: 'disabled' }],
    statistics: [],
    configuration: record.configuration,
    capacityProviders: record.capacityProviders,
    defaultCapacityProviderStrategy: record.defaultCapacityProviderStrategy,
    attachments: [],
  };
}

/** Counts by launch type, by ECS's names, as text. */
export function clusterStatistics(state: State, name: string): KeyValuePair[] {
  const counts = new Map<string, number>(STATISTICS.map((statistic) => [statistic, 0]));
  const count = (statistic: string): void => {
    counts.set(statistic, (counts.get(statistic) ?? 0) + 1);
  };
  for (const { value } of state.list(collections.tasks, name)) {
    const counted = countedAs(state, value);
    if (counted) count(`${counted}${kindOfTask(value)}TasksCount`);
  }
  for (const { value } of state.list(collections.services, name)) {
    if (value.status === 'INACTIVE') continue;
    count(`${value.status.toLowerCase()}${kindOfService(value)}ServiceCount`);
  }
  return Array.from(counts, ([statistic, value]) => ({ name: statistic, value: String(value) }));
}

const STATISTICS = ['EC2', 'Fargate', 'External'].flatMap((kind) => [
  `running${kind}TasksCount`,
  `pending${kind}TasksCount`,
  `active${kind}ServiceCount`,
  `draining${kind}ServiceCount`,
]);

function kindOfTask({ launchType, capacityProviderName }: TaskRecord): string {
  if (capacityProviderName !== undefined && isBuiltInProvider(capacityProviderName)) {
    return 'Fargate';
  }
  return kindOf(launchType);
}

function kindOfService({ launch }: ServiceRecord): string {
  return launch && isFargate(launch) ? 'Fargate' : kindOf(launch?.launchType);
}

function kindOf(launchType: string | undefined): string {
  if (launchType === 'FARGATE') return 'Fargate';
  return launchType === 'EXTERNAL' ? 'External' : 'EC2';
}
