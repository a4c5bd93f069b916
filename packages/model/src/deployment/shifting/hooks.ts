// Lifecycle hooks: whom a deployment asks at a stage, what they have said, whom to ask next. Pure; the controller does the asking
// and records what came of it with `withOutcome`. Source: ECS reference, section 6.8.
import type {
  DeploymentLifecycleHook,
  DeploymentRecord,
  HookDecision,
  LifecycleHookState,
  ServiceRecord,
  TrafficShift,
} from '../../generated/messages.ts';
import { arn, type Realm } from '../../resources/arn.ts';
import { ALL_TRAFFIC } from '../../routing/traffic-weights.ts';
import { revisionOf } from '../revision.ts';
import type { Stage } from './steps.ts';

const TIMEOUT_MINUTES = 1440;
/** A hook that says IN_PROGRESS is asked again after so long, unless it says when. */
export const CALL_BACK_MS = 30_000;
export const CALL_BACK_MOST_MS = 3_600_000;

/** The hooks that are asked at this stage, none of them asked yet. */
export function hooksAt(
  { configuration, step, back }: Pick<TrafficShift, 'configuration' | 'step' | 'back'>,
  deploymentId: string,
  stage: Stage,
  now: number,
): LifecycleHookState[] {
  const hooks = configuration?.lifecycleHooks?.items ?? [];
  return hooks.flatMap((hook, index) => {
    if (!hook.lifecycleStages.includes(stage)) return [];
    const round = back ? 'back' : String(step);
    return [opened(hook, hookId(hook, `${deploymentId} ${stage} ${round} ${index}`), stage, now)];
  });
}

function opened(
  hook: DeploymentLifecycleHook,
  id: string,
  stage: Stage,
  now: number,
): LifecycleHookState {
  const { timeoutInMinutes = TIMEOUT_MINUTES, action } = hook.timeoutConfiguration ?? {};
  const targetType = hook.targetType || 'AWS_LAMBDA';
  const moves = stage === 'TEST_TRAFFIC_SHIFT' || stage === 'PRODUCTION_TRAFFIC_SHIFT';
  return {
    hookId: id,
    targetType,
    targetArn: hook.hookTargetArn ?? '',
    status: targetType === 'PAUSE' ? 'AWAITING_ACTION' : 'IN_PROGRESS',
    lifecycleStage: stage,
    since: now,
    expiresAt: now + timeoutInMinutes * 60_000,
    timeoutAction: action || 'ROLLBACK',
    // Where traffic moves, hooks are asked once it has.
    nextCallAt: targetType === 'PAUSE' || moves ? undefined : now,
    calls: 0,
    hookDetails: hook.hookDetails,
  };
}

/** The same hook of the same stage always has the same id, so that whoever is asked twice can tell. */
function hookId({ targetType }: DeploymentLifecycleHook, of: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const letter of of) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(letter.codePointAt(0) ?? 0)) * 0x100000001b3n);
  }
  const kind = targetType === 'PAUSE' ? 'pause' : 'hook';
  return `ecs-${kind}-${hash.toString(16).padStart(16, '0')}`;
}

/** The hooks with what people have answered and what time has decided; those that wait for the traffic are let go. */
export function judgedHooks(
  hooks: readonly LifecycleHookState[],
  decisions: readonly HookDecision[],
  mayAsk: boolean,
  now: number,
): LifecycleHookState[] {
  return hooks.map((hook): LifecycleHookState => {
    if (isOver(hook)) return hook;
    const decision = decisions.find(({ hookId: id }) => id === hook.hookId);
    if (decision && hook.targetType === 'PAUSE') {
      return decision.action === 'CONTINUE'
        ? { ...hook, status: 'SUCCEEDED' }
        : { ...hook, status: 'FAILED', reason: 'somebody asked for a rollback' };
    }
    if (now >= hook.expiresAt) {
      return {
        ...hook,
        status: 'TIMED_OUT',
        nextCallAt: undefined,
        reason: 'nobody answered in time',
      };
    }
    const waits = hook.targetType === 'AWS_LAMBDA' && hook.calls === 0;
    return waits && mayAsk && hook.nextCallAt === undefined ? { ...hook, nextCallAt: now } : hook;
  });
}

export function isOver({ status }: LifecycleHookState): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED' || status === 'TIMED_OUT';
}

/** It does not keep the deployment from going on. */
export function isPassed({ status, timeoutAction }: LifecycleHookState): boolean {
  return status === 'SUCCEEDED' || (status === 'TIMED_OUT' && timeoutAction === 'CONTINUE');
}

/** It ends the deployment. */
export function isFailed(hook: LifecycleHookState): boolean {
  return isOver(hook) && !isPassed(hook);
}

/** The hooks of a deployment that is undone: whoever has not answered is not asked any more. */
export function abandoned(hooks: readonly LifecycleHookState[]): LifecycleHookState[] {
  const reason = 'the deployment was undone before it had answered';
  return hooks.map((hook) =>
    isOver(hook) ? hook : { ...hook, status: 'FAILED', nextCallAt: undefined, reason },
  );
}

export function hookName({ hookId: id, targetType, targetArn }: LifecycleHookState): string {
  return targetType === 'PAUSE' ? `hook ${id}` : `hook ${targetArn}`;
}

/** One question to a hook. */
export interface HookCall {
  readonly hookId: string;
  readonly url: string;
  /** When to ask, by the controller's clock. */
  readonly at: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Who has to be asked about a service's newest deployment, and when; some of it may lie ahead. */
export function hookCalls(
  realm: Realm,
  service: Pick<ServiceRecord, 'cluster' | 'name'>,
  deployments: readonly DeploymentRecord[],
): HookCall[] {
  const [primary] = deployments;
  if (!primary?.shift || primary.rolloutState !== 'IN_PROGRESS') return [];
  return primary.shift.hooks.flatMap((hook) => {
    if (isOver(hook) || hook.nextCallAt === undefined || hook.targetType !== 'AWS_LAMBDA')
      return [];
    const payload = payloadOf(realm, service, deployments, primary, hook);
    return [{ hookId: hook.hookId, url: hook.targetArn, at: hook.nextCallAt, payload }];
  });
}

function payloadOf(
  realm: Realm,
  { cluster, name }: Pick<ServiceRecord, 'cluster' | 'name'>,
  deployments: readonly DeploymentRecord[],
  primary: DeploymentRecord,
  hook: LifecycleHookState,
): HookCall['payload'] {
  const { productionWeight = 0, testWeight = 0, source, back = false } = primary.shift ?? {};
  const arnOf = (deployment: DeploymentRecord): string =>
    arn.serviceRevision(realm, cluster, name, revisionOf(deployment));
  const other = deployments.find(({ id }) => id === source);
  const weights = (own: number): Record<string, number> => ({
    ...(other ? { [arnOf(other)]: (ALL_TRAFFIC - own) / 10 } : {}),
    [arnOf(primary)]: own / 10,
  });
  return {
    serviceArn: arn.service(realm, cluster, name),
    // Of a rollback too this is the revision that the deployment was to bring.
    targetServiceRevisionArn: arnOf(back && other ? other : primary),
    testTrafficWeights: weights(testWeight),
    productionTrafficWeights: weights(productionWeight),
    lifecycleStage: hook.lifecycleStage,
    executionDetails: { hookId: hook.hookId, call: hook.calls + 1, rollback: back },
    ...(hook.hookDetails ? { hookDetails: JSON.parse(hook.hookDetails) as unknown } : {}),
  };
}

/** What a hook has said, or that it has said nothing of use. */
export type HookOutcome =
  | { readonly status: 'SUCCEEDED' }
  | { readonly status: 'FAILED'; readonly reason: string }
  | { readonly status: 'IN_PROGRESS'; readonly callBackMs: number };

/**
 * What the body of a hook's answer means.
 * @returns FAILED for anything but `{"hookStatus": "SUCCEEDED" | "FAILED" | "IN_PROGRESS", "callBackDelay"?: seconds}`
 */
export function outcomeOf(body: string): HookOutcome {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return { status: 'FAILED', reason: 'its answer is no JSON' };
  }
  const { hookStatus, callBackDelay, reason } = (
    typeof answer === 'object' && answer !== null ? answer : {}
  ) as Record<string, unknown>;
  if (hookStatus === 'SUCCEEDED') return { status: 'SUCCEEDED' };
  if (hookStatus === 'FAILED') {
    const why = typeof reason === 'string' ? `: ${reason.slice(0, 200)}` : '';
    return { status: 'FAILED', reason: `it said FAILED${why}` };
  }
  if (hookStatus !== 'IN_PROGRESS') {
    return {
      status: 'FAILED',
      reason: 'its answer has no hookStatus of SUCCEEDED, FAILED or IN_PROGRESS',
    };
  }
  const given = typeof callBackDelay === 'number' && callBackDelay >= 0;
  const wish = given ? callBackDelay * 1000 : CALL_BACK_MS;
  return { status: 'IN_PROGRESS', callBackMs: Math.min(CALL_BACK_MOST_MS, Math.max(1000, wish)) };
}

/** The deployments once a hook has answered. A hook that is over, or not asked any more, stays as it is. */
export function withOutcome(
  deployments: readonly DeploymentRecord[],
  id: string,
  outcome: HookOutcome,
  now: number,
): readonly DeploymentRecord[] {
  return deployments.map((deployment) => {
    const { shift } = deployment;
    if (!shift?.hooks.some((hook) => hook.hookId === id && !isOver(hook))) return deployment;
    const hooks = shift.hooks.map((hook): LifecycleHookState => {
      if (hook.hookId !== id) return hook;
      const asked = { ...hook, calls: hook.calls + 1, nextCallAt: undefined };
      switch (outcome.status) {
        case 'SUCCEEDED':
          return { ...asked, status: 'SUCCEEDED' };
        case 'FAILED':
          return { ...asked, status: 'FAILED', reason: outcome.reason };
        case 'IN_PROGRESS':
          return { ...asked, nextCallAt: now + outcome.callBackMs };
      }
    });
    return { ...deployment, shift: { ...shift, hooks } };
  });
}
