// A service as the API shows it. Pure. Source: ECS reference, sections 2.5, 6.4 and 6.11.
import type {
  PlacementStrategy,
  Service,
  ServiceEvent,
  ServiceRecord,
} from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { isExternal } from '@berth/model/resources/task-set.ts';
import { uuidOf } from '@berth/model/resources/ids.ts';
import type { State } from '@berth/store/state.ts';

import { deploymentView, launchView, primaryDeployment } from './deployment-view.ts';
import { currentRevisions } from './service-history-view.ts';
import { serviceBalancerView } from './load-balancing-view.ts';
import { primaryTaskSet, taskSetsOf, taskSetView } from './task-set-view.ts';
import { countOfService } from './task-tally.ts';

const MOST_EVENTS = 100;

/** @param now by the api's clock */
export function serviceView(
  state: State,
  realm: Realm,
  record: ServiceRecord,
  now: number,
): Service {
  const { cluster, name } = record;
  const counts = countOfService(state, cluster, name);
  const deployments = deploymentView(state, realm, record, now);
  const isReplica = record.schedulingStrategy === 'REPLICA';
  const external = isExternal(record);
  return {
    serviceArn: arn.service(realm, cluster, name),
    serviceName: name,
    clusterArn: arn.cluster(realm, cluster),
    status: record.status,
    // A DAEMON service wants as many tasks as there are hosts for it; the controller counts them.
    desiredCount: isReplica ? record.desiredCount : (deployments[0]?.desiredCount ?? 0),
    runningCount: counts.running,
    pendingCount: counts.pending,
    taskDefinition: arn.taskDefinition(realm, primaryDeployment(state, record).taskDefinition),
    schedulingStrategy: record.schedulingStrategy,
    deploymentConfiguration: record.deploymentConfiguration,
    deployments,
    taskSets: external
      ? taskSetsOf(state, record).map((set) => taskSetView(state, realm, record, set))
      : [],
    events: eventsOf(state, record),
    loadBalancers: record.loadBalancers.map((item) => serviceBalancerView(state, realm, item)),
    placementConstraints: record.placementConstraints,
    placementStrategy: record.placementStrategy.map(strategyView),
    healthCheckGracePeriodSeconds: record.healthCheckGracePeriodSeconds,
    createdAt: record.createdAt,
    createdBy: record.createdBy,
    tags: record.tags,
    ...launchView(record.launch),
    roleArn: record.roleArn,
    enableECSManagedTags: record.launch?.enableECSManagedTags ?? false,
    propagateTags: record.launch?.propagateTags ?? 'NONE',
    enableExecuteCommand: record.launch?.enableExecuteCommand ?? false,
    availabilityZoneRebalancing: record.availabilityZoneRebalancing ?? 'DISABLED',
    deploymentController: { type: external ? 'EXTERNAL' : 'ECS' },
    ...(external ? servingView(state, realm, record) : currentRevisions(state, realm, record)),
  };
}

/** What belongs to task sets a service of theirs has from the one that serves. Source: ECS reference, section 6.9. */
function servingView(state: State, realm: Realm, record: ServiceRecord) {
  const { minimumHealthyPercent, maximumPercent } = record.deploymentConfiguration ?? {};
  const set = primaryTaskSet(state, record);
  return {
    currentServiceRevisions: [],
    deploymentConfiguration: { minimumHealthyPercent, maximumPercent },
    taskDefinition: set ? arn.taskDefinition(realm, set.taskDefinition) : '',
    loadBalancers: (set?.loadBalancers ?? []).map((item) =>
      serviceBalancerView(state, realm, item),
    ),
    ...(set
      ? launchView(set.launch)
      : {
          launchType: undefined,
          capacityProviderStrategy: [],
          platformVersion: undefined,
          platformFamily: undefined,
        }),
  };
}

/** ECS takes `cpu` and answers `CPU`. */
function strategyView({ type, field }: PlacementStrategy): PlacementStrategy {
  return type === 'binpack' ? { type, field: field?.toUpperCase() } : { type, field };
}

/** Newest first. The changes of a deployment's state are told elsewhere. Source: ECS reference, sections 6.11 and 10.4. */
function eventsOf(state: State, { cluster, name }: ServiceRecord): ServiceEvent[] {
  return Array.from(state.eventsByService(cluster, name), ({ value }) => value)
    .filter(({ kind }) => kind === 'service')
    .sort((a, b) => (a.id < b.id ? 1 : -1))
    .slice(0, MOST_EVENTS)
    .map(({ id, createdAt, message }) => ({ id: uuidOf(id), createdAt, message }));
}
