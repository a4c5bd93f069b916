// How a deployment begins: in which of two target groups its tasks are registered, and whether traffic is to be shifted to it. Pure.
// Source: ECS reference, section 6.8; docs/decisions, on the weights of deployments.
import type {
  DeploymentRecord,
  GroupWeight,
  LoadBalancer,
  ServiceRecord,
  TrafficShift,
  TrafficWeightsRecord,
} from '../../generated/messages.ts';
import { nameOf } from '../../resources/arn.ts';
import { shiftsTraffic } from '../../validation/shifting.ts';
import { rolloutReason } from '../events.ts';
import { hooksAt } from './hooks.ts';
import { type LaidWeights, laidWeights } from './overlay.ts';
import type { Stage } from './steps.ts';

/** A rule that traffic is shifted by, as it is now. */
export interface RouteView {
  /** The groups that the rule itself forwards to. */
  readonly groups: readonly GroupWeight[];
  /** What deployments have laid over it. */
  readonly overlay?: TrafficWeightsRecord | undefined;
}

/** By LISTENER/RULE; a rule that is not here does not exist. */
export type Routes = ReadonlyMap<string, RouteView>;

export interface Beginning {
  readonly loadBalancers: readonly LoadBalancer[];
  /** Absent: there is nothing to shift traffic from, or the service does not ask for it. */
  readonly shift?: TrafficShift | undefined;
}

/** @param known the deployments before this one, newest first, as they are once it has taken their place */
export function beginning(
  service: ServiceRecord,
  known: readonly DeploymentRecord[],
  routes: Routes,
  now: number,
): Beginning {
  const source = sourceOf(known);
  const shifting = shiftsTraffic(service.deploymentConfiguration) && source !== undefined;
  const loadBalancers = service.loadBalancers.map((item) =>
    registeredIn(item, source, routes, shifting),
  );
  if (!shifting) return { loadBalancers };
  const inherited = inheritedOf(known, loadBalancers, routes);
  const crowded = known.some(({ id }) => id !== source.id);
  const stage: Stage =
    crowded || inherited.production > 0 || inherited.test > 0
      ? 'RECONCILE_SERVICE'
      : 'PRE_SCALE_UP';
  const shift: TrafficShift = {
    stage,
    stageSince: now,
    step: 0,
    productionWeight: inherited.production,
    testWeight: inherited.test,
    source: source.id,
    back: false,
    hooks: [],
    configuration: service.deploymentConfiguration,
  };
  return {
    loadBalancers,
    shift: { ...shift, hooks: hooksAt(shift, service.deploymentId, stage, now) },
  };
}

/** The deployment that serves: the newest that was COMPLETED. */
export function sourceOf(known: readonly DeploymentRecord[]): DeploymentRecord | undefined {
  return known.find(({ rolloutState }) => rolloutState === 'COMPLETED');
}

/**
 * A deployment in whose place a newer one steps. One that was cleaning up after its shift, or that was taking traffic back to a
 * revision that had proved itself, is as good as completed: it is what the newer one starts from.
 */
export function replaced(deployment: DeploymentRecord, now: number): DeploymentRecord {
  const { shift, rolloutState, id } = deployment;
  const proven = shift !== undefined && (shift.back || shift.stage === 'CLEAN_UP');
  if (!proven || rolloutState !== 'IN_PROGRESS') return deployment;
  return {
    ...deployment,
    rolloutState: 'COMPLETED',
    rolloutStateReason: rolloutReason.completed(id),
    updatedAt: now,
  };
}

/**
 * Of two groups a deployment that shifts takes the one in which the serving tasks are not; one that does not takes the one in
 * which they are. Where no task of the service is in either, the weights of the production rule say which of them serves.
 */
function registeredIn(
  item: LoadBalancer,
  source: DeploymentRecord | undefined,
  routes: Routes,
  shifting: boolean,
): LoadBalancer {
  const { advancedConfiguration: advanced } = item;
  if (!advanced) return item;
  const pair = [nameOf(item.targetGroupArn), nameOf(advanced.alternateTargetGroupArn)] as const;
  const serving =
    source?.loadBalancers.map(({ targetGroupArn }) => nameOf(targetGroupArn)).find(isOf(pair)) ??
    heaviest(routes.get(advanced.productionListenerRule)).find(isOf(pair)) ??
    pair[0];
  const idle = serving === pair[0] ? pair[1] : pair[0];
  const [own, other] = shifting ? [idle, serving] : [serving, idle];
  return {
    ...item,
    targetGroupArn: own,
    advancedConfiguration: { ...advanced, alternateTargetGroupArn: other },
  };
}

function isOf(pair: readonly string[]): (name: string) => boolean {
  return (name) => pair.includes(name);
}

/** The groups that get traffic, the one with most of it first. */
function heaviest(route: RouteView | undefined): string[] {
  const weights = route?.overlay?.weights ?? route?.groups ?? [];
  return weights
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ group }) => group);
}

/** What the idle group has of the traffic still, from a deployment that did not come to its end. */
function inheritedOf(
  [previous]: readonly DeploymentRecord[],
  loadBalancers: readonly LoadBalancer[],
  routes: Routes,
): LaidWeights {
  const none = { production: 0, test: 0 };
  return previous?.shift ? laidWeights(routes, loadBalancers, none) : none;
}
