// One service: read the view, plan, carry out, look again. Carrying out is a row of fenced transactions and then
// calls of the scheduler; a crash between any two of them is made good by the next look.
import type { Verdict } from '@berth/control/reconciler.ts';
import type { DeploymentPlan, PlannedEvent } from '@berth/model/deployment/actions.ts';
import { afterPlacement, type Placement } from '@berth/model/deployment/placed.ts';
import { placeRequest } from '@berth/model/deployment/place-request.ts';
import { planDeployment } from '@berth/model/deployment/plan.ts';
import type { Start } from '@berth/model/deployment/step.ts';
import type { ServiceView } from '@berth/model/deployment/view.ts';
import { BerthError, isBerthError, messageChain } from '@berth/model/errors.ts';
import type { PlaceRequest, PlaceResponse } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';

import { commitAll, type TermContext } from './context.ts';
import { taskShape } from './event-facts.ts';
import { readView } from './read-view.ts';
import { eventPut, packed, planWrites, recordWrite } from './writes.ts';

/** How often a service that changes under the controller's hands is looked at before others get their turn. */
const MOST_LOOKS = 5;

/** After a look that was much work others get their turn first: the lease of the leader has to be kept meanwhile. */
const TURN_MS = 1;

export function serviceKey(cluster: string, service: string): string {
  return `${cluster}/${service}`;
}

/** Bring one service nearer to what was asked for. @throws BerthError Unavailable and others: try again later */
export async function reconcileService(
  key: string,
  context: TermContext,
  signal: AbortSignal,
): Promise<Verdict> {
  const [cluster = '', name = ''] = key.split('/');
  const { cache, clock, holds, metrics, leadership, looks } = context;
  for (let look = 1; look <= MOST_LOOKS; look += 1) {
    const now = clock.now();
    const began = clock.monotonic();
    const revision = cache.revision;
    const view = readView(cache, cluster, name, { ...context, now });
    const placementHeldUntil = holds.heldUntil(key, wantedOf(view));
    const plan = planDeployment({ ...view, placementHeldUntil }, now);
    const writes = planWrites(cache, cluster, name, plan, {
      guard: leadership.guard,
      nextEventId: context.nextEventId,
      realm: context.realm,
      now,
    });
    const pauseMs = looks.restAfter(view.tasks.length, clock.monotonic() - began);
    if (!(await commitAll(context, writes, signal))) continue;
    for (const result of plan.ended) metrics.deploymentEnded(result);
    report(context, key, plan, writes.length);
    const placed = await startAll({ key, view, plan, revision, context, signal });
    if (!placed) continue;
    if (pauseMs > 0) await clock.sleep(TURN_MS, signal);
    return { wakeAt: plan.wakeAt, pauseMs };
  }
  throw new BerthError(
    'Unavailable',
    `Service ${key} changed ${MOST_LOOKS} times while the controller acted on it; it is looked at again soon.`,
  );
}

/** A newer one lifts the hold that an older one met: the deployment, or the newest task set. */
function wantedOf({ service, taskSets = [] }: ServiceView): string | undefined {
  if (!service || service.deploymentId !== '') return service?.deploymentId;
  return taskSets.reduce<(typeof taskSets)[number] | undefined>(
    (newest, each) => (newest && newest.createdAt >= each.createdAt ? newest : each),
    undefined,
  )?.id;
}

interface Starting {
  readonly key: string;
  readonly view: ServiceView;
  readonly plan: DeploymentPlan;
  /** The revision of the view. */
  readonly revision: number;
  readonly context: TermContext;
  readonly signal: AbortSignal;
}

/** @returns false when the view turned out to be too old: look again */
async function startAll(starting: Starting): Promise<boolean> {
  for (const action of starting.plan.actions) {
    if (action.kind !== 'startTasks') continue;
    if (!(await startSome(action.start, starting))) return false;
  }
  return true;
}

async function startSome(start: Start, starting: Starting): Promise<boolean> {
  const { key, view, revision: decidedAt, context, signal } = starting;
  const { cache, holds } = context;
  const due = holds.isDue(key);
  const request = placeRequest({
    cluster: view.cluster,
    name: view.name,
    service: view.service,
    deployments: view.record?.deployments ?? [],
    taskSet: view.taskSets?.find(({ id }) => id === start.deploymentId),
    definition: view.definitions.get(start.taskDefinition),
    start,
    revision: decidedAt,
  });
  const answer = await ask(request, context, signal);
  if ('stale' in answer) {
    await cache.reached(answer.stale, signal);
    return false;
  }
  const { tasks, unplaced, revision } = answer.response;
  if (revision > 0) await cache.reached(revision, signal);
  const placement: Placement = {
    start,
    taskIds: tasks.map(({ id }) => id),
    unplaced,
    problem: answer.problem,
    underWay: view.tasks.some(
      ({ task, status }) =>
        task.owner === start.deploymentId &&
        task.desiredStatus === 'RUNNING' &&
        status?.lastStatus !== 'STOPPED',
    ),
    due,
  };
  const refused = unplaced.length > 0 || answer.problem !== undefined;
  // A service has what it needs while its tasks are moved: nothing else of it waits for that.
  if (!refused) holds.placed(key);
  else if (start.rebalancing !== true) {
    holds.refused(key, view.cluster, wantedOf(view) ?? start.deploymentId);
  }
  const started = tasks
    .filter(() => context.eventBudget.allows(view.cluster))
    .map(({ id, hostId, taskDefinition }): PlannedEvent => ({
      kind: 'task',
      subject: id,
      service: view.name,
      message: `(task ${id}) of ${taskDefinition} was placed on (container-instance ${hostId})`,
    }));
  await record(placement, started, starting);
  return true;
}

type Answer =
  | { readonly stale: number }
  | { readonly response: PlaceResponse; readonly problem?: string | undefined };

/** Ask the scheduler. A request that can't be fulfilled as it is, is an answer; an unreachable scheduler is not. */
async function ask(
  request: PlaceRequest,
  { placer, cache, logger }: TermContext,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    return { response: await placer.place(request, signal) };
  } catch (error) {
    if (isBerthError(error, 'StaleView')) {
      return { stale: Number(error.details['revision'] ?? cache.revision) };
    }
    if (!isBerthError(error, 'ClientException', 'InvalidParameterException')) throw error;
    logger.warn({ err: error, owner: request.owner }, 'the scheduler refused a request');
    return { response: { tasks: [], unplaced: [], revision: 0 }, problem: messageChain(error) };
  }
}

/** Tell of what was started and what was not. The plan is not repeated for this: it is history, not state. */
async function record(
  placement: Placement,
  started: readonly PlannedEvent[],
  { view, context, signal }: Starting,
): Promise<void> {
  const { cache, clock, leadership, nextEventId, realm } = context;
  for (let attempt = 1; attempt <= MOST_LOOKS; attempt += 1) {
    const now = clock.now();
    const stored = cache.get(collections.deployments, view.cluster, view.name);
    if (!stored) return;
    const news = afterPlacement(stored.value, placement, now);
    const events = [...started, ...news.events];
    const writes = [
      recordWrite(cache, view.cluster, view.name, news.record),
      ...events.map((event) => {
        const task = cache.get(collections.tasks, view.cluster, event.subject)?.value;
        const shape = task && taskShape(cache, task, { realm, now });
        return { puts: [eventPut(view.cluster, event, { nextEventId, realm, now }, shape)] };
      }),
    ];
    if (await commitAll(context, packed(writes, [leadership.guard]), signal)) return;
  }
}

function report(
  { logger }: TermContext,
  key: string,
  plan: DeploymentPlan,
  transactions: number,
): void {
  const counts: Record<string, number> = {};
  for (const { kind } of plan.actions) counts[kind] = (counts[kind] ?? 0) + 1;
  const fields = { service: key, ...counts, transactions, wakeAt: plan.wakeAt };
  if (plan.actions.length > 0) logger.info(fields, 'carried out a plan');
  else logger.debug(fields, 'nothing to do');
}
