// The end of a service: all of its tasks stop, its targets drain, and when nothing is left it becomes INACTIVE.
// The same for tasks whose service record is gone. Pure.
import type { ServiceDeploymentsRecord } from '../generated/messages.ts';
import type { Action, DeploymentPlan } from './actions.ts';
import { bucketsOf, earliest, membersOf } from './buckets.ts';
import type { Stop } from './step.ts';
import { planTargets } from './targets.ts';
import {
  patchActions,
  patchesOf,
  stopMessages,
  targetActions,
  targetMessages,
  tell,
} from './task-actions.ts';
import { isGone, nextLoss, type ServiceView } from './view.ts';

/** Decide what is left to do for a service that is not to run any more. */
export function windUp(view: ServiceView, now: number): DeploymentPlan {
  const known = view.record?.deployments ?? [];
  const targets = planTargets(view, known, now);
  const stops = activeTasks(view, now);
  const patches = patchesOf({
    view,
    stops,
    adopting: [],
    deploymentId: known[0]?.id ?? view.service?.deploymentId ?? view.name,
    targets,
    now,
  });
  const over = view.tasks.every((of) => isGone(view, of, now) && of.targets.length === 0);
  const actions: Action[] = [...patchActions(patches, view.name), ...targetActions(targets)];
  if (view.service !== undefined) {
    const messages = [...targetMessages(targets), ...stopMessages(stops)];
    actions.push(...messages.map((message) => tell(view, message)));
  }
  if (over && view.service?.status === 'DRAINING') actions.push({ kind: 'retireService' });
  return {
    actions,
    record: over ? undefined : scaledDown(view, now),
    wakeAt: earliest(targets.wakeAt, nextLoss(view, now)),
    ended: [],
  };
}

function activeTasks(view: ServiceView, now: number): Stop[] {
  const buckets = bucketsOf(view, view.record?.deployments ?? [], now);
  return [...buckets.byDeployment.values()]
    .flatMap(membersOf)
    .map(({ of }) => ({ of, running: of.status?.lastStatus === 'RUNNING' }));
}

function scaledDown(view: ServiceView, now: number): ServiceDeploymentsRecord | undefined {
  const { record, service } = view;
  if (!record) return undefined;
  return {
    ...record,
    observedGeneration: service?.generation ?? record.observedGeneration,
    steadySince: undefined,
    deployments: record.deployments.map((deployment) =>
      deployment.desiredCount === 0
        ? deployment
        : { ...deployment, desiredCount: 0, updatedAt: now },
    ),
  };
}
