// The weights that a shift wants laid over the rules of its service, and whether they are there. Pure.
import type { DeploymentRecord, TrafficWeightsRecord } from '../../generated/messages.ts';
import { nameOf } from '../../resources/arn.ts';
import { ALL_TRAFFIC, parseRuleName, weightsOf } from '../../routing/traffic-weights.ts';
import { isSame } from '../equal.ts';
import type { ServiceView } from '../view.ts';
import type { Routes, RouteView } from './begin.ts';

type View = Pick<ServiceView, 'cluster' | 'name' | 'routes'>;

export const NO_ROUTES: Routes = new Map();

/** The records that have to be written so that the rules' traffic goes as the deployment says. */
export function missingWeights(
  view: View,
  deployment: DeploymentRecord,
  now: number,
): TrafficWeightsRecord[] {
  const { shift, rolloutState } = deployment;
  // An undoing that has failed leaves all of the traffic in one place; whoever then changes the rule has his way.
  const failed = rolloutState === 'FAILED' && shift?.back === true;
  if (!shift || !(rolloutState === 'IN_PROGRESS' || failed)) return [];
  return deployment.loadBalancers.flatMap((item) => {
    const { advancedConfiguration: advanced, targetGroupArn } = item;
    if (!advanced) return [];
    const own = nameOf(targetGroupArn);
    const other = nameOf(advanced.alternateTargetGroupArn);
    const wanted = [
      [advanced.productionListenerRule, shift.productionWeight] as const,
      ...(advanced.testListenerRule
        ? [[advanced.testListenerRule, shift.testWeight] as const]
        : []),
    ];
    return wanted.flatMap(([rule, tenths]) => {
      const route = (view.routes ?? NO_ROUTES).get(rule);
      if (!route) return [];
      const weights = weightsOf(own, other, tenths);
      const there = route.overlay;
      if (failed && !there) return [];
      if (there?.deploymentId === deployment.id && isSame(there.weights, weights)) return [];
      const { cluster, name: service } = view;
      const deploymentId = deployment.id;
      return [{ ...parseRuleName(rule), weights, cluster, service, deploymentId, since: now }];
    });
  });
}

/** Tenths of a percent of all traffic of a rule. */
export interface LaidWeights {
  readonly production: number;
  readonly test: number;
}

/**
 * What the target groups of a deployment have of the traffic by the rules as they are now.
 * @param otherwise where there is no such rule
 */
export function laidWeights(
  routes: Routes,
  loadBalancers: DeploymentRecord['loadBalancers'],
  otherwise: LaidWeights,
): LaidWeights {
  const item = loadBalancers.find(({ advancedConfiguration }) => advancedConfiguration);
  const { productionListenerRule, testListenerRule } = item?.advancedConfiguration ?? {};
  const group = nameOf(item?.targetGroupArn ?? '');
  return {
    production: shareOf(routes.get(productionListenerRule ?? ''), group) ?? otherwise.production,
    test: shareOf(routes.get(testListenerRule ?? ''), group) ?? otherwise.test,
  };
}

function shareOf(route: RouteView | undefined, group: string): number | undefined {
  if (!route) return undefined;
  const weights = route.overlay?.weights ?? route.groups;
  const all = weights.reduce((sum, { weight }) => sum + weight, 0);
  const own = weights.filter((each) => each.group === group);
  const share = own.reduce((sum, { weight }) => sum + weight, 0);
  return all === 0 ? 0 : Math.round((ALL_TRAFFIC * share) / all);
}

/** The first thing that is gone without which traffic can't be shifted. */
export function goneRoute(
  { routes = NO_ROUTES, groups }: Pick<ServiceView, 'routes' | 'groups'>,
  { loadBalancers }: DeploymentRecord,
): string | undefined {
  for (const { advancedConfiguration: advanced, targetGroupArn } of loadBalancers) {
    if (!advanced) continue;
    const { productionListenerRule: production, testListenerRule: test } = advanced;
    if (!routes.has(production)) return `production listener rule ${production}`;
    if (test && !routes.has(test)) return `test listener rule ${test}`;
    for (const name of [targetGroupArn, advanced.alternateTargetGroupArn].map(nameOf)) {
      if (!groups.has(name)) return `target group ${name}`;
    }
  }
  return undefined;
}
