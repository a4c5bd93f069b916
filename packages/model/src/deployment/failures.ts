// Counts the tasks that speak against a deployment, each once, and forgets them when a younger task turns out
// well. What the circuit breaker and the throttle look at. Pure. Source: ECS reference, section 6.6.
//
// Beyond ECS: a task that exits by itself before it could have counted as healthy counts as well. On a host
// of one's own such a crash loop turns within a second, and nothing else would ever slow it down.
import type { DeploymentRecord } from '../generated/messages.ts';
import { type Buckets, EMPTY_BUCKET } from './buckets.ts';
import { type BreakerOptions, forgives } from './circuit-breaker.ts';
import { SETTLE_MS } from './health.ts';
import { throttled } from './throttle.ts';
import type { ServiceView, TaskView } from './view.ts';

/** Bring a deployment's counters up to what the view shows. */
export function countFailures(
  deployment: DeploymentRecord,
  view: ServiceView,
  options: BreakerOptions,
  buckets: Buckets,
  now: number,
): DeploymentRecord {
  const own = ownTasks(deployment, view);
  const { counted, fresh } = own;
  const reachedRunning = deployment.reachedRunning || own.hasRun;
  let next: DeploymentRecord = { ...deployment, countedTaskIds: counted, reachedRunning };
  if (fresh.length > 0) next = { ...countTasks(next, fresh), ...throttled(next, now) };
  if (!turnedOutWell(next, view, buckets)) return next;
  const { failedTasks } = next;
  return { ...forgiven(next), failedTasks: forgives(options) ? 0 : failedTasks };
}

interface Own {
  /** Ids of tasks that were counted before and are still there. */
  readonly counted: readonly string[];
  /** Ids of tasks that speak against the deployment and were not counted. */
  readonly fresh: readonly string[];
  readonly hasRun: boolean;
}

function ownTasks({ id, countedTaskIds }: DeploymentRecord, view: ServiceView): Own {
  const before = new Set(countedTaskIds);
  const left = new Set<string>();
  const fresh: string[] = [];
  let hasRun = false;
  for (const of of view.tasks) {
    const { task, status } = of;
    if (task.owner !== id) continue;
    if (before.size > 0 && before.has(task.id)) left.add(task.id);
    else if (isFailure(of)) fresh.push(task.id);
    hasRun ||= status?.startedAt !== undefined || status?.lastStatus === 'RUNNING';
  }
  return { counted: countedTaskIds.filter((each) => left.has(each)), fresh, hasRun };
}

/** Count tasks that are being replaced because they fail their checks. They say nothing about launching. */
export function countTasks(
  deployment: DeploymentRecord,
  taskIds: readonly string[],
): DeploymentRecord {
  const counted = new Set(deployment.countedTaskIds);
  const fresh = taskIds.filter((id) => !counted.has(id));
  if (fresh.length === 0) return deployment;
  const watched = deployment.status === 'PRIMARY' && deployment.rolloutState === 'IN_PROGRESS';
  return {
    ...deployment,
    failedTasks: deployment.failedTasks + (watched ? fresh.length : 0),
    countedTaskIds: [...deployment.countedTaskIds, ...fresh],
  };
}

/** Stopped by itself, without ever having run, or too soon after. Compares times of one host only. */
function isFailure({ task, status }: TaskView): boolean {
  if (status?.lastStatus !== 'STOPPED') return false;
  if (task.desiredStatus === 'STOPPED' && !stoppedByItself(task.stopCode)) return false;
  if (status.startedAt === undefined) return true;
  const end = status.executionStoppedAt ?? status.stoppedAt ?? status.startedAt;
  return end - status.startedAt < SETTLE_MS;
}

function stoppedByItself(stopCode: string | undefined): boolean {
  return stopCode === 'TaskFailedToStart' || stopCode === 'EssentialContainerExited';
}

/** A healthy task as young as the last failure: what failed before it has been overcome. */
function turnedOutWell(
  deployment: DeploymentRecord,
  { tasks }: ServiceView,
  buckets: Buckets,
): boolean {
  if (deployment.failedTasks === 0 && deployment.launchFailures === 0) return false;
  const counted = new Set(deployment.countedTaskIds);
  const lastFailure = tasks
    .filter(({ task }) => task.owner === deployment.id && counted.has(task.id))
    .reduce((latest, { task }) => Math.max(latest, task.createdAt), 0);
  const { healthy } = buckets.byDeployment.get(deployment.id) ?? EMPTY_BUCKET;
  return healthy.some(({ of }) => of.task.createdAt >= lastFailure);
}

function forgiven(deployment: DeploymentRecord): DeploymentRecord {
  return { ...deployment, launchFailures: 0, nextLaunchAt: undefined };
}
