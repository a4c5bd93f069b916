// One look at a service: what to do now so that it comes nearer to what was asked for. Everything is decided
// anew from the view; crashing after any action and planning again reaches the same end. Pure.
// Source: ECS reference, sections 6 and 7.4; design, section 4.
import type {
  DeploymentRecord,
  ServiceDeploymentsRecord,
  ServiceRecord,
} from '../generated/messages.ts';
import type { Action, DeploymentPlan } from './actions.ts';
import { announce, REPEAT_AFTER_MS } from './announcements.ts';
import { earliest, EMPTY_BUCKET } from './buckets.ts';
import { checkLimits } from './check-limits.ts';
import { chooser } from './choice.ts';
import { concernsOf, isOver } from './concerns.ts';
import { planDaemon } from './daemon.ts';
import { adopted } from './deployments.ts';
import { countTasks } from './failures.ts';
import { daemonEvent, text } from './events.ts';
import { launchGate } from './launch-gate.ts';
import { type Limits, limitsOf } from './limits.ts';
import { isMoving, planRebalance } from './rebalance.ts';
import { planRolling } from './rolling.ts';
import { advance, type Rollout } from './rollout.ts';
import { planShifting } from './shifting/counts.ts';
import { missingWeights } from './shifting/overlay.ts';
import type { Step } from './step.ts';
import { planTaskSets } from './task-sets/plan.ts';
import { planTargets } from './targets.ts';
import { isExternal } from '../resources/task-set.ts';
import {
  patchActions,
  patchesOf,
  stopMessages,
  targetActions,
  targetMessages,
  tell,
} from './task-actions.ts';
import { nextLoss, type ServiceView } from './view.ts';
import { windUp } from './wind-up.ts';

const NOTHING: Step = { starts: [], stops: [], kept: new Map(), stuck: false };

/**
 * Decide what to do about one service now.
 * @param now milliseconds since the Unix epoch, by the controller's clock
 */
export function planDeployment(view: ServiceView, now: number): DeploymentPlan {
  const { service } = view;
  if (service?.status !== 'ACTIVE') return windUp(view, now);
  if (isExternal(service)) return planTaskSets(view, service, now);
  const rollout = advance(view, service, now);
  const { buckets } = rollout;
  const adopting = adopted(view, rollout.deployments);
  const gate = launchGate(view, now);
  const rebalance = planRebalance({
    view,
    rollout,
    limits: limitsOf(service, rollout.desired),
    mayLaunch: gate.mayLaunch,
    choose: chooser(view, service, buckets),
    now,
  });
  const step =
    adopting.length > 0
      ? NOTHING
      : (rebalance.step ?? decide(view, service, rollout, gate.mayLaunch, now));

  const targets = planTargets(view, rollout.deployments, now);
  const [primary] = rollout.deployments;
  const { id: deploymentId } = primary;
  const patches = patchesOf({ view, stops: step.stops, adopting, deploymentId, targets, now });
  const deployments = withStep(rollout.deployments, step);
  const steadySince = isMoving(rebalance) ? undefined : steadiness(view, deployments, rollout, now);
  const said = announce(
    view.record?.announced ?? {},
    concernsOf({
      view,
      deployments,
      steadySince,
      buckets,
      step,
      unregistered: targets.unregistered,
    }),
    (key) => isOver(key, steadySince),
    now,
  );
  const messages = [
    ...targetMessages(targets),
    ...stopMessages(step.stops),
    ...rollout.messages,
    ...rebalance.messages,
    ...said.messages,
  ];
  const steadyAgain = steadySince === undefined ? undefined : said.announced['steady'];
  return {
    actions: [
      ...missingWeights(view, primary, now).map((weights): Action => ({
        kind: 'putWeights',
        weights,
      })),
      ...patchActions(patches, view.name),
      ...targetActions(targets),
      ...rollout.events.map((event): Action => ({ kind: 'addEvent', event })),
      ...daemonCount(view, service, rollout.desired),
      ...messages.map((message) => tell(view, message)),
      ...step.starts.map((start): Action => ({ kind: 'startTasks', start })),
    ],
    record: {
      cluster: view.cluster,
      service: view.name,
      observedGeneration: service.generation,
      deployments,
      steadySince,
      announced: said.announced,
      rebalancing: rebalance.record,
      taskSets: [],
    },
    wakeAt: [
      buckets.changesAt,
      targets.wakeAt,
      gate.opensAt(),
      rebalance.wakeAt,
      rollout.wakeAt,
      nextLoss(view, now),
      steadyAgain === undefined ? undefined : steadyAgain + REPEAT_AFTER_MS,
    ].reduce(earliest, undefined),
    ended: rollout.ended,
  };
}

function decide(
  view: ServiceView,
  service: ServiceRecord,
  { deployments, buckets, desired }: Rollout,
  mayLaunch: (deployment: DeploymentRecord) => boolean,
  now: number,
): Step {
  const [primary] = deployments;
  const choose = chooser(view, service, buckets);
  if (primary.shift && primary.rolloutState !== 'COMPLETED') {
    const limitsFor = (wanted: number): Limits => limitsOf(service, wanted);
    const settled = missingWeights(view, primary, now).length === 0;
    const input = { deployments, buckets, desired, mayLaunch, choose };
    return planShifting({ ...input, limitsFor, settled, check: checkLimits });
  }
  const limits = limitsOf(service, desired);
  const common = { deployments, buckets, limits, mayLaunch };
  if (service.schedulingStrategy === 'DAEMON') {
    return planDaemon({ ...common, eligible: view.eligibleHosts ?? [], hosts: view.hosts });
  }
  const step = planRolling({ ...common, desired, choose });
  checkLimits(step, buckets, limits);
  return step;
}

/** Of a DAEMON service: that the number of hosts for it has changed. */
function daemonCount(view: ServiceView, service: ServiceRecord, desired: number): Action[] {
  const before = view.record?.deployments[0]?.desiredCount ?? 0;
  if (service.schedulingStrategy !== 'DAEMON' || desired === before) return [];
  const message = daemonEvent(view.name, text.computedCount(desired));
  const event = { kind: 'service', subject: view.name, service: view.name, message } as const;
  return [{ kind: 'addEvent', event }];
}

/** The deployments as the step leaves them: what the old ones keep, and whose tasks failed their checks. */
function withStep(deployments: Rollout['deployments'], step: Step): readonly DeploymentRecord[] {
  return deployments.map((deployment) => {
    const sick = step.stops
      .filter(({ of, sickness }) => sickness !== undefined && of.task.owner === deployment.id)
      .map(({ of }) => of.task.id);
    const counted = countTasks(deployment, sick);
    const desiredCount = step.kept.get(deployment.id) ?? counted.desiredCount;
    return desiredCount === counted.desiredCount ? counted : { ...counted, desiredCount };
  });
}

/**
 * Since when the service has been steady: one completed deployment, and every wanted task runs and is healthy. Once steady,
 * a task that merely lacks a report, as while proxies reconnect, changes nothing.
 */
function steadiness(
  view: ServiceView,
  deployments: ServiceDeploymentsRecord['deployments'],
  { buckets, desired }: Rollout,
  now: number,
): number | undefined {
  const [primary, ...old] = deployments;
  if (primary?.rolloutState !== 'COMPLETED' || old.length > 0 || buckets.total !== desired) {
    return undefined;
  }
  const since = view.record?.steadySince;
  const { healthy, unknown } = buckets.byDeployment.get(primary.id) ?? EMPTY_BUCKET;
  if (healthy.length === desired) return since ?? now;
  return healthy.length + unknown.length === desired ? since : undefined;
}
