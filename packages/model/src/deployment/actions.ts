// What a plan asks the controller to do. All of it is committed in fenced transactions, except starts, which the
// scheduler commits.
import type {
  EventRecord,
  ServiceDeploymentsRecord,
  TargetRecord,
  TrafficWeightsRecord,
} from '../generated/messages.ts';
import type { TaskPatch } from './patch.ts';
import type { Start } from './step.ts';

export type Action =
  | { readonly kind: 'patchTask'; readonly taskId: string; readonly patch: TaskPatch }
  /** Register a target, or mark one DRAINING. */
  | { readonly kind: 'putTarget'; readonly target: TargetRecord }
  | { readonly kind: 'removeTarget'; readonly target: TargetRecord }
  /** The weights that a shift lays over a rule. */
  | { readonly kind: 'putWeights'; readonly weights: TrafficWeightsRecord }
  | { readonly kind: 'addEvent'; readonly event: PlannedEvent }
  /** Nothing is left of a task set that was deleted. */
  | { readonly kind: 'forgetTaskSet'; readonly service: string; readonly id: string }
  /** The last action of a DRAINING service: it becomes INACTIVE. */
  | { readonly kind: 'retireService' }
  | { readonly kind: 'startTasks'; readonly start: Start };

/** An event without its id, cluster and time. */
export type PlannedEvent = Pick<EventRecord, 'kind' | 'subject' | 'service' | 'message'>;

export interface DeploymentPlan {
  /** In the order in which to carry them out; starts last. */
  readonly actions: readonly Action[];
  /** How the service's record of deployments has to be; absent: there has to be none. */
  readonly record?: ServiceDeploymentsRecord | undefined;
  /** When to look again even if nothing has changed. */
  readonly wakeAt?: number | undefined;
  /** Deployments that ended with this plan, for the metrics. */
  readonly ended: readonly ('completed' | 'failed' | 'rolled_back')[];
}
