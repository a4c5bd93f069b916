// Whether a deployment is done, and if not, whether it ever will be. Pure.
import type { Deployment } from '@berth/model/generated/messages.ts';

import { type ProgressState, deploymentOf, inStep } from './model.ts';

export type Verdict =
  | { readonly kind: 'going' }
  | { readonly kind: 'done' }
  /** `reason` is a sentence; old tasks go on serving. */
  | { readonly kind: 'failed'; readonly reason: string };

/** As many failed tasks make it evident that a revision does not work, where no circuit breaker decides. */
const FAILED_TASKS_EVIDENT = 3;
/** A task that can't be placed may yet be, while others still move. */
const UNPLACED_PATIENCE_MS = 20_000;

/** Tasks of a change may be older than the first message about it. */
const CREATED_JUST_BEFORE_MS = 2000;

const going: Verdict = { kind: 'going' };

/** @param now on the clock of the messages */
export function verdictOf(state: ProgressState, now: number): Verdict {
  const { service, deploymentId } = state;
  if (service.status !== 'ACTIVE') {
    return { kind: 'failed', reason: `the service is ${service.status}: it was deleted meanwhile` };
  }
  const ours = deploymentOf(service, deploymentId);
  const [primary] = service.deployments;
  const alone = service.deployments.length === 1 && quiet(state);
  if (!ours || (primary && primary.id !== deploymentId)) {
    if (state.failure === undefined) {
      return {
        kind: 'failed',
        reason: `another deployment (${primary?.id ?? '?'}) took its place`,
      };
    }
    return alone && primary?.rolloutState === 'COMPLETED'
      ? { kind: 'failed', reason: `rolled back: ${state.failure.replace(/\.$/, '')}` }
      : going;
  }
  const breaker = service.deploymentConfiguration?.deploymentCircuitBreaker;
  if (ours.rolloutState === 'FAILED') {
    // The roll back follows within moments, as a deployment of its own.
    const rollsBack = breaker?.rollback === true && now - ours.updatedAt < UNPLACED_PATIENCE_MS;
    return rollsBack ? going : { kind: 'failed', reason: ours.rolloutStateReason || 'it failed' };
  }
  const serving = inStep(state, 'serving', true).length;
  if (alone && ours.rolloutState === 'COMPLETED' && serving >= service.desiredCount) {
    return { kind: 'done' };
  }
  const failures = failedTasks(state, ours);
  if (breaker?.enable !== true && failures >= FAILED_TASKS_EVIDENT && serving === 0) {
    return { kind: 'failed', reason: `${failures} of its tasks failed, and none became healthy` };
  }
  if (state.unplaced !== undefined && now - state.movedAt > UNPLACED_PATIENCE_MS) {
    return { kind: 'failed', reason: 'a task could not be placed' };
  }
  return going;
}

/** Failed tasks that speak against the revision. Where it was complete before, those that ran already do not. */
function failedTasks(state: ProgressState, ours: Deployment): number {
  const young = [...state.troubles.values()].filter(
    ({ bornAt }) => bornAt >= state.beganAt - CREATED_JUST_BEFORE_MS,
  );
  return ours.rolloutState === 'COMPLETED'
    ? young.length
    : Math.max(ours.failedTasks - state.failedBefore, state.troubles.size);
}

/** As many tasks as wanted, none on its way in or out. */
function quiet(state: ProgressState): boolean {
  const { service } = state;
  return (
    service.runningCount === service.desiredCount &&
    service.pendingCount === 0 &&
    inStep(state, 'drain').length === 0 &&
    inStep(state, 'stop').length === 0
  );
}
