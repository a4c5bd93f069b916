// The deployment circuit breaker: too many failed tasks end a deployment, and, where asked for, a new one
// takes the service back to the last that was COMPLETED. Pure. Source: ECS reference, section 6.6.
import type { DeploymentRecord, ServiceRecord } from '../generated/messages.ts';

const LEAST = 3;
const MOST = 200;

export type BreakerOptions = Pick<ServiceRecord, 'deploymentConfiguration'>;

/** How many failed tasks end a deployment: half of the desired count, within bounds. */
export function breakerThreshold(desired: number): number {
  return Math.min(MOST, Math.max(LEAST, Math.ceil(desired / 2)));
}

export function isTripped(
  deployment: DeploymentRecord,
  options: BreakerOptions,
  desired: number,
): boolean {
  return (
    options.deploymentConfiguration?.deploymentCircuitBreaker?.enable === true &&
    deployment.rolloutState === 'IN_PROGRESS' &&
    deployment.failedTasks >= breakerThreshold(desired)
  );
}

export function rollsBack(options: BreakerOptions): boolean {
  const breaker = options.deploymentConfiguration?.deploymentCircuitBreaker;
  return breaker?.enable === true && breaker.rollback;
}

export function fail(deployment: DeploymentRecord, now: number): DeploymentRecord {
  return {
    ...deployment,
    rolloutState: 'FAILED',
    rolloutStateReason: 'ECS deployment circuit breaker: tasks failed to start.',
    updatedAt: now,
  };
}

/**
 * The deployment that undoes `failed` by going back to `good`. Its id follows from the failed one's, so that a
 * controller that plans it twice plans the same.
 */
export function rollbackDeployment(
  failed: DeploymentRecord,
  good: DeploymentRecord,
  desired: number,
  now: number,
): DeploymentRecord {
  return {
    id: rollbackId(failed.id),
    status: 'PRIMARY',
    taskDefinition: good.taskDefinition,
    desiredCount: desired,
    createdAt: now,
    updatedAt: now,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: `ECS deployment circuit breaker: rolling back to deploymentId ${good.id}.`,
    failedTasks: 0,
    countedTaskIds: [],
    reachedRunning: false,
    launchFailures: 0,
    rollbackOf: failed.id,
    loadBalancers: good.loadBalancers,
  };
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
