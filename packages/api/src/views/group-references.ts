// Who sends requests to a target group. Pure.
import type { Action } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

/** True while an action of a listener or a rule names the group: only then do proxies check and use its targets. */
export function isGroupInUse(state: State, group: string): boolean {
  for (const { value } of state.list(collections.listeners)) {
    if (forwardsTo(value.defaultActions, group)) return true;
  }
  for (const { value } of state.list(collections.rules)) {
    if (forwardsTo(value.actions, group)) return true;
  }
  return false;
}

/** The names of the groups that the actions forward to. */
export function groupsOf(actions: readonly Action[]): string[] {
  return actions.flatMap(
    ({ forward }) => forward?.targetGroups.map(({ targetGroupArn }) => targetGroupArn) ?? [],
  );
}

function forwardsTo(actions: readonly Action[], group: string): boolean {
  return groupsOf(actions).includes(group);
}
