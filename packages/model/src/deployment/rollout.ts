// How far the deployments of a service have come: new ones begin, failures count, the breaker judges, what is
// over leaves the list. Pure. Source: ECS reference, sections 6.4 to 6.6 and 10.4.
import type { DeploymentRecord, ServiceRecord } from '../generated/messages.ts';
import type { DeploymentPlan, PlannedEvent } from './actions.ts';
import { alarmCause, baking, watchAlarms } from './alarms.ts';
import { type Buckets, bucketsOf, earliest } from './buckets.ts';
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
import { headwayDeadline, headwayOf, noHeadway, waitsFor } from './headway.ts';
import { advanceShift, type ShiftInput } from './shifting/advance.ts';
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
  /** When time alone may move a deployment on. */
  readonly wakeAt?: number | undefined;
}

/** The deployments as they stand now, before any task is started or stopped. */
export function advance(view: ServiceView, service: ServiceRecord, now: number): Rollout {
  const daemon = service.schedulingStrategy === 'DAEMON';
  const desired = daemon ? (view.eligibleHosts ?? []).length : service.desiredCount;
  const known = view.record?.deployments ?? [];
  const wanted = withStrays(withWanted(known, service, desired, now, view.routes), view, now);
  const buckets = bucketsOf(view, wanted, now);
  const [primary, ...old] = withKeptCounts(wanted, known, buckets);
  const counted: Deployments = [
    countFailures(primary, view, service, buckets, now),
    ...old.map((deployment) => countFailures(deployment, view, service, buckets, now)),
  ];
  const progress = progressOf(watched(counted, view, service), {
    view,
    service,
    buckets,
    desired,
    now,
  });
  const [begun] = progress.deployments;
  const alarmed = alarmCause(begun, service, view.alarms ?? NO_ALARMS);
  const failure =
    alarmed ?? (progress.failure === undefined ? undefined : { why: progress.failure });
  const ending = begun.rolloutState === 'IN_PROGRESS' ? failure : undefined;
  const verdict = judge(progress.deployments, service, desired, now, ending, view.routes);
  const messages: string[] = [...progress.messages];
  const ended: DeploymentPlan['ended'][number][] = [];
  if (verdict.failed !== undefined) {
    messages.push(
      typeof verdict.cause === 'object'
        ? text.ended(verdict.failed, verdict.cause.why, verdict.cause.details)
        : text[verdict.cause === 'stopped' ? 'stopRequested' : 'failed'](verdict.failed),
    );
    ended.push('failed');
  }
  if (verdict.rolledBackTo !== undefined) messages.push(text.rollingBack(verdict.rolledBackTo));
  const [judged, ...others] = verdict.deployments;
  const cleansUp = judged.shift === undefined || judged.shift.stage === 'CLEAN_UP';
  const done =
    judged.rolloutState === 'IN_PROGRESS' && cleansUp && isDone(judged, desired, buckets);
  const bakes = done ? baking(judged, service, now) : undefined;
  const completes = done && !bakes;
  const newest = completes ? complete(judged, now) : (bakes ?? judged);
  if (completes) {
    messages.push(text.completed(newest.id));
    ended.push(newest.rollbackOf === undefined ? 'completed' : 'rolled_back');
  }
  const deployments = withoutFinished([newest, ...others], buckets);
  const events = stateChanges(view, known, verdict.deployments, deployments);
  const wakeAt = earliest(progress.wakeAt, bakes?.alarms?.bakeUntil);
  return { deployments, buckets, desired, messages, events, ended, wakeAt };
}

const NO_ALARMS = new Map<string, never>();

function watched(
  [primary, ...old]: Deployments,
  { alarms = NO_ALARMS }: ServiceView,
  service: ServiceRecord,
): Deployments {
  return [watchAlarms(primary, service, alarms), ...old];
}

interface Progress {
  readonly deployments: Deployments;
  readonly messages: readonly string[];
  readonly failure?: string | undefined;
  readonly wakeAt?: number | undefined;
}

/** How far the PRIMARY has come by itself: the stages of its shift, and whether it makes headway. */
function progressOf([primary, ...old]: Deployments, input: ShiftInput): Progress {
  const { service, buckets, desired, now } = input;
  if (primary.rolloutState !== 'IN_PROGRESS')
    return { deployments: [primary, ...old], messages: [] };
  const shifted = primary.shift
    ? advanceShift(primary, input)
    : { deployment: primary, messages: [], failure: undefined, wakeAt: undefined };
  const configuration = service.deploymentConfiguration;
  const measured = withHeadway(shifted.deployment, configuration, buckets, desired, now);
  const deadline = headwayDeadline(measured, configuration);
  const late = deadline !== undefined && now >= deadline;
  return {
    deployments: [measured, ...old],
    messages: shifted.messages,
    failure:
      shifted.failure ??
      (late
        ? noHeadway(
            waitsFor(measured, buckets, desired),
            configuration?.progressDeadlineInSeconds ?? 0,
          )
        : undefined),
    wakeAt: earliest(shifted.wakeAt, late ? undefined : deadline),
  };
}

/** What only deployments with a deadline or a shift need is not written for all the others. */
function withHeadway(
  deployment: DeploymentRecord,
  configuration: ServiceRecord['deploymentConfiguration'],
  buckets: Buckets,
  desired: number,
  now: number,
): DeploymentRecord {
  const watched = configuration?.progressDeadlineInSeconds !== undefined;
  if (!watched && !deployment.shift) return deployment;
  return {
    ...deployment,
    ...(watched ? { headway: headwayOf(deployment, buckets, desired, now) } : {}),
    ...(deployment.shift ? { waitsFor: waitsFor(deployment, buckets, desired) } : {}),
  };
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
