// The list of a service's deployments: takes in what the service asks for, hands running tasks to a rollback,
// and drops what is over. Pure. Source: ECS reference, sections 6.5 and 6.6.
import type { DeploymentRecord, ServiceRecord } from '../generated/messages.ts';
import { type Buckets, EMPTY_BUCKET } from './buckets.ts';
import {
  fail,
  type FailureCause,
  isTripped,
  rollbackDeployment,
  rollsBack,
} from './circuit-breaker.ts';
import { rolloutReason } from './events.ts';
import { revisionOf } from './revision.ts';
import { beginning, replaced, type Routes, sourceOf } from './shifting/begin.ts';
import { laidWeights, NO_ROUTES } from './shifting/overlay.ts';
import type { ServiceView } from './view.ts';

/** Newest first; index 0 is PRIMARY. */
export type Deployments = readonly [DeploymentRecord, ...DeploymentRecord[]];

/** The deployments with the one that the service wants in front. */
export function withWanted(
  known: readonly DeploymentRecord[],
  service: ServiceRecord,
  desired: number,
  now: number,
  routes: Routes = NO_ROUTES,
): Deployments {
  const [primary, ...old] = known;
  if (!primary) return [wantedDeployment(service, [], routes, desired, now)];
  const undoes = primary.rollbackOf === service.deploymentId;
  if (primary.id !== service.deploymentId && !undoes) {
    const before = [replaced(primary, now), ...old].map((each) => demote(each, now));
    return [wantedDeployment(service, before, routes, desired, now), ...before];
  }
  if (primary.desiredCount === desired) return [primary, ...old];
  return [{ ...primary, desiredCount: desired, updatedAt: now }, ...old];
}

function wantedDeployment(
  service: ServiceRecord,
  before: readonly DeploymentRecord[],
  routes: Routes,
  desired: number,
  now: number,
): DeploymentRecord {
  return {
    id: service.deploymentId,
    status: 'PRIMARY',
    taskDefinition: service.taskDefinition,
    desiredCount: desired,
    createdAt: service.deploymentRequestedAt,
    updatedAt: now,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: rolloutReason.inProgress(service.deploymentId),
    failedTasks: 0,
    countedTaskIds: [],
    reachedRunning: false,
    launchFailures: 0,
    ...beginning(service, before, routes, now),
  };
}

function demote(deployment: DeploymentRecord, now: number): DeploymentRecord {
  if (deployment.status === 'ACTIVE') return deployment;
  return { ...deployment, status: 'ACTIVE', updatedAt: now };
}

/** Tasks of deployments that the record does not know are tasks of old deployments, to be replaced. */
export function withStrays(deployments: Deployments, view: ServiceView, now: number): Deployments {
  const known = new Set(deployments.map(({ id }) => id));
  const strays = new Map<string, DeploymentRecord>();
  for (const { task, status } of view.tasks) {
    if (known.has(task.owner) || strays.has(task.owner) || status?.lastStatus === 'STOPPED')
      continue;
    strays.set(task.owner, {
      id: task.owner,
      status: 'ACTIVE',
      taskDefinition: task.taskDefinition,
      desiredCount: 0,
      createdAt: task.createdAt,
      updatedAt: now,
      rolloutState: 'IN_PROGRESS',
      rolloutStateReason: rolloutReason.inProgress(task.owner),
      failedTasks: 0,
      countedTaskIds: [],
      reachedRunning: false,
      launchFailures: 0,
      loadBalancers: view.service?.loadBalancers ?? [],
    });
  }
  const [primary, ...old] = deployments;
  return [primary, ...old, ...strays.values()];
}

/** An old deployment that has just been replaced keeps what it has running, no more. */
export function withKeptCounts(
  deployments: Deployments,
  known: readonly DeploymentRecord[],
  buckets: Buckets,
): Deployments {
  const [primary, ...old] = deployments;
  // One that traffic is shifted away from stays at its full size meanwhile.
  if (primary.shift) return deployments;
  const kept = old.map((deployment) => {
    const before = known.find(({ id }) => id === deployment.id);
    if (before?.status !== 'PRIMARY') return deployment;
    const bucket = buckets.byDeployment.get(deployment.id) ?? EMPTY_BUCKET;
    const running = bucket.healthy.length + bucket.unknown.length + bucket.leaving.length;
    return { ...deployment, desiredCount: Math.min(deployment.desiredCount, running) };
  });
  return [primary, ...kept];
}

export interface Verdict {
  readonly deployments: Deployments;
  /** The deployment that failed just now. */
  readonly failed?: string | undefined;
  readonly cause?: FailureCause | undefined;
  /** The COMPLETED one that its undoing goes back to. */
  readonly rolledBackTo?: string | undefined;
}

/**
 * End the PRIMARY if somebody, the circuit breaker or its own failure says so, and undo it if that is asked for and possible;
 * never an undoing. A shift of traffic is always undone.
 */
export function judge(
  deployments: Deployments,
  service: ServiceRecord,
  desired: number,
  now: number,
  failure?: FailureCause,
  routes: Routes = NO_ROUTES,
): Verdict {
  const [primary, ...old] = deployments;
  const cause = causeOf(primary, service, desired) ?? failure;
  if (!cause) return { deployments };
  const failed = fail(primary, cause, now);
  const asked = (typeof cause === 'object' ? cause.undo : undefined) ?? rollsBack(service);
  const undoes = cause === 'stopped' || primary.shift !== undefined || asked;
  const good = primary.rollbackOf === undefined ? sourceOf(old) : undefined;
  if (!undoes || !good) return { deployments: [failed, ...old], failed: primary.id, cause };
  const { productionWeight: production = 0, testWeight: test = 0 } = primary.shift ?? {};
  const laid = laidWeights(routes, primary.loadBalancers, { production, test });
  const undoing = rollbackDeployment(primary, good, cause, desired, laid, now);
  // Tasks that it has adopted already may be all that is left of a plan that was cut short: they are its own, not a stray's.
  const others = old.filter(({ id }) => id !== undoing.id);
  return {
    deployments: [undoing, demote(failed, now), ...others],
    failed: primary.id,
    cause,
    rolledBackTo: good.id,
  };
}

function causeOf(
  primary: DeploymentRecord,
  service: ServiceRecord,
  desired: number,
): FailureCause | undefined {
  if (primary.rolloutState === 'IN_PROGRESS' && service.stopRequestedOf === primary.id) {
    return 'stopped';
  }
  return isTripped(primary, service, desired) ? 'tripped' : undefined;
}

/**
 * Without old deployments that are over: those with no task that is not gone. The last COMPLETED one stays while
 * the breaker, or somebody, may still go back to it.
 */
export function withoutFinished(deployments: Deployments, buckets: Buckets): Deployments {
  const [primary, ...old] = deployments;
  const mayRollBack = primary.rolloutState === 'IN_PROGRESS' && primary.rollbackOf === undefined;
  const haven = mayRollBack ? sourceOf(old) : undefined;
  const left = old.filter(
    (deployment) =>
      deployment === haven ||
      buckets.byDeployment.has(deployment.id) ||
      buckets.ending.has(deployment.id),
  );
  return [primary, ...left];
}

/** Every wanted task of the PRIMARY is healthy, and nothing is left of older deployments. */
export function isDone(primary: DeploymentRecord, desired: number, buckets: Buckets): boolean {
  const bucket = buckets.byDeployment.get(primary.id) ?? EMPTY_BUCKET;
  const owners = [...buckets.byDeployment.keys(), ...buckets.ending.keys()];
  const healthy = bucket.healthy.length + bucket.leaving.filter(isHealthy).length;
  return (
    owners.every((owner) => owner === primary.id) &&
    buckets.total === desired &&
    healthy === desired
  );
}

const isHealthy = ({ health }: { health: { state: string } }): boolean =>
  health.state === 'healthy';

export function complete(deployment: DeploymentRecord, now: number): DeploymentRecord {
  return {
    ...deployment,
    rolloutState: 'COMPLETED',
    rolloutStateReason: rolloutReason.completed(deployment.id),
    updatedAt: now,
    headway: undefined,
    waitsFor: undefined,
  };
}

/**
 * While a rollback is under way, what still runs of the deployment that it goes back to becomes its own: those
 * tasks are of the right revision, and to restart them would only do harm. Older deployments are of other revisions.
 * @returns the ids of the tasks that pass to the PRIMARY
 */
export function adopted(view: ServiceView, [primary, ...old]: Deployments): readonly string[] {
  if (primary.rollbackOf === undefined || primary.rolloutState !== 'IN_PROGRESS') return [];
  const good = sourceOf(old.filter((each) => revisionOf(each) === revisionOf(primary)));
  return view.tasks
    .filter(({ task, status }) => task.owner === good?.id && status?.lastStatus !== 'STOPPED')
    .map(({ task }) => task.id);
}
