// The weights that a shift wants laid over the rules of its service, and whether they are there. Pure.
import type { DeploymentRecord, TrafficWeightsRecord } from '../../generated/messages.ts';
import { nameOf } from '../../resources/arn.ts';
import { parseRuleName, weightsOf } from '../../routing/traffic-weights.ts';
import { isSame } from '../equal.ts';
import type { ServiceView } from '../view.ts';
import type { Routes } from './begin.ts';

type View = Pick<ServiceView, 'cluster' | 'name' | 'routes'>;

export const NO_ROUTES: Routes = new Map();

/** The records that have to be written so that the rules' traffic goes as the deployment says. */
export function missingWeights(
  view: View,
  deployment: DeploymentRecord,
  now: number,
): TrafficWeightsRecord[] {
  const { shift } = deployment;
  if (!shift || deployment.rolloutState !== 'IN_PROGRESS') return [];
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
      if (there?.deploymentId === deployment.id && isSame(there.weights, weights)) return [];
      const { cluster, name: service } = view;
      const deploymentId = deployment.id;
      return [{ ...parseRuleName(rule), weights, cluster, service, deploymentId, since: now }];
    });
  });
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
