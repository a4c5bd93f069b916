// The deployments of a service as the API shows them. What the controller has not taken in yet is shown as it
// will be, so that a service has its PRIMARY deployment from the first answer on. Pure. Source: ECS reference, section 6.5.
import type {
  CapacityProviderStrategyItem,
  Deployment,
  DeploymentProgress,
  DeploymentRecord,
  LaunchSettings,
  LifecycleHookDetail,
  LifecycleHookState,
  ServiceRecord,
  TaskRecord,
} from '@berth/model/generated/messages.ts';
import { withWanted } from '@berth/model/deployment/deployments.ts';
import { secondsLeft } from '@berth/model/deployment/estimate.ts';
import { revisionOf } from '@berth/model/deployment/history.ts';
import { delayMs } from '@berth/model/deployment/targets.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { isExternal } from '@berth/model/resources/task-set.ts';
import { isFargate } from '@berth/model/validation/launch.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { lastStatusOf, type TaskCounts } from './task-status.ts';
import { countOfOwner } from './task-tally.ts';

/**
 * Newest first, PRIMARY at index 0. An INACTIVE service has none.
 * @param now by the api's clock
 */
export function deploymentView(
  state: State,
  realm: Realm,
  service: ServiceRecord,
  now: number,
): Deployment[] {
  return deploymentsOf(state, service).map((deployment) =>
    show(state, realm, service, deployment, now),
  );
}

export function hookView(hook: LifecycleHookState): LifecycleHookDetail {
  const { hookId, targetType, targetArn, status, expiresAt, timeoutAction, reason } = hook;
  return {
    hookId,
    targetType,
    targetArn: targetArn || undefined,
    status,
    expiresAt,
    timeoutAction,
    lifecycleStage: hook.lifecycleStage,
    reason,
  };
}

/** With what the deployment launches: as its revision says, or, for the newest, the service. */
function launchOf(
  state: State,
  { cluster, name, launch, deploymentId }: ServiceRecord,
  deployment: DeploymentRecord,
): LaunchSettings | undefined {
  if (deployment.id === deploymentId) return launch;
  const revision = revisionOf(deployment);
  return state.get(collections.serviceRevisions, cluster, name, revision)?.value.launch ?? launch;
}

/** The members that services, deployments and revisions have in common. */
export function launchView(launch: LaunchSettings | undefined) {
  const strategy = launch?.capacityProviderStrategy ?? [];
  const ofFargate = launch !== undefined && isFargate(launch);
  return {
    launchType: strategy.length > 0 ? undefined : (launch?.launchType ?? 'EC2'),
    capacityProviderStrategy: strategy.map(completeItem),
    platformVersion: ofFargate ? (launch.platformVersion ?? 'LATEST') : undefined,
    platformFamily: ofFargate ? 'Linux' : undefined,
    networkConfiguration: launch?.networkConfiguration,
  };
}

function completeItem(item: CapacityProviderStrategyItem): CapacityProviderStrategyItem {
  return { ...item, weight: item.weight ?? 0, base: item.base ?? 0 };
}

/** The deployment that is, or will be, PRIMARY: the wanted one, or the one that the circuit breaker went back to. */
export function primaryDeployment(state: State, service: ServiceRecord): DeploymentRecord {
  return withWanted(
    known(state, service),
    service,
    desiredOf(state, service),
    changedAt(state, service),
  )[0];
}

export function deploymentsOf(state: State, service: ServiceRecord): readonly DeploymentRecord[] {
  if (isExternal(service)) return [];
  const deployments = known(state, service);
  if (service.status !== 'ACTIVE') return deployments;
  return withWanted(deployments, service, desiredOf(state, service), changedAt(state, service));
}

/** What the controller has made of the service so far. */
function known(state: State, { cluster, name }: ServiceRecord): readonly DeploymentRecord[] {
  return state.get(collections.deployments, cluster, name)?.value.deployments ?? [];
}

/** A new count is wanted from the moment that it is acknowledged. For DAEMON services the controller counts hosts. */
function desiredOf(state: State, service: ServiceRecord): number {
  if (service.schedulingStrategy === 'REPLICA') return service.desiredCount;
  return known(state, service)[0]?.desiredCount ?? 0;
}

function changedAt(state: State, service: ServiceRecord): number {
  return known(state, service)[0]?.updatedAt ?? service.deploymentRequestedAt;
}

function show(
  state: State,
  realm: Realm,
  service: ServiceRecord,
  deployment: DeploymentRecord,
  now: number,
): Deployment {
  const counts = countOfOwner(state, deployment.id);
  return {
    id: deployment.id,
    status: deployment.status,
    taskDefinition: arn.taskDefinition(realm, deployment.taskDefinition),
    desiredCount: deployment.desiredCount,
    pendingCount: counts.pending,
    runningCount: counts.running,
    failedTasks: deployment.failedTasks,
    createdAt: deployment.createdAt,
    updatedAt: deployment.updatedAt,
    rolloutState: deployment.rolloutState,
    rolloutStateReason: deployment.rolloutStateReason,
    ...launchView(launchOf(state, service, deployment)),
    progress: progressView(state, service, deployment, counts, now),
  };
}

/** Where a PRIMARY deployment that is under way is, and what it waits for. */
function progressView(
  state: State,
  { cluster, name }: ServiceRecord,
  deployment: DeploymentRecord,
  { running, pending }: TaskCounts,
  now: number,
): DeploymentProgress | undefined {
  const { id, shift, rolloutState, status, createdAt, desiredCount: desired } = deployment;
  if (rolloutState !== 'IN_PROGRESS' || status !== 'PRIMARY') return undefined;
  const others = Array.from(state.tasksByService(cluster, name), ({ value }) => value).filter(
    (task) => task.owner !== id && lastStatusOf(state, task) !== 'STOPPED',
  );
  const waits =
    running < desired || others.length === 0
      ? `healthy tasks: ${running} of ${desired} run, ${pending} pending`
      : `the end of ${others.length} older tasks`;
  const counts = { desired, running, others: others.length, drainedAt: drainedAt(state, others) };
  return {
    phase: shift?.stage ?? 'ROLLING',
    since: shift?.stageSince ?? createdAt,
    waitsFor: deployment.waitsFor ?? waits,
    secondsLeft: secondsLeft(deployment, counts, now),
    productionWeight: shift && shift.productionWeight / 10,
    testWeight: shift && shift.testWeight / 10,
    hooks: (shift?.hooks ?? []).map(hookView),
  };
}

/** When the last target of the tasks that drains has drained at the latest. */
function drainedAt(state: State, tasks: readonly TaskRecord[]): number | undefined {
  const times = tasks
    .flatMap(({ id }) => Array.from(state.targetsByTask(id), ({ value }) => value))
    .flatMap(({ group, drainingSince }) =>
      drainingSince === undefined
        ? []
        : [drainingSince + delayMs(state.get(collections.targetGroups, group)?.value)],
    );
  return times.length === 0 ? undefined : Math.max(...times);
}
