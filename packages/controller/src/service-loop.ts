// One turn for one service or standalone task: read, plan, apply, then wait until the cache shows what was
// written. Nothing is remembered between turns but what `Observations` holds.
import type { Verdict } from '@berth/control/reconciler.ts';
import { bucketsOf, membersOf } from '@berth/model/deployment/buckets.ts';
import { afterPlacement } from '@berth/model/deployment/placed.ts';
import { planDeployment } from '@berth/model/deployment/plan.ts';
import type { DeploymentPlan } from '@berth/model/deployment/actions.ts';
import { planStandalone } from '@berth/model/deployment/standalone.ts';
import type { Start } from '@berth/model/deployment/step.ts';
import type { ServiceView } from '@berth/model/deployment/view.ts';
import { isBerthError } from '@berth/model/errors.ts';
import type { PlaceResponse } from '@berth/model/generated/messages.ts';
import type { UnaryClient } from '@berth/rpc/leader-client.ts';
import { collections } from '@berth/store/keys.ts';
import type { StateCache } from '@berth/store/state.ts';

import { applyActions, applyNews, type Committer } from './apply.ts';
import { serviceKey, type Subject } from './keys.ts';
import type { Observations } from './observations.ts';
import { serviceView, standaloneView, type Vantage } from './service-view.ts';

export interface LoopOptions {
  readonly cache: StateCache;
  readonly observations: Observations;
  readonly committer: Committer;
  readonly scheduler: UnaryClient<'Scheduler'>;
  readonly hostLostAfterMs: number;
  readonly onEnded: (result: DeploymentPlan['ended'][number]) => void;
}

/** A plan that lost a race is made anew at once, so often. */
const MAX_ATTEMPTS = 5;
/** Turns that found something to do follow each other at once, so many in a row; then others get theirs. */
const MAX_TURNS = 20;
const PLACE_TIMEOUT_MS = 30_000;
/** What one call of the scheduler takes. */
const PLACE_AT_MOST = 1000;

/** @throws BerthError when the store or the scheduler could not be reached; the caller comes again */
export async function reconcile(
  options: LoopOptions,
  subject: Subject,
  signal: AbortSignal,
): Promise<Verdict> {
  for (let turn = 1, lost = 0; ; turn += 1) {
    try {
      const outcome =
        subject.kind === 'service'
          ? await serviceTurn(options, subject.cluster, subject.service, signal)
          : await taskTurn(options, subject.cluster, subject.task, signal);
      if (!outcome.again || turn >= MAX_TURNS) return outcome;
    } catch (error) {
      lost += 1;
      const seen = seenRevision(error);
      if (seen === undefined || lost >= MAX_ATTEMPTS || signal.aborted) throw error;
      await options.cache.reached(seen, signal);
    }
  }
}

interface Turn extends Verdict {
  /** Something was written, so that the plan may have gone on. */
  readonly again: boolean;
}

async function serviceTurn(
  options: LoopOptions,
  cluster: string,
  service: string,
  signal: AbortSignal,
): Promise<Turn> {
  const { cache, committer } = options;
  const vantage = vantageOf(options);
  const view = serviceView(vantage, cluster, service);
  const plan = planDeployment(view, vantage.now);
  const viewRevision = cache.revision;
  const place = { cluster, service };
  const revision = await applyActions(committer, cache, place, plan.actions, plan.record);
  for (const result of plan.ended) options.onEnded(result);
  if (revision !== undefined) await cache.reached(revision, signal);
  const starts = plan.actions.flatMap((action) =>
    action.kind === 'startTasks' ? [action.start] : [],
  );
  for (const start of starts) await startTasks(options, view, start, viewRevision, signal);
  return { again: revision !== undefined || starts.length > 0, wakeAt: plan.wakeAt };
}

async function taskTurn(
  options: LoopOptions,
  cluster: string,
  id: string,
  signal: AbortSignal,
): Promise<Turn> {
  const { cache, committer } = options;
  const task = cache.get(collections.tasks, cluster, id)?.value;
  if (!task) return { again: false };
  const vantage = vantageOf(options);
  const view = standaloneView(vantage, task);
  const { actions, wakeAt } = planStandalone(view.task, view.around, vantage.now);
  const place = { cluster, service: '' };
  const revision = await applyActions(committer, cache, place, actions, 'unchanged');
  if (revision !== undefined) await cache.reached(revision, signal);
  return { again: false, wakeAt };
}

function vantageOf({ cache, observations, committer, hostLostAfterMs }: LoopOptions): Vantage {
  return { state: cache, observations, hostLostAfterMs, now: committer.now() };
}

/** Have tasks placed, then say what became of it. */
async function startTasks(
  options: LoopOptions,
  view: ServiceView,
  start: Start,
  viewRevision: number,
  signal: AbortSignal,
): Promise<void> {
  const { cache, observations, committer } = options;
  const key = serviceKey(view.cluster, view.name);
  const now = committer.now();
  const bucket = bucketsOf(view, view.record?.deployments ?? [], now).byDeployment.get(
    start.deploymentId,
  );
  const underWay = bucket !== undefined && membersOf(bucket).length > 0;
  const due = observations.placementIsDue(key);
  const answer = await askScheduler(options, view, start, viewRevision, signal);
  if (answer.unplaced.length > 0) observations.holdPlacement(key, view.cluster);
  else observations.placementSucceeded(key);
  if (answer.revision > 0) await cache.reached(answer.revision, signal);
  const record = cache.get(collections.deployments, view.cluster, view.name)?.value;
  if (!record) return;
  const taskIds = answer.tasks.map(({ id }) => id);
  const placement = { start, taskIds, unplaced: answer.unplaced, underWay, due };
  const news = afterPlacement(record, placement, committer.now());
  const place = { cluster: view.cluster, service: view.name };
  const revision = await applyNews(committer, cache, place, news.record, news.events);
  if (revision !== undefined) await cache.reached(revision, signal);
}

function askScheduler(
  { scheduler }: LoopOptions,
  { cluster, name, service, record }: ServiceView,
  start: Start,
  viewRevision: number,
  signal: AbortSignal,
): Promise<PlaceResponse> {
  const balancers =
    record?.deployments.find(({ id }) => id === start.deploymentId)?.loadBalancers ??
    service?.loadBalancers ??
    [];
  return scheduler.Place(
    {
      cluster,
      taskDefinition: start.taskDefinition,
      count: Math.min(start.count, PLACE_AT_MOST),
      owner: start.deploymentId,
      viewRevision,
      group: `service:${name}`,
      startedBy: start.deploymentId,
      service: name,
      placementConstraints: service?.placementConstraints ?? [],
      placementStrategy: service?.placementStrategy ?? [],
      loadBalanced: balancers.length > 0,
      hostIds: start.hostIds ?? [],
      tags: service?.tags ?? [],
    },
    { signal, timeoutMs: PLACE_TIMEOUT_MS },
  );
}

/** The revision to catch up with after a lost race; undefined when the error is of another kind. */
function seenRevision(error: unknown): number | undefined {
  if (!isBerthError(error, 'ConflictException', 'StaleView')) return undefined;
  const revision = Number(error.details['revision']);
  return Number.isSafeInteger(revision) ? revision : undefined;
}
