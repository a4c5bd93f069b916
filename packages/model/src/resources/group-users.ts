// Which target groups the actions of listeners and rules name. Pure.
import type { Action, RuleRecord } from '../generated/messages.ts';

/** The groups that actions forward to, by the names that they are given in the actions; each once. */
export function groupsOfActions(actions: readonly Action[]): string[] {
  const names = actions.flatMap(({ forward }) => forward?.targetGroups ?? []);
  return [...new Set(names.map(({ targetGroupArn }) => targetGroupArn))];
}

/** As `groupsOfActions`, with the group that gets copies of the rule's requests. */
export function groupsOfRule({ actions, attributes }: RuleRecord): string[] {
  const mirror = attributes['berth.mirror.target_group'];
  const groups = groupsOfActions(actions);
  return mirror === undefined || groups.includes(mirror) ? groups : [...groups, mirror];
}
