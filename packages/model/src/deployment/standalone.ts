// Tasks that belong to no service: nobody replaces them, but their records follow what happens to them. Pure.
import type { DeploymentPlan } from './actions.ts';
import { patchActions, patchesOf } from './task-actions.ts';
import { planTargets } from './targets.ts';
import { nextLoss, type ServiceView, type TaskView } from './view.ts';

/** Settle one task that ended by itself, or whose host is lost, and open its gates. */
export function planStandalone(
  task: TaskView,
  around: Pick<ServiceView, 'hosts' | 'hostLostAfterMs' | 'proxies' | 'groups'>,
  now: number,
): Pick<DeploymentPlan, 'actions' | 'wakeAt'> {
  const view: ServiceView = {
    ...around,
    cluster: task.task.cluster,
    name: '',
    tasks: [task],
    definitions: new Map(),
  };
  const targets = planTargets(view, [], now);
  const patches = patchesOf({ view, stops: [], adopting: [], deploymentId: '', targets, now });
  return { actions: patchActions(patches, undefined), wakeAt: nextLoss(view, now) };
}
