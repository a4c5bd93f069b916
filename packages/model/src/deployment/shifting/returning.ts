// When traffic may go back to the revision that it came from: an undoing takes it back, and so does a deployment that begins where
// another was abandoned. Pure. Source: ECS reference, section 6.8 (SCALE_UP); docs/decisions/0022.
import type { DeploymentRecord, ServiceRecord, TrafficShift } from '../../generated/messages.ts';
import { nameOf } from '../../resources/arn.ts';
import { ALL_TRAFFIC } from '../../routing/traffic-weights.ts';
import { type Buckets, membersOf } from '../buckets.ts';
import { limitsOf } from '../limits.ts';

/** An undoing that has waited for so long takes whatever is healthy of its source. */
export const PATIENCE_MS = 86_400_000;

export interface ReturnInput {
  readonly service: Pick<ServiceRecord, 'schedulingStrategy' | 'deploymentConfiguration'>;
  readonly buckets: Buckets;
  readonly desired: number;
  readonly now: number;
}

/** What serves, in healthy tasks: of the group that traffic is to go back to, and of the one that has it. */
interface Serving {
  readonly home: number;
  readonly away: number;
}

/**
 * The source has the healthy tasks that the service must have, or as many as serve the returning traffic now; or nobody else serves
 * it. The other revision was given up, but it answers: nothing would be won by sending its requests where there is no task.
 */
export function mayReturn(
  { loadBalancers }: Pick<DeploymentRecord, 'loadBalancers'>,
  shift: TrafficShift,
  { service, buckets, desired, now }: ReturnInput,
): boolean {
  const { minHealthy } = limitsOf(service, desired);
  const share = shift.back ? ALL_TRAFFIC - shift.productionWeight : shift.productionWeight;
  const late = shift.back && now >= shift.stageSince + PATIENCE_MS;
  return servingOf(loadBalancers, shift, buckets).every(({ home, away }) => {
    if (home >= desired || away === 0) return true;
    return home > 0 && (late || home >= minHealthy || home * ALL_TRAFFIC >= away * share);
  });
}

/** Of each load balancer whose traffic is shifted. */
function servingOf(
  loadBalancers: DeploymentRecord['loadBalancers'],
  { back }: TrafficShift,
  buckets: Buckets,
): Serving[] {
  const healthy = [...buckets.byDeployment.values()]
    .flatMap(membersOf)
    .filter(({ health }) => health.state === 'healthy');
  const inGroup = (arn: string): number =>
    healthy.filter(({ of }) => of.targets.some(({ record }) => record.group === nameOf(arn)))
      .length;
  return loadBalancers.flatMap(({ targetGroupArn, advancedConfiguration: advanced }) => {
    if (!advanced) return [];
    const own = inGroup(targetGroupArn);
    const other = inGroup(advanced.alternateTargetGroupArn);
    return [back ? { home: own, away: other } : { home: other, away: own }];
  });
}

/** The shift of an undoing that has failed: where its source could not be brought back, the traffic stays with who serves it. */
export function givenUp(shift: TrafficShift): TrafficShift {
  if (!shift.back || shift.stage !== 'SCALE_UP') return shift;
  return { ...shift, productionWeight: 0, testWeight: 0 };
}

/** Some of the traffic is still where it was found: by an undoing with the undone, else with what was abandoned. */
export function isAway({ back, stage, productionWeight, testWeight }: TrafficShift): boolean {
  if (!back) return stage === 'RECONCILE_SERVICE' && (productionWeight > 0 || testWeight > 0);
  return stage === 'SCALE_UP' && (productionWeight < ALL_TRAFFIC || testWeight < ALL_TRAFFIC);
}
