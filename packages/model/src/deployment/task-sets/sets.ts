// The task sets of a service as the planner sees them: deployments that somebody else scales. Pure.
// Source: ECS reference, section 6.9.
import type { DeploymentRecord, ServiceRecord, TaskSetRecord } from '../../generated/messages.ts';
import { computedDesiredCount, inOrder } from '../../resources/task-set.ts';
import { type Buckets, EMPTY_BUCKET } from '../buckets.ts';
import { rolloutReason } from '../events.ts';
import { isGone, type ServiceView } from '../view.ts';

/** What is wanted of each set now, with what is known of it from before; then sets that are gone but for some tasks. */
export function knownSets(
  view: ServiceView,
  service: ServiceRecord,
  now: number,
): readonly DeploymentRecord[] {
  const known = view.record?.taskSets ?? [];
  const sets = inOrder(view.taskSets ?? [], service).map((set) =>
    wantedSet(
      set,
      service,
      known.find(({ id }) => id === set.id),
      now,
    ),
  );
  return [...sets, ...strays(view, known, sets, now)];
}

function wantedSet(
  set: TaskSetRecord,
  service: ServiceRecord,
  before: DeploymentRecord | undefined,
  now: number,
): DeploymentRecord {
  const status = set.id === service.primaryTaskSet ? 'PRIMARY' : 'ACTIVE';
  const desiredCount = computedDesiredCount(service.desiredCount, set);
  if (before?.status === status && before.desiredCount === desiredCount) return before;
  return {
    ...(before ?? freshSet(set, now)),
    status,
    desiredCount,
    updatedAt: now,
  };
}

type SetFacts = Pick<TaskSetRecord, 'id' | 'createdAt' | 'taskDefinition' | 'loadBalancers'>;

function freshSet(
  { id, createdAt, taskDefinition, loadBalancers }: SetFacts,
  now: number,
): DeploymentRecord {
  return {
    id,
    status: 'ACTIVE',
    taskDefinition,
    desiredCount: 0,
    createdAt,
    updatedAt: now,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: rolloutReason.inProgress(id),
    failedTasks: 0,
    countedTaskIds: [],
    reachedRunning: false,
    launchFailures: 0,
    loadBalancers,
    stabilityStatus: 'STABILIZING',
    stabilityStatusAt: createdAt,
  };
}

/** Tasks of sets that nobody knows any more have to go: of a host that came back after it had been taken for lost. */
function strays(
  view: ServiceView,
  known: readonly DeploymentRecord[],
  sets: readonly DeploymentRecord[],
  now: number,
): DeploymentRecord[] {
  const standing = new Set(sets.map(({ id }) => id));
  const found = new Map<string, DeploymentRecord>();
  for (const of of view.tasks) {
    const { owner: id, createdAt, taskDefinition } = of.task;
    if (standing.has(id) || found.has(id) || isGone(view, of, now)) continue;
    const before = known.find((each) => each.id === id && each.desiredCount === 0);
    found.set(id, before ?? freshSet({ id, createdAt, taskDefinition, loadBalancers: [] }, now));
  }
  return [...found.values()];
}

/**
 * STEADY_STATE: as many tasks as wanted, all of them running and healthy, none on a DRAINING host. Once steady, a task that merely
 * lacks a report, as while proxies reconnect, changes nothing.
 */
export function withStability(
  set: DeploymentRecord,
  { byDeployment }: Buckets,
  now: number,
): DeploymentRecord {
  const bucket = byDeployment.get(set.id) ?? EMPTY_BUCKET;
  const { healthy, unknown } = bucket;
  const others = [bucket.pending, bucket.unhealthy, bucket.leaving, bucket.leavingPending];
  const wasSteady = set.stabilityStatus === 'STEADY_STATE';
  const good = healthy.length + (wasSteady ? unknown.length : 0);
  const steady =
    good === set.desiredCount &&
    (wasSteady || unknown.length === 0) &&
    others.every((tasks) => tasks.length === 0);
  const stabilityStatus = steady ? 'STEADY_STATE' : 'STABILIZING';
  if (stabilityStatus === set.stabilityStatus) return set;
  return {
    ...set,
    stabilityStatus,
    stabilityStatusAt: now,
    rolloutState: steady ? 'COMPLETED' : 'IN_PROGRESS',
    rolloutStateReason: steady ? rolloutReason.completed(set.id) : rolloutReason.inProgress(set.id),
  };
}

/** Deleted sets of which nothing is left: no task that may still run, and no target. */
export function forgettable(view: ServiceView, buckets: Buckets, now: number): string[] {
  return (view.taskSets ?? [])
    .filter(({ id, deletedAt }) => {
      if (deletedAt === undefined || buckets.byDeployment.has(id) || buckets.ending.has(id)) {
        return false;
      }
      return view.tasks
        .filter(({ task }) => task.owner === id)
        .every((of) => isGone(view, of, now) && of.targets.length === 0);
    })
    .map(({ id }) => id);
}
