// What creating and updating a service have in common: looking up what it names. Pure.
// Source: ECS reference, section 2.5; ALB reference, section 5.
import type {
  LaunchSettings,
  LoadBalancer,
  TargetGroupRecord,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { parseElbReference } from '@berth/model/resources/reference.ts';
import { collections } from '@berth/store/keys.ts';
import type { Stored } from '@berth/store/state.ts';

import { isGroupInUse } from '../../views/group-references.ts';
import { type ClusterPlace, invalid, type Place } from '../resolve.ts';
import { resolveStrategy } from './cluster-providers.ts';
import { type Asking, refuseTwice, resolveAdvanced } from './shifting-order.ts';

export interface ResolvedLoadBalancers {
  /** With target groups by name. */
  readonly loadBalancers: readonly LoadBalancer[];
  readonly groups: readonly Stored<TargetGroupRecord>[];
}

/** The launch settings with providers by name; who says neither launch type nor providers gets the cluster's. */
export function launchIn(place: ClusterPlace, asked: LaunchSettings): LaunchSettings {
  const cluster = place.cluster.value;
  if (asked.capacityProviderStrategy.length > 0) {
    const strategy = resolveStrategy(place, cluster, asked.capacityProviderStrategy);
    return { ...asked, capacityProviderStrategy: strategy };
  }
  if (asked.launchType !== undefined) return asked;
  const strategy = cluster.defaultCapacityProviderStrategy;
  if (strategy.length === 0) return { ...asked, launchType: 'EC2' };
  return { ...asked, capacityProviderStrategy: strategy };
}

/**
 * The load balancers of a request with their target groups looked up. Each has to be one that a listener or a rule
 * forwards to: nothing would check its targets otherwise, and no task would ever be healthy.
 * @throws BerthError InvalidParameterException
 */
export function resolveLoadBalancers(
  place: Place,
  asked: readonly LoadBalancer[],
  asking: Asking,
): ResolvedLoadBalancers {
  const groups = new Map<string, Stored<TargetGroupRecord>>();
  const loadBalancers = asked.map((item) => {
    const [name = ''] = parseElbReference(place.realm, 'targetgroup', item.targetGroupArn) ?? [];
    const group = name === '' ? undefined : place.state.get(collections.targetGroups, name);
    if (!group) {
      throw invalid(
        `The specified target group does not exist. (target group "${item.targetGroupArn}"; create it first)`,
      );
    }
    const { item: resolved, alternate } = resolveAdvanced(
      place,
      { ...item, targetGroupArn: name },
      group.value,
      asking,
    );
    // Of two groups that take turns the rule may name only the other.
    if (!alternate && !isGroupInUse(place.state, name)) {
      throw invalid(
        `The target group with targetGroupArn ${arn.targetGroup(place.realm, name, group.value.id)} does not have an associated load balancer. ` +
          '(expected a listener or rule that forwards to it; create one first)',
      );
    }
    groups.set(name, group);
    if (alternate) groups.set(alternate.value.name, alternate);
    return resolved;
  });
  refuseTwice(loadBalancers);
  return { loadBalancers, groups: [...groups.values()] };
}
