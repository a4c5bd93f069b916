// How far the deployments of a service have come: new ones begin, failures count, the breaker judges, what is
// over leaves the list. Pure. Source: ECS reference, sections 6.4 to 6.6 and 10.4.
import type { ServiceRecord } from '../generated/messages.ts';
import type { DeploymentPlan, PlannedEvent } from './actions.ts';
import { type Buckets, bucketsOf } from './buckets.ts';
import {
  complete,
  type Deployments,
  isDone,
  judge,
  withKeptCounts,
  withoutFinished,
  withStrays,
  withWanted,
} from './deployments.ts';
import { text } from './events.ts';
import { countFailures } from './failures.ts';
import type { ServiceView } from './view.ts';

export interface Rollout {
  readonly deployments: Deployments;
  readonly buckets: Buckets;
  /** The desired count, or a daemon's number of hosts. */
  readonly desired: number;
  /** For the service's events. */
  readonly messages: readonly string[];
  /** Deployment state changes. */
  readonly events: readonly PlannedEvent[];
  readonly ended: DeploymentPlan['ended'];
}

/** The deployments as they stand now, before any task is started or stopped. */
export function advance(view: ServiceView, service: ServiceRecord, now: number): Rollout {
  const daemon = service.schedulingStrategy === 'DAEMON';
  const desired = daemon ? (view.eligibleHosts ?? []).length : service.desiredCount;
  const known = view.record?.deployments ?? [];
  const wanted = withStrays(withWanted(known, service, desired, now), view, now);
  const buckets = bucketsOf(view, wanted, now);
  const [primary, ...old] = withKeptCounts(wanted, known, buckets);
  const counted: Deployments = [
    countFailures(primary, view, service, buckets, now),
    ...old.map((deployment) => countFailures(deployment, view, service, buckets, now)),
  ];
  const verdict = judge(counted, service, desired, now);
  const messages: string[] = [];
  const ended: DeploymentPlan['ended'][number][] = [];
  if (verdict.failed !== undefined) {
    messages.push(
      verdict.cause === 'stopped'
        ? text.stopRequested(verdict.failed)
        : text.failed(verdict.failed),
    );
    ended.push('failed');
  }
  if (verdict.rolledBackTo !== undefined) messages.push(text.rollingBack(verdict.rolledBackTo));
  const [judged, ...others] = verdict.deployments;
  const completes = judged.rolloutState === 'IN_PROGRESS' && isDone(judged, desired, buckets);
  const newest = completes ? complete(judged, now) : judged;
  if (completes) {
    messages.push(text.completed(newest.id));
    ended.push(newest.rollbackOf === undefined ? 'completed' : 'rolled_back');
  }
  const deployments = withoutFinished([newest, ...others], buckets);
  const events = stateChanges(view, known, verdict.deployments, deployments);
  return { deployments, buckets, desired, messages, events, ended };
}

/** One event for each deployment whose rollout state is new. */
function stateChanges(
  view: ServiceView,
  known: readonly { readonly id: string; readonly rolloutState: string }[],
  judged: Deployments,
  after: Deployments,
): PlannedEvent[] {
  const before = new Map(known.map(({ id, rolloutState }) => [id, rolloutState]));
  const [primary] = after;
  return [...judged.slice(1).filter(({ rolloutState }) => rolloutState === 'FAILED'), primary]
    .filter(({ id, rolloutState }) => before.get(id) !== rolloutState)
    .map(({ id, rolloutStateReason }) => ({
      kind: 'deployment',
      subject: id,
      service: view.name,
      message: rolloutStateReason,
    }));
}
