// Whether a deployment makes headway, and what it waits for meanwhile. Pure. The deadline is Berth's own: ECS lets a rolling
// update wait for ever.
import type {
  DeploymentHeadway,
  DeploymentRecord,
  DeploymentConfiguration,
} from '../generated/messages.ts';
import { type Bucket, type Buckets, EMPTY_BUCKET, membersOf } from './buckets.ts';
import { healthyOf } from './shifting/advance.ts';
import { hookName, isOver } from './shifting/hooks.ts';
import { isAway } from './shifting/returning.ts';
import { bakeMs, stageAfter, STAGES, stepBakeMs, stepsOf } from './shifting/steps.ts';

/** Above any number of tasks. */
const STAGE_WORTH = 1_000_000;

/** The headway of an IN_PROGRESS deployment: its mark only rises, and a change of the desired count begins anew. */
export function headwayOf(
  deployment: DeploymentRecord,
  buckets: Buckets,
  desired: number,
  now: number,
): DeploymentHeadway {
  const mark = markOf(deployment, buckets);
  const before = deployment.headway;
  if (before?.desiredCount !== desired) return { mark, since: now, desiredCount: desired };
  return mark > before.mark ? { mark, since: now, desiredCount: desired } : before;
}

/** Tasks of its own that are healthy and tasks of others that are gone, in the stage that it has reached. */
function markOf({ id, shift }: DeploymentRecord, buckets: Buckets): number {
  const own = healthyOf(id, buckets);
  const others = [...buckets.byDeployment].reduce(
    (sum, [owner, bucket]) => sum + (owner === id ? 0 : membersOf(bucket).length),
    0,
  );
  if (!shift) return own - others;
  const stage = STAGES.indexOf(shift.stage) + 2 * shift.step;
  return stage * STAGE_WORTH + own - (shift.stage === 'CLEAN_UP' ? others : 0);
}

/** When the deployment fails unless it comes nearer to its end before; undefined: it waits for time or for people, or for ever. */
export function headwayDeadline(
  deployment: DeploymentRecord,
  configuration: DeploymentConfiguration | undefined,
): number | undefined {
  const seconds = configuration?.progressDeadlineInSeconds;
  const { headway, shift } = deployment;
  if (seconds === undefined || !headway || deployment.rolloutState !== 'IN_PROGRESS') {
    return undefined;
  }
  if (deployment.rollbackOf !== undefined || (shift && isPatient(shift))) return undefined;
  if (deployment.alarms?.bakeUntil !== undefined) return undefined;
  return headway.since + seconds * 1000;
}

/** Stages that are not over before tasks are healthy. */
const NEEDS_HEALTH: ReadonlySet<string> = new Set([
  'RECONCILE_SERVICE',
  'SCALE_UP',
  'POST_SCALE_UP',
  'PRE_PRODUCTION_TRAFFIC_SHIFT',
]);

/** Hooks and bake times have limits of their own. */
function isPatient({ stage, hooks }: NonNullable<DeploymentRecord['shift']>): boolean {
  const waits = !NEEDS_HEALTH.has(stage);
  return waits || hooks.some((hook) => !isOver(hook));
}

export function noHeadway(waitsFor: string, seconds: number): string {
  return `no headway for ${seconds} s (progressDeadlineInSeconds): it waits for ${waitsFor}`;
}

/** What an IN_PROGRESS deployment waits for. */
export function waitsFor(deployment: DeploymentRecord, buckets: Buckets, desired: number): string {
  const { shift, id } = deployment;
  const own = buckets.byDeployment.get(id) ?? EMPTY_BUCKET;
  if (!shift) return healthWait(own, id, buckets, desired) ?? othersWait(id, buckets);
  const hooks = shift.hooks.filter((hook) => !isOver(hook));
  if (hooks.length > 0) return hooks.map(hookName).join(' and ');
  switch (shift.stage) {
    case 'RECONCILE_SERVICE':
    case 'CLEAN_UP': {
      const source = buckets.byDeployment.get(shift.source) ?? EMPTY_BUCKET;
      const grows = isAway(shift) && healthWait(source, shift.source, buckets, desired);
      if (grows) return `${grows}, of the deployment that it goes back to`;
      return othersWait(id, buckets, shift.back ? undefined : shift.source);
    }
    case 'PRODUCTION_TRAFFIC_SHIFT': {
      const steps = stepsOf(shift.configuration).length;
      if (shift.bakeSince === undefined) return 'the weights of the listener rules';
      const until = shift.bakeSince + stepBakeMs(shift.configuration);
      return `the bake time of step ${shift.step + 1} of ${steps}, until ${new Date(until).toISOString()}`;
    }
    case 'TEST_TRAFFIC_SHIFT':
      return 'the weights of the listener rules';
    case 'BAKE_TIME': {
      const until = shift.stageSince + bakeMs(shift.configuration);
      return (
        healthWait(own, id, buckets, desired) ??
        `the bake time, until ${new Date(until).toISOString()}`
      );
    }
    default:
      return healthWait(own, id, buckets, desired) ?? `stage ${stageAfter(shift.stage)}`;
  }
}

function healthWait(
  bucket: Bucket,
  id: string,
  buckets: Buckets,
  desired: number,
): string | undefined {
  const healthy = healthyOf(id, buckets);
  if (healthy >= desired) return undefined;
  const parts = [
    [bucket.pending.length, 'starting'],
    [bucket.unknown.length, 'not yet known to be healthy'],
    [bucket.unhealthy.length, 'unhealthy'],
  ] as const;
  const rest = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const more = rest.length > 0 ? ` (${rest.join(', ')})` : '';
  return `healthy tasks: ${healthy} of ${desired}${more}`;
}

function othersWait(id: string, buckets: Buckets, source?: string): string {
  const active = [...buckets.byDeployment].filter(([owner]) => owner !== id && owner !== source);
  const running = active.reduce((sum, [, bucket]) => sum + membersOf(bucket).length, 0);
  const ending = [...buckets.ending].reduce((sum, [, tasks]) => sum + tasks.length, 0);
  return `the end of ${running + ending} older tasks (${ending} of them stopping)`;
}
