// The deployment circuit breaker: too many failed tasks end a deployment, and, where asked for, a new one
// takes the service back to the last that was COMPLETED. Pure. Source: ECS reference, section 6.6.
import type { DeploymentRecord, ServiceRecord } from '../generated/messages.ts';
import { rolloutReason } from './events.ts';
import { revisionOf } from './revision.ts';
import { shiftBack } from './shifting/advance.ts';
import type { LaidWeights } from './shifting/overlay.ts';
import { givenUp } from './shifting/returning.ts';

const LEAST = 3;
const MOST = 200;
const PERCENT = 50;

export type BreakerOptions = Pick<ServiceRecord, 'deploymentConfiguration'>;

/** How many failed tasks end a deployment: unless said otherwise half of the desired count, within bounds. */
export function breakerThreshold(desired: number, options: BreakerOptions = {}): number {
  const asked = breakerOf(options)?.thresholdConfiguration;
  if (asked?.type === 'COUNT') return asked.value;
  const share = Math.ceil((desired * (asked?.value ?? PERCENT)) / 100);
  if (asked?.type === 'UNBOUNDED_PERCENT') return Math.max(1, share);
  return Math.min(MOST, Math.max(LEAST, share));
}

function breakerOf({ deploymentConfiguration }: BreakerOptions) {
  return deploymentConfiguration?.deploymentCircuitBreaker;
}

export function isTripped(
  deployment: DeploymentRecord,
  options: BreakerOptions,
  desired: number,
): boolean {
  return (
    breakerOf(options)?.enable === true &&
    deployment.rolloutState === 'IN_PROGRESS' &&
    deployment.failedTasks >= breakerThreshold(desired, options)
  );
}

export function rollsBack(options: BreakerOptions): boolean {
  const breaker = breakerOf(options);
  return breaker?.enable === true && breaker.rollback;
}

/** Does one healthy task make up for those that failed before it? */
export function forgives(options: BreakerOptions): boolean {
  return breakerOf(options)?.resetOnHealthyTask !== false;
}

/** Why a deployment is ended before it is done: the breaker, a person, or what else, in words. */
export type FailureCause =
  | 'tripped'
  | 'stopped'
  | {
      readonly why: string;
      /** Absent: as the circuit breaker would. */
      readonly undo?: boolean;
      /** What else a user needs to know. */
      readonly details?: string;
    };

export function fail(
  deployment: DeploymentRecord,
  cause: FailureCause,
  now: number,
): DeploymentRecord {
  return {
    ...deployment,
    rolloutState: 'FAILED',
    rolloutStateReason:
      typeof cause === 'string' ? rolloutReason[cause] : rolloutReason.ended(cause.why),
    updatedAt: now,
    headway: undefined,
    waitsFor: undefined,
    shift: deployment.shift && givenUp(deployment.shift),
  };
}

/**
 * The deployment that undoes `failed` by going back to `good`. Its id follows from the failed one's, so that a
 * controller that plans it twice plans the same.
 */
export function rollbackDeployment(
  failed: DeploymentRecord,
  good: DeploymentRecord,
  cause: FailureCause,
  desired: number,
  laid: LaidWeights,
  now: number,
): DeploymentRecord {
  const id = rollbackId(failed.id);
  return {
    id,
    status: 'PRIMARY',
    taskDefinition: good.taskDefinition,
    desiredCount: desired,
    createdAt: now,
    updatedAt: now,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: undoingReason(cause, good.id),
    failedTasks: 0,
    countedTaskIds: [],
    reachedRunning: false,
    launchFailures: 0,
    rollbackOf: failed.id,
    loadBalancers: good.loadBalancers,
    serviceRevision: revisionOf(good),
    shift: shiftBack(failed, id, laid, now),
    rollbackCause: typeof cause === 'string' ? undefined : rolloutReason.ended(cause.why),
    alarms: failed.alarms,
  };
}

function undoingReason(cause: FailureCause, good: string): string {
  if (typeof cause !== 'string') return rolloutReason.undoingEnded(good, cause.why);
  return cause === 'tripped'
    ? rolloutReason.undoingTripped(good)
    : rolloutReason.undoingStopped(good);
}

/** `ecs-svc/` and 19 digits, scattered from the failed deployment's own (FNV-1a, 64 bits). */
export function rollbackId(failedId: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const letter of `rollback of ${failedId}`) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(letter.codePointAt(0) ?? 0)) * 0x100000001b3n);
  }
  const digits = (hash % 9_000_000_000_000_000_000n) + 1_000_000_000_000_000_000n;
  return `ecs-svc/${digits}`;
}
