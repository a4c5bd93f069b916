// The health of one target as one proxy sees it: a state machine over the outcomes of its checks. The first success makes a
// new target healthy at once; later changes need their thresholds. Source: ALB reference, section 3.4.
import { assertNever } from '../assert.ts';

import { type CheckSettings } from './group-settings.ts';
import { matcherAccepts } from './matcher.ts';

export type ProbeOutcome =
  | { readonly kind: 'answered'; readonly code: number }
  /** A connection stands; of checks that ask for nothing more. */
  | { readonly kind: 'connected' }
  | { readonly kind: 'timeout' }
  /** No connection, or one that broke before an answer that could be read. */
  | { readonly kind: 'failed' }
  /** The check could not be made. */
  | { readonly kind: 'internal' };

export type TargetHealth =
  | { readonly state: 'initial'; readonly failures: number; readonly cause: HealthCause }
  | { readonly state: 'healthy'; readonly failures: number }
  | { readonly state: 'unhealthy'; readonly successes: number; readonly cause: HealthCause };

export interface HealthCause {
  readonly reason: string;
  readonly description: string;
}

export const REGISTERING: TargetHealth = {
  state: 'initial',
  failures: 0,
  cause: {
    reason: 'Elb.RegistrationInProgress',
    description: 'Target registration is in progress',
  },
};

export const CHECKING: TargetHealth = {
  state: 'initial',
  failures: 0,
  cause: {
    reason: 'Elb.InitialHealthChecking',
    description: 'Initial health checks in progress',
  },
};

/** No rule forwards to the target's group, so it is not checked. Reported as `initial`; the api shows `unused`. */
export const NOT_IN_USE: TargetHealth = {
  state: 'initial',
  failures: 0,
  cause: {
    reason: 'Target.NotInUse',
    description: 'Target group is not configured to receive traffic from the load balancer',
  },
};

export const DEREGISTERING: HealthCause = {
  reason: 'Target.DeregistrationInProgress',
  description: 'Target deregistration is in progress',
};

/** Pure. */
export function probeSucceeded(outcome: ProbeOutcome, check: CheckSettings): boolean {
  if (outcome.kind === 'connected') return true;
  return outcome.kind === 'answered' && matcherAccepts(check.matcher, outcome.code);
}

/** The health after one more check. Pure. */
export function nextHealth(
  health: TargetHealth,
  outcome: ProbeOutcome,
  check: CheckSettings,
): TargetHealth {
  if (outcome.kind === 'connected' || probeSucceeded(outcome, check)) {
    if (health.state !== 'unhealthy') return { state: 'healthy', failures: 0 };
    const successes = health.successes + 1;
    if (successes >= check.healthyThreshold) return { state: 'healthy', failures: 0 };
    return { state: 'unhealthy', successes, cause: health.cause };
  }
  const cause = causeOf(outcome);
  if (health.state === 'unhealthy') return { state: 'unhealthy', successes: 0, cause };
  const failures = health.failures + 1;
  if (failures >= check.unhealthyThreshold) return { state: 'unhealthy', successes: 0, cause };
  if (health.state === 'healthy') return { state: 'healthy', failures };
  return { state: 'initial', failures, cause: health.cause };
}

function causeOf(outcome: Exclude<ProbeOutcome, { kind: 'connected' }>): HealthCause {
  switch (outcome.kind) {
    case 'answered':
      return {
        reason: 'Target.ResponseCodeMismatch',
        description: `Health checks failed with these codes: [${String(outcome.code)}]`,
      };
    case 'timeout':
      return { reason: 'Target.Timeout', description: 'Request timed out' };
    case 'failed':
      return { reason: 'Target.FailedHealthChecks', description: 'Health checks failed' };
    case 'internal':
      return {
        reason: 'Elb.InternalError',
        description: 'Health checks failed due to an internal error',
      };
    default:
      return assertNever(outcome);
  }
}

/** What people and the control plane are told of it; undefined for a healthy target. Pure. */
export function causeOfHealth(health: TargetHealth): HealthCause | undefined {
  return health.state === 'healthy' ? undefined : health.cause;
}

/** True when both would be reported alike. Pure. */
export function sameReport(a: TargetHealth, b: TargetHealth): boolean {
  return a.state === b.state && causeOfHealth(a)?.description === causeOfHealth(b)?.description;
}
