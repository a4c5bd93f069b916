// The rolling update of a REPLICA service, and everything else that moves its number of tasks: scale-out,
// scale-in, replacement of sick tasks, leaving of DRAINING hosts. Every decision is taken anew from the
// buckets; nothing is remembered but how many tasks an old deployment still keeps. Pure.
// Source: ECS reference, sections 5.3, 6.4 and 7.4.
import type { DeploymentRecord } from '../generated/messages.ts';
import { type ActiveTask, type Bucket, type Buckets, EMPTY_BUCKET } from './buckets.ts';
import type { Limits } from './limits.ts';
import type { Step, Stop } from './step.ts';

export interface RollingInput {
  /** Newest first; index 0 is PRIMARY. */
  readonly deployments: readonly [DeploymentRecord, ...DeploymentRecord[]];
  readonly buckets: Buckets;
  readonly limits: Limits;
  readonly desired: number;
  /** How many tasks of a deployment may be launched now; the throttle's word. */
  readonly mayLaunch: (deployment: DeploymentRecord) => boolean;
  /** At most `count` of the candidates that nobody shields, those to stop first in front. */
  readonly choose: (candidates: readonly ActiveTask[], count: number) => readonly ActiveTask[];
}

/** One deployment with what it has and what it should have. */
interface Group {
  readonly deployment: DeploymentRecord;
  readonly bucket: Bucket;
  readonly wanted: number;
  readonly primary: boolean;
  /** Tasks that are or may yet become healthy, where they may stay. */
  readonly good: number;
}

/** What may still be started and stopped within the limits; goes down as the step grows. */
interface Room {
  start: number;
  /** How many healthy tasks may stop. */
  stop: number;
  /** The minimum is held by healthy tasks, so that others are free to go. */
  readonly held: boolean;
}

/** Decide which tasks to start and to stop now. */
export function planRolling(input: RollingInput): Step {
  const { buckets, limits } = input;
  const groups = groupsOf(input);
  const room: Room = {
    start: Math.max(0, limits.maxTotal - buckets.total),
    stop: Math.max(0, buckets.healthyTotal - limits.minHealthy),
    held: buckets.healthyTotal >= limits.minHealthy,
  };
  const starts = planStarts(groups, room, input);
  const stops = groups.flatMap((group) => freeStops(group, input));
  stops.push(...surplusStops(groups, room, input));
  stops.push(...oldStops(groups, room, input));
  for (const group of groups) stops.push(...leavingStops(group, stops, room, input));
  if (stops.length === 0 && starts.length === 0) stops.push(...lastResort(groups, room, input));
  return {
    starts,
    stops,
    kept: new Map(groups.map((group) => [group.deployment.id, keptAfter(group, stops)])),
    stuck: stops.length === 0 && starts.length === 0 && isStuck(groups, room, buckets),
  };
}

/** While a deployment is under way its old tasks are not moved to other hosts, since they go anyway. */
function groupsOf(input: RollingInput): Group[] {
  const [primary] = input.deployments;
  return input.deployments.map((deployment) => {
    const bucket = input.buckets.byDeployment.get(deployment.id) ?? EMPTY_BUCKET;
    const isPrimary = deployment === primary;
    const settled = bucket.healthy.length + bucket.unknown.length + bucket.pending.length;
    const good =
      isPrimary || primary.rolloutState === 'FAILED' ? settled : settled + bucket.leaving.length;
    const wanted = isPrimary
      ? primaryWants(deployment, good, input.desired)
      : oldWants(deployment, bucket, input);
    return { deployment, bucket, wanted, primary: isPrimary, good };
  });
}

/** A FAILED deployment keeps what it has and launches nothing. */
function primaryWants(deployment: DeploymentRecord, good: number, desired: number): number {
  return deployment.rolloutState === 'FAILED' ? Math.min(desired, good) : desired;
}

/**
 * An old deployment holds up what the others do not yet hold of the minimum, or, where the new one has FAILED, of
 * the desired count. Only one that was COMPLETED once is trusted with launching; it never grows. A rollback launches
 * the good revision itself.
 */
function oldWants(deployment: DeploymentRecord, bucket: Bucket, input: RollingInput): number {
  const { buckets, limits, desired, deployments } = input;
  const [newest] = deployments;
  if (deployment.rolloutState !== 'COMPLETED' || newest.rollbackOf !== undefined) return 0;
  const floor = newest.rolloutState === 'FAILED' ? desired : limits.minHealthy;
  const own = bucket.healthy.length + healthy(bucket.leaving).length;
  const missing = floor - (buckets.healthyTotal - own);
  return Math.max(0, Math.min(missing, deployment.desiredCount));
}

function healthy(tasks: readonly ActiveTask[]): readonly ActiveTask[] {
  return tasks.filter(({ health }) => health.state === 'healthy');
}

/** What serves comes first: the old deployment's share of the minimum, then the new one. */
function planStarts(groups: readonly Group[], room: Room, input: RollingInput): Step['starts'] {
  const starts: Step['starts'][number][] = [];
  for (const { deployment, bucket, wanted, good } of [...groups].reverse()) {
    const count = Math.min(Math.max(0, wanted - good), room.start);
    if (count === 0 || !input.mayLaunch(deployment)) continue;
    room.start -= count;
    starts.push({
      deploymentId: deployment.id,
      taskDefinition: deployment.taskDefinition,
      count,
      replacing: Math.min(count, bucket.unhealthy.length),
    });
  }
  return starts;
}

/** Stops that cost no healthy capacity: what does not run yet and is too much, and the sick that are replaced. */
function freeStops(group: Group, input: RollingInput): Stop[] {
  const { bucket, wanted, good } = group;
  const failed = group.primary && group.deployment.rolloutState === 'FAILED';
  const others = bucket.healthy.length + (group.primary ? 0 : bucket.unknown.length);
  const sick = failed
    ? bucket.unhealthy.length
    : Math.max(0, others + bucket.unhealthy.length - wanted);
  return [
    ...input.choose(bucket.leavingPending, bucket.leavingPending.length).map(stop),
    ...input.choose(bucket.pending, Math.max(0, good - wanted)).map(stop),
    ...input.choose(bucket.unhealthy, sick).map(stop),
  ];
}

/** Scale-in of the PRIMARY: what is not known to be healthy first. */
function surplusStops(groups: readonly Group[], room: Room, input: RollingInput): Stop[] {
  const [group] = groups;
  if (!group) return [];
  const { bucket, wanted, good } = group;
  const surplus = good - wanted - bucket.pending.length;
  if (surplus <= 0) return [];
  const unknown = input.choose(bucket.unknown, surplus);
  return [
    ...unknown.map(stop),
    ...healthyStops(bucket.healthy, surplus - unknown.length, room, input),
  ];
}

/**
 * Old tasks make way as far as the minimum allows; those of deployments that never completed go first. Where the
 * new deployment has FAILED only those go that are more than desired.
 */
function oldStops(groups: readonly Group[], room: Room, input: RollingInput): Stop[] {
  const [primary, ...old] = groups;
  let most = Number.POSITIVE_INFINITY;
  if (primary?.deployment.rolloutState === 'FAILED') {
    const running = groups.reduce((sum, { bucket }) => sum + runningOf(bucket).length, 0);
    most = Math.max(0, running - input.desired);
  }
  const stops: Stop[] = [];
  for (const trusted of [false, true]) {
    const candidates = old
      .filter(({ deployment }) => (deployment.rolloutState === 'COMPLETED') === trusted)
      .flatMap(({ bucket }) => runningOf(bucket));
    stops.push(...stopsWithin(candidates, most - stops.length, room, input));
  }
  return stops;
}

/**
 * Tasks on DRAINING hosts go when their replacement is healthy, or, where there is no room to start one, as far as
 * the minimum allows. Those of old deployments on their way out are no concern of this rule.
 */
function leavingStops(
  { bucket, wanted, primary }: Group,
  before: readonly Stop[],
  room: Room,
  input: RollingInput,
): Stop[] {
  const [newest] = input.deployments;
  if (!primary && newest.rolloutState !== 'FAILED') return [];
  const stopping = new Set(before.map(({ of }) => of));
  const leaving = bucket.leaving.filter(({ of }) => !stopping.has(of));
  const replaced = bucket.healthy.length + leaving.length - wanted;
  const full = input.buckets.total >= input.limits.maxTotal;
  return stopsWithin(leaving, Math.max(replaced, full ? leaving.length : 0), room, input);
}

function runningOf(bucket: Bucket): readonly ActiveTask[] {
  return [...bucket.unknown, ...bucket.healthy, ...bucket.leaving];
}

/** At most `count` of them: first those whose health nobody vouches for, if the minimum holds without them. */
function stopsWithin(
  candidates: readonly ActiveTask[],
  count: number,
  room: Room,
  input: RollingInput,
): Stop[] {
  const unknown = candidates.filter(({ health }) => health.state === 'unknown');
  const free = room.held ? input.choose(unknown, count) : [];
  return [
    ...free.map(stop),
    ...healthyStops(healthy(candidates), count - free.length, room, input),
  ];
}

function healthyStops(
  candidates: readonly ActiveTask[],
  count: number,
  room: Room,
  input: RollingInput,
): Stop[] {
  const chosen = input.choose(candidates, Math.min(count, room.stop));
  room.stop -= chosen.length;
  return chosen.map(stop);
}

/**
 * Sick tasks, and no room to start a replacement first: one is stopped, and the next only when nothing is on
 * its way up any more.
 */
function lastResort(groups: readonly Group[], room: Room, input: RollingInput): Stop[] {
  if (room.start > 0) return [];
  const onTheWay = groups.some(
    ({ bucket }) => bucket.pending.length > 0 || bucket.unknown.length > 0,
  );
  if (onTheWay) return [];
  const sick = groups
    .filter(({ deployment, good, wanted }) => good < wanted && input.mayLaunch(deployment))
    .flatMap(({ bucket }) => bucket.unhealthy);
  return input.choose(sick, 1).map(stop);
}

/** Work remains, all that runs is well, and the limits leave no room for any move. */
function isStuck(groups: readonly Group[], room: Room, buckets: Buckets): boolean {
  if (room.start > 0 || room.stop > 0 || buckets.ending.size > 0) return false;
  const waiting = groups.some(
    ({ bucket }) => bucket.pending.length + bucket.unknown.length + bucket.unhealthy.length > 0,
  );
  if (waiting) return false;
  return groups.some(({ primary, good, wanted }) => primary && good < wanted);
}

/** How many tasks an old deployment keeps from now on: never more than before. */
function keptAfter({ deployment, bucket, wanted, primary }: Group, stops: readonly Stop[]): number {
  if (primary) return deployment.desiredCount;
  const stopping = new Set(stops.map(({ of }) => of.task.id));
  const running = [...bucket.healthy, ...bucket.unknown, ...bucket.leaving];
  const left = running.filter(({ of }) => !stopping.has(of.task.id)).length;
  return Math.min(deployment.desiredCount, Math.max(left, wanted));
}

function stop(task: ActiveTask): Stop {
  const sickness = task.health.state === 'unhealthy' ? task.health.sickness : undefined;
  return { of: task.of, running: task.health.state !== 'pending', sickness };
}
