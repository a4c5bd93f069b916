// A cluster as the API shows it. Pure. Source: ECS reference, section 2.2.
import type { Cluster, ClusterRecord } from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { countTasks } from './task-status.ts';

export function clusterView(state: State, realm: Realm, record: ClusterRecord): Cluster {
  const { name } = record;
  const counts = countTasks(state, state.list(collections.tasks, name));
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
  };
}
