// Stickiness by the application's cookie does not go together with actions that weigh several groups: the cookie would have to decide
// about the group as well. Pure. Source: ALB reference, section 2.3.
import { BerthError } from '@berth/model/errors.ts';
import type { Action, TargetGroupRecord } from '@berth/model/generated/messages.ts';
import type { State } from '@berth/store/state.ts';

/** @param group by name @throws BerthError InvalidConfigurationRequest */
export function refuseWeightedAppCookies(
  actions: readonly Action[],
  group: (name: string) => TargetGroupRecord | undefined,
): void {
  for (const { forward } of actions) {
    const weighted = forward?.targetGroups ?? [];
    if (weighted.length < 2) continue;
    for (const { targetGroupArn: name } of weighted) {
      const found = group(name);
      if (found && followsAppCookie(found)) throw unsupported(name);
    }
  }
}

/** @throws BerthError InvalidConfigurationRequest when an action weighs the group against others */
export function refuseAppCookieOfWeighted(state: State, group: TargetGroupRecord): void {
  if (!followsAppCookie(group)) return;
  const { name } = group;
  const actions = [
    ...Array.from(state.listenersByGroup(name), ({ value }) => value.defaultActions),
    ...Array.from(state.rulesByGroup(name), ({ value }) => value.actions),
  ].flat();
  refuseWeightedAppCookies(actions, (each) => (each === name ? group : undefined));
}

/** Only what differs from the defaults is in the record. */
function followsAppCookie({ attributes }: TargetGroupRecord): boolean {
  return (
    attributes['stickiness.enabled'] === 'true' && attributes['stickiness.type'] === 'app_cookie'
  );
}

function unsupported(name: string): BerthError {
  return new BerthError(
    'InvalidConfigurationRequest',
    `Target group ${name} has stickiness of type app_cookie, which is not supported by a forward action with several target groups; expected lb_cookie, or one target group.`,
  );
}
