// Who sends requests to a target group. Pure.
import type { ListenerRecord } from '@berth/model/generated/messages.ts';
import { groupsOfActions, groupsOfRule } from '@berth/model/resources/group-users.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { DEFAULT_BALANCER, listenersOf } from './balancer.ts';
import { listenersWeighing } from './traffic-weights.ts';

/** True while an action of a listener or a rule names the group: only then do proxies check and use its targets. */
export function isGroupInUse(state: State, group: string): boolean {
  for (const _listener of listenersUsing(state, group)) return true;
  return false;
}

/** The names of the load balancers with listeners or rules that name the group. */
export function balancersUsing(state: State, group: string): string[] {
  const names = new Set<string>();
  for (const { loadBalancer } of listenersUsing(state, group)) {
    names.add(loadBalancer ?? DEFAULT_BALANCER);
  }
  return [...names].sort();
}

/** The groups that the listeners and rules of a load balancer name. */
export function groupsOfBalancer(state: State, balancer: string): Set<string> {
  const names = new Set<string>();
  for (const { value: listener } of listenersOf(state, balancer)) {
    for (const name of groupsOfActions(listener.defaultActions)) names.add(name);
    for (const { value: rule } of state.list(collections.rules, listener.id)) {
      for (const name of groupsOfRule(rule)) names.add(name);
    }
  }
  return names;
}

/** The listeners that name the group themselves, by a rule or by the weights of a deployment, some more than once. */
function* listenersUsing(state: State, group: string): Generator<ListenerRecord, void, undefined> {
  for (const { value } of state.listenersByGroup(group)) yield value;
  for (const { value } of state.rulesByGroup(group)) {
    const listener = state.get(collections.listeners, value.listenerId);
    if (listener) yield listener.value;
  }
  for (const id of listenersWeighing(state, group)) {
    const listener = state.get(collections.listeners, id);
    if (listener) yield listener.value;
  }
}
