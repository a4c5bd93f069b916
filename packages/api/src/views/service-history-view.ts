// Service deployments and revisions as the API shows them. What the controller has not written yet is shown as it will
// be, by the same rules. Pure. Source: ECS reference, sections 2.6 and 6.7.
import { historyOf, revisionOf } from '@berth/model/deployment/history.ts';
import type {
  Service,
  ServiceDeployment,
  ServiceDeploymentBrief,
  ServiceDeploymentRecord,
  ServiceRecord,
  ServiceRevision,
  ServiceRevisionRecord,
  ServiceRevisionSummary,
} from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { serviceDeploymentIdOf } from '@berth/model/resources/deployment-ids.ts';
import { ALL_TRAFFIC } from '@berth/model/routing/traffic-weights.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { definitionOf } from './definition.ts';
import { deploymentsOf, hookView, launchView } from './deployment-view.ts';
import { pinsOf } from './image-pins.ts';
import { ruleNameArn, serviceBalancerView, targetGroupArn } from './load-balancing-view.ts';
import { countOfOwner } from './task-tally.ts';

export interface ServiceHistory {
  readonly deployments: readonly ServiceDeploymentRecord[];
  readonly revisions: readonly ServiceRevisionRecord[];
}

/** Everything that is remembered of a service. */
export function serviceHistory(
  state: State,
  cluster: string,
  name: string,
  now: number,
): ServiceHistory {
  const service = state.get(collections.services, cluster, name)?.value;
  // What is left of a service of the same name that was deleted before is none of this one's.
  const known = values(state.list(collections.serviceDeployments, cluster, name)).filter(
    ({ createdAt }) => createdAt >= (service?.createdAt ?? 0),
  );
  const written = state.get(collections.deployments, cluster, name)?.value.deployments ?? [];
  const current = service ? deploymentsOf(state, service) : [];
  const fresh = historyOf({
    cluster,
    name,
    service,
    deployments: current,
    known,
    begun: written.some(({ id }) => id === current[0]?.id),
    now,
  });
  const deployments = new Map(known.map((each) => [each.id, each]));
  for (const each of fresh.deployments) deployments.set(each.id, each);
  const stored = values(state.list(collections.serviceRevisions, cluster, name));
  const revisions = new Map(fresh.revisions.map((each) => [each.id, each]));
  for (const each of stored) revisions.set(each.id, each);
  return { deployments: [...deployments.values()], revisions: [...revisions.values()] };
}

function values<T>(records: Iterable<{ readonly value: T }>): T[] {
  return Array.from(records, ({ value }) => value);
}

export function serviceDeploymentView(
  state: State,
  realm: Realm,
  record: ServiceDeploymentRecord,
): ServiceDeployment {
  const { cluster, service, rollback } = record;
  const summary = (id: string, requested: number): ServiceRevisionSummary =>
    summaryOf(state, realm, record, id, requested);
  const weight = (tenths: number | undefined, share: (of: number) => number) =>
    tenths === undefined ? undefined : share(tenths) / 10;
  const weights = (share: (of: number) => number) => ({
    requestedProductionTrafficWeight: weight(record.productionWeight, share),
    requestedTestTrafficWeight: weight(record.testWeight, share),
  });
  // The source that traffic moves away from is the first; any others have none.
  const ofSource = (index: number) => weights((of) => (index === 0 ? ALL_TRAFFIC - of : 0));
  return {
    ...briefOf(realm, record),
    stoppedAt: record.stoppedAt,
    updatedAt: record.updatedAt,
    sourceServiceRevisions: record.sourceServiceRevisions.map((id, index) => ({
      ...summary(id, 0),
      ...ofSource(index),
    })),
    targetServiceRevision: {
      ...summary(record.targetServiceRevision, record.requestedTaskCount),
      ...weights((of) => of),
    },
    deploymentConfiguration: record.deploymentConfiguration,
    rollback: rollback && {
      ...rollback,
      serviceRevisionArn: arn.serviceRevision(realm, cluster, service, rollback.serviceRevisionArn),
    },
    deploymentCircuitBreaker: record.deploymentCircuitBreaker,
    alarms: record.alarms,
    lifecycleStage: record.lifecycleStage,
    lifecycleHookDetails: record.lifecycleHooks.map(hookView),
  };
}

export function serviceDeploymentBrief(
  realm: Realm,
  record: ServiceDeploymentRecord,
): ServiceDeploymentBrief {
  const { cluster, service, targetServiceRevision } = record;
  return {
    ...briefOf(realm, record),
    targetServiceRevisionArn: arn.serviceRevision(realm, cluster, service, targetServiceRevision),
  };
}

function briefOf(realm: Realm, record: ServiceDeploymentRecord) {
  const { cluster, service, id } = record;
  return {
    serviceDeploymentArn: arn.serviceDeployment(realm, cluster, service, id),
    serviceArn: arn.service(realm, cluster, service),
    clusterArn: arn.cluster(realm, cluster),
    createdAt: record.createdAt,
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    status: record.status,
    statusReason: record.statusReason,
  };
}

/** Counts the tasks of the deployments that run the revision now. */
function summaryOf(
  state: State,
  realm: Realm,
  { cluster, service }: Pick<ServiceDeploymentRecord, 'cluster' | 'service'>,
  id: string,
  requested: number,
): ServiceRevisionSummary {
  const known = state.get(collections.deployments, cluster, service)?.value.deployments ?? [];
  const counts = known
    .filter((deployment) => revisionOf(deployment) === id)
    .map((deployment) => countOfOwner(state, deployment.id));
  return {
    arn: arn.serviceRevision(realm, cluster, service, id),
    requestedTaskCount: requested,
    runningTaskCount: counts.reduce((sum, { running }) => sum + running, 0),
    pendingTaskCount: counts.reduce((sum, { pending }) => sum + pending, 0),
  };
}

export function serviceRevisionView(
  state: State,
  realm: Realm,
  record: ServiceRevisionRecord,
): ServiceRevision {
  const { cluster, service, id, taskDefinition } = record;
  const containers = definitionOf(state, taskDefinition)?.containerDefinitions ?? [];
  const pins = new Map(pinsOf(state, cluster, id).map(({ image, digest }) => [image, digest]));
  return {
    serviceRevisionArn: arn.serviceRevision(realm, cluster, service, id),
    serviceArn: arn.service(realm, cluster, service),
    clusterArn: arn.cluster(realm, cluster),
    taskDefinition: arn.taskDefinition(realm, taskDefinition),
    ...launchView(record.launch),
    loadBalancers: record.loadBalancers.map((item) => serviceBalancerView(state, realm, item)),
    resolvedConfiguration: resolvedView(state, realm, record),
    containerImages: containers.map(({ name, image, versionConsistency }) => ({
      containerName: name,
      image,
      imageDigest:
        /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1] ??
        (versionConsistency === 'disabled' ? undefined : pins.get(image)),
    })),
    createdAt: record.createdAt,
  };
}

/** Where the tasks of the revision are registered: of the two groups of a load balancer, in one. */
function resolvedView(
  state: State,
  realm: Realm,
  { cluster, service, id, loadBalancers }: ServiceRevisionRecord,
): ServiceRevision['resolvedConfiguration'] {
  if (loadBalancers.length === 0) return undefined;
  const known = state.get(collections.deployments, cluster, service)?.value.deployments ?? [];
  const running = known.find((deployment) => revisionOf(deployment) === id);
  return {
    loadBalancers: (running?.loadBalancers ?? loadBalancers).map((item) => ({
      targetGroupArn: targetGroupArn(state, realm, item.targetGroupArn),
      productionListenerRule:
        item.advancedConfiguration &&
        ruleNameArn(state, realm, item.advancedConfiguration.productionListenerRule),
    })),
  };
}

/** Which service deployment is the newest, and what runs now. */
export function currentRevisions(
  state: State,
  realm: Realm,
  service: ServiceRecord,
): Pick<Service, 'currentServiceDeployment' | 'currentServiceRevisions'> {
  const { cluster, name, deploymentId, status } = service;
  if (status === 'INACTIVE') return { currentServiceRevisions: [] };
  const id = serviceDeploymentIdOf(deploymentId);
  const revisions = new Map<string, number>();
  for (const deployment of deploymentsOf(state, service)) {
    const revision = revisionOf(deployment);
    revisions.set(revision, (revisions.get(revision) ?? 0) + deployment.desiredCount);
  }
  return {
    currentServiceDeployment: arn.serviceDeployment(realm, cluster, name, id),
    currentServiceRevisions: Array.from(revisions, ([revision, requested]) =>
      summaryOf(state, realm, { cluster, service: name }, revision, requested),
    ),
  };
}
