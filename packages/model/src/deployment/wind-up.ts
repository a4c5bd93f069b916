// The end of a service: all of its tasks stop, its targets drain, and when nothing is left it becomes INACTIVE.
// The same for tasks whose service record is gone. Pure.
import type { DeploymentRecord, ServiceDeploymentsRecord } from '../generated/messages.ts';
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
  const { deployments = [], taskSets = [] } = view.record ?? {};
  const known = [...deployments, ...taskSets];
  const targets = planTargets(view, known, now);
  const stops = activeTasks(view, now);
  const patches = patchesOf({
    view,
    stops,
    adopting: [],
    deploymentId:
      taskSets.length > 0 ? undefined : (known[0]?.id ?? (view.service?.deploymentId || view.name)),
    targets,
    now,
  });
  const over = view.tasks.every((of) => isGone(view, of, now) && of.targets.length === 0);
  const actions: Action[] = [...patchActions(patches, view.name), ...targetActions(targets)];
  if (view.service !== undefined) {
    const messages = [...targetMessages(targets), ...stopMessages(stops)];
    actions.push(...messages.map((message) => tell(view, message)));
  }
  if (over) {
    for (const { id } of view.taskSets ?? []) {
      actions.push({ kind: 'forgetTaskSet', service: view.name, id });
    }
    if (view.service?.status === 'DRAINING') actions.push({ kind: 'retireService' });
  }
  return {
    actions,
    record: over ? undefined : scaledDown(view, now),
    wakeAt: earliest(targets.wakeAt, nextLoss(view, now)),
    ended: [],
  };
}

function activeTasks(view: ServiceView, now: number): Stop[] {
  const { deployments = [], taskSets = [] } = view.record ?? {};
  const buckets = bucketsOf(view, [...deployments, ...taskSets], now);
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
    deployments: emptied(record.deployments, now),
    taskSets: emptied(record.taskSets, now),
  };
}

function emptied(deployments: readonly DeploymentRecord[], now: number): DeploymentRecord[] {
  return deployments.map((deployment) =>
    deployment.desiredCount === 0 ? deployment : { ...deployment, desiredCount: 0, updatedAt: now },
  );
}
