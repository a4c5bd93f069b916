// Sorts a service's tasks into the sets that the rolling rules speak of. Pure. Source: ECS reference, 6.3 and 6.4.
import type { DeploymentRecord, LoadBalancer } from '../generated/messages.ts';
import { type Health, healthOf, type HealthRules, healthRules, type Sickness } from './health.ts';
import { standingsOf } from './standing.ts';
import type { ServiceView, TaskView } from './view.ts';

/** A task that is wanted RUNNING and has not begun to end. */
export interface ActiveTask {
  readonly of: TaskView;
  readonly health: Health;
  /** Its host is DRAINING: it has to be replaced elsewhere. */
  readonly leaving: boolean;
  /** Somebody asked that scale-in and deployments let it run; what is sick is replaced all the same. */
  readonly shielded: boolean;
}

export interface SickTask extends ActiveTask {
  readonly sickness: Sickness;
}

/** The active tasks of one deployment. Those that are leaving are in `leaving` only, unless they are sick or pending. */
export interface Bucket {
  readonly healthy: readonly ActiveTask[];
  /** RUNNING, not known to be healthy or sick. */
  readonly unknown: readonly ActiveTask[];
  /** Not RUNNING yet. */
  readonly pending: readonly ActiveTask[];
  readonly unhealthy: readonly SickTask[];
  /** Pending on a DRAINING host: they stop at once. */
  readonly leavingPending: readonly ActiveTask[];
  /** RUNNING on a DRAINING host, healthy or unknown. */
  readonly leaving: readonly ActiveTask[];
}

export interface Buckets {
  /** By deployment id. */
  readonly byDeployment: ReadonlyMap<string, Bucket>;
  /** Ordered to stop, or ending by themselves, and not gone yet; by deployment id. */
  readonly ending: ReadonlyMap<string, readonly TaskView[]>;
  /** Pending plus running over all deployments: what the maximum bounds. */
  readonly total: number;
  /** Healthy over all deployments: what the minimum bounds. */
  readonly healthyTotal: number;
  /** The earliest time at which time alone changes the health of a task. */
  readonly changesAt?: number | undefined;
}

export const EMPTY_BUCKET: Bucket = {
  healthy: [],
  unknown: [],
  pending: [],
  unhealthy: [],
  leavingPending: [],
  leaving: [],
};

/** All tasks of a bucket. */
export function membersOf(bucket: Bucket): ActiveTask[] {
  return [
    ...bucket.healthy,
    ...bucket.unknown,
    ...bucket.pending,
    ...bucket.unhealthy,
    ...bucket.leavingPending,
    ...bucket.leaving,
  ];
}

type Mutable = { -readonly [K in keyof Bucket]: Bucket[K][number][] };

/** @param deployments those of the record; a task of another one is balanced as the service is now */
export function bucketsOf(
  view: ServiceView,
  deployments: readonly DeploymentRecord[],
  now: number,
): Buckets {
  const byDeployment = new Map<string, Mutable>();
  const ending = new Map<string, TaskView[]>();
  let total = 0;
  let healthyTotal = 0;
  let changesAt: number | undefined;
  const rulesFor = rulesByOwner(view, deployments);
  for (const [index, standing] of standingsOf(view, now).entries()) {
    const of = view.tasks[index] as TaskView;
    if (standing === 'stopped' || standing === 'lost') continue;
    if (standing === 'ending') {
      entry(ending, of.task.owner, () => []).push(of);
      continue;
    }
    const health = healthOf(of, rulesFor(of), now);
    const leaving = standing === 'leaving';
    const bucket = entry(byDeployment, of.task.owner, emptyBucket);
    const until = protectedUntil(of, now);
    const shielded = until !== undefined && health.state !== 'unhealthy';
    file(bucket, { of, health, leaving, shielded });
    if (shielded) changesAt = earliest(changesAt, until);
    total += 1;
    if (health.state === 'healthy') healthyTotal += 1;
    if (health.state === 'unknown') changesAt = earliest(changesAt, health.until);
  }
  return { byDeployment, ending, total, healthyTotal, changesAt };
}

function protectedUntil({ task }: TaskView, now: number): number | undefined {
  const { protectedUntil: until } = task;
  return until !== undefined && until > now ? until : undefined;
}

function file(bucket: Mutable, task: ActiveTask): void {
  const { health, leaving } = task;
  if (health.state === 'unhealthy') bucket.unhealthy.push({ ...task, sickness: health.sickness });
  else if (health.state === 'pending')
    (leaving ? bucket.leavingPending : bucket.pending).push(task);
  else if (leaving) bucket.leaving.push(task);
  else bucket[health.state].push(task);
}

/** The tasks of a deployment are mostly of one definition: their rules are made once. */
function rulesByOwner(
  view: ServiceView,
  deployments: readonly DeploymentRecord[],
): (of: TaskView) => HealthRules {
  const known = new Map<string, { readonly definition: string; readonly rules: HealthRules }>();
  return (of) => {
    const { owner, taskDefinition: definition } = of.task;
    let last = known.get(owner);
    if (last?.definition !== definition) {
      const rules = healthRules(view, of, loadBalancersOf(view, deployments, owner));
      known.set(owner, (last = { definition, rules }));
    }
    return last.rules;
  };
}

/** The target groups that a deployment's tasks belong to. */
export function loadBalancersOf(
  view: ServiceView,
  deployments: readonly DeploymentRecord[],
  owner: string,
): readonly LoadBalancer[] {
  const deployment = deployments.find(({ id }) => id === owner);
  return deployment?.loadBalancers ?? view.service?.loadBalancers ?? [];
}

/** The earlier of two times, either of which may be unknown. */
export function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

function emptyBucket(): Mutable {
  return {
    healthy: [],
    unknown: [],
    pending: [],
    unhealthy: [],
    leavingPending: [],
    leaving: [],
  };
}

function entry<V>(map: Map<string, V>, key: string, fresh: () => V): V {
  let found = map.get(key);
  if (found === undefined) {
    found = fresh();
    map.set(key, found);
  }
  return found;
}
