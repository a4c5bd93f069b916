// Carries out the moves of a service that is otherwise at rest: starts tasks where fewest are, waits until every task is
// healthy, then stops as many where most are. A deployment, a change of the count, or anything that is not well ends it, and
// what is too much by then goes as in any scale-in. Pure. Source: ECS reference, sections 5.7 and 6.11.
import type { DeploymentRecord, RebalancingRecord } from '../generated/messages.ts';
import { attributeMap } from '../placement/host.ts';
import { type ActiveTask, type Bucket, EMPTY_BUCKET, membersOf } from './buckets.ts';
import type { Choose } from './choice.ts';
import { text } from './events.ts';
import type { Limits } from './limits.ts';
import { type Move, planRebalancing, ZONE } from './rebalancing.ts';
import type { Rollout } from './rollout.ts';
import type { Start, Step, Stop } from './step.ts';
import type { ServiceView } from './view.ts';

/** After a move that failed; twice as long after each further one. */
export const RETRY_AFTER_MS = 5 * 60_000;
const LONGEST_RETRY_MS = 6 * 3_600_000;
/** When to see whether anything came of a start. */
const LOOK_AGAIN_MS = 60_000;
/** Tasks that are not healthy after so long are given up. */
export const MOVE_LIMIT_MS = 15 * 60_000;
/** Of the desired count, the share that is moved at a time; at least one. */
const SHARE = 0.1;

export interface RebalanceInput {
  readonly view: ServiceView;
  readonly rollout: Rollout;
  readonly limits: Limits;
  readonly mayLaunch: (deployment: DeploymentRecord) => boolean;
  readonly choose: Choose;
  readonly now: number;
}

export interface Rebalance {
  /** Takes the place of the ordinary step. */
  readonly step?: Step | undefined;
  /** For the service's record of deployments. */
  readonly record?: RebalancingRecord | undefined;
  readonly messages: readonly string[];
  readonly wakeAt?: number | undefined;
}

const WAIT: Step = { starts: [], stops: [], kept: new Map(), stuck: false };

/** Tasks are under way from one place to another, or about to be: the service is not steady. */
export function isMoving({ record }: Pick<Rebalance, 'record'>): boolean {
  return record !== undefined && record.blockedUntil === undefined;
}

/** What rebalancing wants now. */
export function planRebalance(input: RebalanceInput): Rebalance {
  const { view, rollout, limits, mayLaunch, now } = input;
  const before = view.record?.rebalancing;
  if (!mayBegin(input)) return over(before);
  const bucket = rollout.buckets.byDeployment.get(rollout.deployments[0].id) ?? EMPTY_BUCKET;
  const excess = rollout.buckets.total - rollout.desired;
  if (excess > 0) {
    if (before?.startedAt !== undefined) return onTheWay(input, before, bucket, excess);
    // What a move that was given up has left, or a scale-in: it goes as any surplus does.
    return before?.blockedUntil === undefined ? over(before) : { record: before, messages: [] };
  }
  if (bucket.healthy.length !== rollout.desired) return { record: before, messages: [] };
  const { moves, zones } = planRebalancing(view, now);
  const [first] = moves;
  if (!first) {
    const done = before && before.kind === 'zone' && zones.size > 0;
    return { messages: done ? [text.zonesBalanced(zones)] : [] };
  }
  if (before?.blockedUntil !== undefined && now < before.blockedUntil) {
    return { record: before, messages: [], wakeAt: before.blockedUntil };
  }
  if (before?.startedAt !== undefined) return blocked(before, now); // what was started is gone
  const room = Math.min(limits.maxTotal - rollout.buckets.total, mostOf(rollout.desired));
  const batch = moves.slice(0, Math.max(0, room));
  const [primary] = rollout.deployments;
  if (batch.length === 0 || !canLeave(input, batch, bucket)) return over(before);
  if (!mayLaunch(primary)) return { record: before, messages: [] };
  const record: RebalancingRecord = {
    kind: first.kind,
    since: before?.since ?? now,
    startedAt: now,
    desiredCount: rollout.desired,
    count: batch.length,
    failures: before?.failures ?? 0,
  };
  const news = before === undefined && first.kind === 'zone';
  return {
    step: { ...WAIT, starts: startsOf(primary, batch) },
    record,
    messages: news ? [text.zonesUnbalanced(zones)] : [],
    wakeAt: now + LOOK_AGAIN_MS,
  };
}

/** So that one service's moves are never more than a small part of it. */
function mostOf(desired: number): number {
  return Math.max(1, Math.floor(desired * SHARE));
}

/** Nothing else is to be done for the service. */
function mayBegin({ view, rollout }: RebalanceInput): boolean {
  const [primary, ...old] = rollout.deployments;
  const before = view.record?.rebalancing;
  if (!view.placeableHosts || primary.rolloutState !== 'COMPLETED' || old.length > 0) return false;
  if (before && before.desiredCount !== rollout.desired) return false;
  if (!before && view.record?.steadySince === undefined) return false;
  const bucket = rollout.buckets.byDeployment.get(primary.id) ?? EMPTY_BUCKET;
  const troubled = bucket.unhealthy.length + bucket.leaving.length + bucket.leavingPending.length;
  return troubled === 0 && rollout.buckets.total >= rollout.desired;
}

function over(before: RebalancingRecord | undefined): Rebalance {
  const stopped = before?.kind === 'zone' && before.startedAt !== undefined;
  return { messages: stopped ? [text.zonesStopped] : [] };
}

function blocked(before: RebalancingRecord, now: number): Rebalance {
  const wait = Math.min(LONGEST_RETRY_MS, RETRY_AFTER_MS * 2 ** Math.min(before.failures, 10));
  const blockedUntil = now + wait;
  return {
    record: { ...before, startedAt: undefined, blockedUntil, failures: before.failures + 1 },
    messages: [],
    wakeAt: blockedUntil,
  };
}

/** The new tasks are coming up, or have: then as many of the old go. */
function onTheWay(
  input: RebalanceInput,
  before: RebalancingRecord,
  bucket: Bucket,
  excess: number,
): Rebalance {
  const { rollout, limits, now } = input;
  if (excess > before.count) return over(before);
  const limit = (before.startedAt ?? now) + MOVE_LIMIT_MS;
  if (bucket.pending.length + bucket.unknown.length > 0) {
    // What is too much then goes like any surplus: what does not run first.
    if (now >= limit) return blocked(before, now);
    return { step: WAIT, record: before, messages: [], wakeAt: limit };
  }
  const count = Math.min(excess, rollout.buckets.healthyTotal - limits.minHealthy);
  const victims = victimsOf(input, bucket, count, before.kind);
  if (victims.length < excess) return over(before);
  const stops = victims.map(({ task, zone }): Stop => {
    const rebalancedFrom = before.kind === 'zone' ? zone : undefined;
    return { of: task.of, running: true, rebalancedFrom };
  });
  return {
    step: { ...WAIT, stops },
    record: { ...before, startedAt: undefined, failures: 0 },
    messages: [],
  };
}

interface Standing {
  readonly task: ActiveTask;
  readonly zone: string;
}

/** One after the other from where most are at that moment, among those that may go. */
function victimsOf(
  { view, choose }: RebalanceInput,
  bucket: Bucket,
  count: number,
  kind: Move['kind'],
): Standing[] {
  const left: Standing[] = membersOf(bucket).map((task) => ({ task, zone: zoneOf(view, task) }));
  const victims: Standing[] = [];
  while (victims.length < count) {
    const zones = kind === 'zone' ? mostIn(left, ({ zone }) => zone) : undefined;
    const inZone = zones ? left.filter(({ zone }) => zone === zones) : left;
    const hosts = kind === 'host' ? mostIn(inZone, ({ task }) => task.of.task.hostId) : undefined;
    const there = hosts ? inZone.filter(({ task }) => task.of.task.hostId === hosts) : inZone;
    const [chosen] = choose(
      there.map(({ task }) => task),
      1,
    );
    const index = left.findIndex(({ task }) => task === chosen);
    const [victim] = index < 0 ? [] : left.splice(index, 1);
    if (!victim) return victims;
    victims.push(victim);
  }
  return victims;
}

/** The name under which most stand; the first by name among equals. */
function mostIn(all: readonly Standing[], nameOf: (of: Standing) => string): string | undefined {
  const counts = new Map<string, number>();
  for (const each of all) counts.set(nameOf(each), (counts.get(nameOf(each)) ?? 0) + 1);
  const sorted = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return sorted[0]?.[0];
}

/** Nobody asked that all tasks stay where too many are. */
function canLeave({ view }: RebalanceInput, moves: readonly Move[], bucket: Bucket): boolean {
  const free = new Map<string, number>();
  for (const task of bucket.healthy) {
    if (task.shielded) continue;
    const [{ kind }] = moves as readonly [Move];
    const at = kind === 'zone' ? zoneOf(view, task) : task.of.task.hostId;
    free.set(at, (free.get(at) ?? 0) + 1);
  }
  return moves.every(({ from }) => {
    const count = free.get(from) ?? 0;
    free.set(from, count - 1);
    return count > 0;
  });
}

function zoneOf(view: ServiceView, { of }: ActiveTask): string {
  const record = view.hosts.get(of.task.hostId)?.record;
  return attributeMap(record?.attributes ?? []).get(ZONE) ?? '';
}

function startsOf(deployment: DeploymentRecord, moves: readonly Move[]): Start[] {
  const { id: deploymentId, taskDefinition } = deployment;
  const common = { deploymentId, taskDefinition, replacing: 0, rebalancing: true };
  const hostIds = moves.flatMap(({ kind, to }) => (kind === 'host' ? [to] : []));
  const distinct = [...new Set(hostIds)];
  const zones = new Map<string, number>();
  for (const { kind, to } of moves) if (kind === 'zone') zones.set(to, (zones.get(to) ?? 0) + 1);
  return [
    ...(distinct.length > 0 ? [{ ...common, count: distinct.length, hostIds: distinct }] : []),
    ...[...zones].map(([zone, count]): Start => ({ ...common, count, zone })),
  ];
}
