// How many targets may be registered by hand: with one target group, and with all groups of a load balancer. Pure. Source: ALB
// reference, section 1.5.
import { BerthError } from '@berth/model/errors.ts';
import type { TargetGroupRecord } from '@berth/model/generated/messages.ts';
import { attributesOf } from '@berth/model/routing/attributes.ts';
import { balancerPlace } from '@berth/model/validation/load-balancer.ts';
import { groupPlace } from '@berth/model/validation/target-group.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { defaultBalancer } from '../../views/balancer.ts';
import type { Place } from '../resolve.ts';

const QUOTA = 'berth.quotas.targets';

/** @param more that are to come @throws BerthError TooManyTargets */
export function refuseTooManyOfGroup(state: State, group: TargetGroupRecord, more: number): void {
  const most = Number(attributesOf(groupPlace(group), group.attributes)[QUOTA]);
  const count = registeredWith(state, group.name) + more;
  if (count <= most) return;
  throw tooMany(`Target group ${group.name}`, count, most);
}

/**
 * @param groups of the load balancer, by name
 * @param more that are to come
 * @throws BerthError TooManyTargets
 */
export function refuseTooManyTargets(
  { state, realm }: Place,
  balancer: string,
  groups: Iterable<string>,
  more = 0,
): void {
  const found = state.get(collections.loadBalancers, balancer)?.value;
  const record = found ?? defaultBalancer(realm, 0);
  const most = Number(attributesOf(balancerPlace(record), record.attributes)[QUOTA]);
  let count = more;
  for (const name of groups) count += registeredWith(state, name);
  if (count <= most) return;
  throw tooMany(`Load balancer ${balancer}`, count, most);
}

function registeredWith(state: State, group: string): number {
  return [...state.list(collections.targetRegistrations, group)].length;
}

function tooMany(owner: string, count: number, most: number): BerthError {
  return new BerthError(
    'TooManyTargets',
    `${owner} would have ${count} registered targets; expected at most ${most}. Its attribute ${QUOTA} raises that.`,
  );
}
