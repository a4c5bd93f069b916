// What is remembered of a service's deployments, and of what the service was at each: the view of ECS's service
// deployments and revisions, made from the list of deployments so that the two always agree. A deployment that undoes
// another is part of the other's. Pure. Source: ECS reference, sections 2.6 and 6.7.
import type {
  DeploymentRecord,
  ServiceDeploymentRecord,
  ServiceRecord,
  ServiceRevisionRecord,
} from '../generated/messages.ts';
import { revisionIdOf, serviceDeploymentIdOf } from '../resources/deployment-ids.ts';
import { ALL_TRAFFIC } from '../routing/traffic-weights.ts';
import { breakerThreshold } from './circuit-breaker.ts';
import { isSame } from './equal.ts';
import { rolloutReason } from './events.ts';
import { revisionOf } from './revision.ts';
import { abandoned } from './shifting/hooks.ts';

export { revisionOf };

export interface HistoryInput {
  readonly cluster: string;
  readonly name: string;
  /** Absent: the record was deleted. */
  readonly service?: ServiceRecord | undefined;
  /** Newest first; none once the service has ended. */
  readonly deployments: readonly DeploymentRecord[];
  /** What is remembered already. */
  readonly known: readonly ServiceDeploymentRecord[];
  /** The controller has taken the newest deployment in. */
  readonly begun: boolean;
  readonly now: number;
}

export interface History {
  /** Those that are new or have changed. */
  readonly deployments: readonly ServiceDeploymentRecord[];
  /** Revisions that there must be; they never change. */
  readonly revisions: readonly ServiceRevisionRecord[];
}

/** The last hooks of a service deployment that are remembered. */
const MOST_HOOKS = 50;

type Status = ServiceDeploymentRecord['status'];

const OPEN: ReadonlySet<Status> = new Set([
  'PENDING',
  'IN_PROGRESS',
  'STOP_REQUESTED',
  'ROLLBACK_REQUESTED',
  'ROLLBACK_IN_PROGRESS',
]);

/** Is the service deployment still under way? */
export function isOpen({ status }: Pick<ServiceDeploymentRecord, 'status'>): boolean {
  return OPEN.has(status);
}

/** What has to be written so that the history says how the deployments stand. */
export function historyOf(input: HistoryInput): History {
  const { service, deployments, known, now } = input;
  const [primary] = deployments;
  const current = primary && (primary.rollbackOf ?? primary.id);
  const changed: ServiceDeploymentRecord[] = [];
  for (const before of known) {
    if (before.deploymentId === current || !isOpen(before)) continue;
    changed.push(...ifChanged(before, superseded(before, input), now));
  }
  if (!service || !primary || current === undefined) return { deployments: changed, revisions: [] };
  const before = known.find(({ deploymentId }) => deploymentId === current);
  if (before === undefined || isOpen(before)) {
    const from = before ?? freshRecord(service, current, input);
    const next = currentRecord(from, primary, service, input);
    changed.push(...(before ? ifChanged(before, next, now) : [next]));
  }
  return {
    deployments: changed,
    // Only while the service is still what it was at that deployment.
    revisions: service.deploymentId === primary.id ? [revisionRecord(service)] : [],
  };
}

function ifChanged(
  before: ServiceDeploymentRecord,
  after: ServiceDeploymentRecord,
  now: number,
): ServiceDeploymentRecord[] {
  return isSame(before, after) ? [] : [{ ...after, updatedAt: now }];
}

/** A newer deployment has taken its place, or the service has ended. */
function superseded(
  before: ServiceDeploymentRecord,
  { service, deployments, now }: HistoryInput,
): ServiceDeploymentRecord {
  const { deploymentId, rollbackDeploymentId } = before;
  const left = deployments.some(({ id }) => id === deploymentId || id === rollbackDeploymentId);
  const statusReason =
    service?.status === 'ACTIVE'
      ? 'A newer deployment has taken its place.'
      : 'The service was deleted.';
  const over = { ...before, lifecycleHooks: abandoned(before.lifecycleHooks), statusReason };
  if (left) return { ...over, status: 'STOP_REQUESTED' };
  return { ...over, status: 'STOPPED', stoppedAt: now, finishedAt: now };
}

function freshRecord(
  service: ServiceRecord,
  deploymentId: string,
  { cluster, name, deployments, now }: HistoryInput,
): ServiceDeploymentRecord {
  return {
    cluster,
    service: name,
    id: serviceDeploymentIdOf(deploymentId),
    deploymentId,
    status: 'PENDING',
    createdAt: service.deploymentRequestedAt,
    updatedAt: now,
    sourceServiceRevisions: [...new Set(deployments.slice(1).map(revisionOf))],
    targetServiceRevision: revisionIdOf(deploymentId),
    requestedTaskCount: 0,
    deploymentConfiguration: service.deploymentConfiguration,
    lifecycleHooks: [],
  };
}

function currentRecord(
  before: ServiceDeploymentRecord,
  primary: DeploymentRecord,
  service: ServiceRecord,
  input: HistoryInput,
): ServiceDeploymentRecord {
  const { deployments, begun, now } = input;
  const undoing = primary.rollbackOf === undefined ? undefined : primary;
  const listed = deployments.find(({ id }) => id === before.deploymentId);
  const judged = listed ?? (undoing && undone(before, undoing, service));
  const status = statusOf(primary, service, begun);
  const over = !OPEN.has(status);
  const reason = reasonOf(status, judged ?? primary);
  return {
    ...before,
    status,
    ...(reason === undefined ? {} : { statusReason: reason }),
    rollbackDeploymentId: undoing?.id,
    requestedTaskCount: primary.desiredCount,
    startedAt: before.startedAt ?? (begun ? now : undefined),
    finishedAt: over ? (before.finishedAt ?? now) : undefined,
    stoppedAt: status === 'STOPPED' ? (before.stoppedAt ?? now) : undefined,
    rollback: undoing && {
      reason: undoing.rolloutStateReason,
      startedAt: undoing.createdAt,
      ...before.rollback,
      serviceRevisionArn: revisionOf(undoing),
    },
    deploymentCircuitBreaker: breakerOf(before, judged, service),
    alarms: alarmsOf(before, judged, service),
    ...shiftOf(before, primary),
  };
}

/** Of an undoing, how much of the traffic the undone deployment still has. */
function shiftOf(
  before: ServiceDeploymentRecord,
  { shift }: DeploymentRecord,
): Pick<
  ServiceDeploymentRecord,
  'lifecycleStage' | 'lifecycleHooks' | 'productionWeight' | 'testWeight'
> {
  if (!shift) {
    const { lifecycleStage, lifecycleHooks, productionWeight, testWeight } = before;
    return { lifecycleStage, lifecycleHooks, productionWeight, testWeight };
  }
  const ids = new Set(shift.hooks.map(({ hookId }) => hookId));
  const of = (weight: number): number => (shift.back ? ALL_TRAFFIC - weight : weight);
  return {
    lifecycleStage: shift.stage,
    lifecycleHooks: [
      ...before.lifecycleHooks.filter(({ hookId }) => !ids.has(hookId)),
      ...shift.hooks,
    ].slice(-MOST_HOOKS),
    productionWeight: of(shift.productionWeight),
    testWeight: of(shift.testWeight),
  };
}

type Judged = Pick<
  DeploymentRecord,
  'rolloutState' | 'rolloutStateReason' | 'desiredCount' | 'failedTasks' | 'alarms'
>;

/** A deployment of which nothing was left when it was undone is on the list no more. How it ended follows from who undid it. */
function undone(
  { deploymentId, deploymentCircuitBreaker }: ServiceDeploymentRecord,
  { desiredCount, rollbackCause, alarms }: DeploymentRecord,
  service: ServiceRecord,
): Judged {
  const counted = deploymentCircuitBreaker?.failureCount ?? 0;
  const stopped = service.stopRequestedOf === deploymentId;
  const otherwise = rollbackCause ?? (stopped ? rolloutReason.stopped : undefined);
  return {
    rolloutState: 'FAILED',
    rolloutStateReason: otherwise ?? rolloutReason.tripped,
    desiredCount,
    alarms,
    failedTasks:
      otherwise !== undefined
        ? counted
        : Math.max(counted, breakerThreshold(desiredCount, service)),
  };
}

function statusOf(primary: DeploymentRecord, service: ServiceRecord, begun: boolean): Status {
  const undoing = primary.rollbackOf !== undefined;
  switch (primary.rolloutState) {
    case 'COMPLETED':
      return undoing ? 'ROLLBACK_SUCCESSFUL' : 'SUCCESSFUL';
    case 'FAILED':
      return undoing ? 'ROLLBACK_FAILED' : 'STOPPED';
    case 'IN_PROGRESS':
      if (undoing) return 'ROLLBACK_IN_PROGRESS';
      if (service.stopRequestedOf === primary.id) return 'ROLLBACK_REQUESTED';
      return begun ? 'IN_PROGRESS' : 'PENDING';
  }
}

function reasonOf(status: Status, judged: Judged): string | undefined {
  if (status === 'ROLLBACK_REQUESTED') return 'A rollback was requested by a user.';
  return judged.rolloutState === 'FAILED' ? judged.rolloutStateReason : undefined;
}

function breakerOf(
  before: ServiceDeploymentRecord,
  judged: Judged | undefined,
  service: ServiceRecord,
): ServiceDeploymentRecord['deploymentCircuitBreaker'] {
  if (!judged) return before.deploymentCircuitBreaker;
  const breaker = service.deploymentConfiguration?.deploymentCircuitBreaker;
  const threshold = breakerThreshold(judged.desiredCount, service);
  if (breaker?.enable !== true) return { status: 'DISABLED', failureCount: 0, threshold: 0 };
  const { failedTasks: failureCount } = judged;
  switch (judged.rolloutState) {
    case 'IN_PROGRESS':
      return { status: 'MONITORING', failureCount, threshold };
    case 'COMPLETED':
      return { status: 'MONITORING_COMPLETE', failureCount: 0, threshold };
    case 'FAILED':
      return failureCount >= threshold
        ? { status: 'TRIGGERED', failureCount, threshold }
        : { status: 'MONITORING_COMPLETE', failureCount, threshold };
  }
}

/** Absent where the service says nothing of alarms. */
function alarmsOf(
  before: ServiceDeploymentRecord,
  judged: Judged | undefined,
  service: ServiceRecord,
): ServiceDeploymentRecord['alarms'] {
  if (!judged) return before.alarms;
  const configured = service.deploymentConfiguration?.alarms;
  const watch = judged.alarms;
  if (!watch) {
    return (
      configured && {
        status: 'DISABLED',
        alarmNames: configured.alarmNames,
        triggeredAlarmNames: [],
      }
    );
  }
  const { names: alarmNames, triggered: triggeredAlarmNames, ignoredFor } = watch;
  const over = judged.rolloutState === 'IN_PROGRESS' ? 'MONITORING' : 'MONITORING_COMPLETE';
  const ended = judged.rolloutState === 'FAILED' && triggeredAlarmNames.length > 0;
  const status = ignoredFor.length > 0 ? 'DISABLED' : ended ? 'TRIGGERED' : over;
  return { status, alarmNames, triggeredAlarmNames };
}

function revisionRecord(service: ServiceRecord): ServiceRevisionRecord {
  const { cluster, name, deploymentId, deploymentRequestedAt, taskDefinition } = service;
  const { launch, loadBalancers } = service;
  return {
    cluster,
    service: name,
    id: revisionIdOf(deploymentId),
    createdAt: deploymentRequestedAt,
    taskDefinition,
    launch,
    loadBalancers,
  };
}
