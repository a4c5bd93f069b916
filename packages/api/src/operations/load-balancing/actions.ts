// The actions of a listener or rule, with the target groups that they name. Pure. Source: ALB reference, sections 1.2, 2.3 and 3.1.
import { BerthError } from '@berth/model/errors.ts';
import type { Action, ListenerRecord, TargetGroupRecord } from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { MOST_GROUPS_A_BALANCER } from '@berth/model/resources/quotas.ts';
import { familyOf } from '@berth/model/routing/attributes.ts';
import type { Stored } from '@berth/store/state.ts';

import { DEFAULT_BALANCER } from '../../views/balancer.ts';
import { balancersUsing, groupsOfBalancer } from '../../views/group-references.ts';
import type { Place } from '../resolve.ts';
import { refuseWeightedAppCookies } from './app-cookies.ts';
import { requireTargetGroup } from './find.ts';
import { refuseTooManyTargets } from './target-quotas.ts';

export interface ResolvedActions {
  /** With target groups by name. */
  readonly actions: readonly Action[];
  readonly groups: readonly Stored<TargetGroupRecord>[];
}

type Listener = Pick<ListenerRecord, 'protocol' | 'loadBalancer' | 'attributes'>;

/**
 * @param listener that the actions are of, or whose rule
 * @param mirror name or ARN of a target group that gets copies
 * @throws BerthError TargetGroupNotFound; ValidationError for a group that is named twice; IncompatibleProtocols;
 * InvalidConfigurationRequest; TargetGroupAssociationLimit; TooManyUniqueTargetGroupsPerLoadBalancer; TooManyTargets
 */
export function resolveActions(
  place: Place,
  asked: readonly Action[],
  listener: Listener,
  mirror?: string,
): ResolvedActions {
  const groups = new Map<string, Stored<TargetGroupRecord>>();
  const actions = asked.map((action): Action => {
    if (!action.forward) return action;
    const targetGroups = action.forward.targetGroups.map((tuple) => {
      const group = requireTargetGroup(place, tuple.targetGroupArn);
      const { name } = group.value;
      if (groups.has(name)) {
        throw new BerthError(
          'ValidationError',
          `A forward action names target group ${name} more than once; expected each at most once.`,
        );
      }
      groups.set(name, group);
      return { ...tuple, targetGroupArn: name };
    });
    return { ...action, forward: { ...action.forward, targetGroups } };
  });
  if (mirror) {
    const group = requireTargetGroup(place, mirror);
    groups.set(group.value.name, group);
  }
  for (const { value } of groups.values()) {
    checkProtocols(listener, value);
    checkAssociation(place, listener, value);
  }
  refuseWeightedAppCookies(actions, (name) => groups.get(name)?.value);
  checkCount(place, listener, [...groups.keys()]);
  return { actions, groups: [...groups.values()] };
}

function checkProtocols({ protocol, attributes }: Listener, group: TargetGroupRecord): void {
  const fits =
    familyOf(protocol) === familyOf(group.protocol) &&
    !(protocol === 'TCP' && group.protocol === 'TLS');
  if (!fits) {
    throw new BerthError(
      'IncompatibleProtocols',
      `Target group ${group.name} of protocol ${group.protocol} is incompatible with a listener of protocol ${protocol}.`,
    );
  }
  const version = group.protocolVersion ?? 'HTTP1';
  const http2 = protocol !== 'HTTP' || attributes['berth.h2c.enabled'] === 'true';
  if (version !== 'HTTP1' && !http2) {
    throw new BerthError(
      'InvalidConfigurationRequest',
      `Listener protocol 'HTTP' is not supported with a target group with the protocol-version '${version}' (target group ${group.name}); expected HTTPS, or the listener's attribute berth.h2c.enabled.`,
    );
  }
}

function checkAssociation(
  { state, realm }: Place,
  { loadBalancer = DEFAULT_BALANCER }: Listener,
  { name, id }: TargetGroupRecord,
): void {
  const other = balancersUsing(state, name).find((used) => used !== loadBalancer);
  if (other === undefined) return;
  throw new BerthError(
    'TargetGroupAssociationLimit',
    `The following target groups cannot be associated with more than one load balancer: ${arn.targetGroup(realm, name, id)} (it belongs to load balancer ${other})`,
  );
}

/** Looks at all of the load balancer's actions only when a group comes to it. */
function checkCount(
  place: Place,
  { loadBalancer = DEFAULT_BALANCER }: Listener,
  names: readonly string[],
): void {
  const { state } = place;
  if (names.every((name) => balancersUsing(state, name).includes(loadBalancer))) return;
  const used = groupsOfBalancer(state, loadBalancer);
  for (const name of names) used.add(name);
  if (used.size > MOST_GROUPS_A_BALANCER) {
    throw new BerthError(
      'TooManyUniqueTargetGroupsPerLoadBalancer',
      `The actions of load balancer ${loadBalancer} would name ${used.size} target groups; expected at most ${MOST_GROUPS_A_BALANCER}.`,
    );
  }
  refuseTooManyTargets(place, loadBalancer, used);
}
