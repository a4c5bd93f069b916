// The weights that a deployment gives to the target groups of a rule, laid over the rule's own. They are kept apart from rules,
// since rules are people's and weights the controller's; everybody who looks at actions sees them by way of these functions. Pure.
// Source: ECS reference, section 6.8; ALB reference, section 3.1.
import type {
  Action,
  GroupWeight,
  ListenerRecord,
  RuleRecord,
  TrafficWeightsRecord,
} from '../generated/messages.ts';

/** What stands for the rule's id where the default actions of a listener are meant. */
export const DEFAULT_RULE = 'default';

/** All of the traffic, in tenths of a percent. */
export const ALL_TRAFFIC = 1000;

/** A rule that traffic is shifted by, as records name it: LISTENER/RULE, or LISTENER/default. */
export interface RuleName {
  readonly listenerId: string;
  readonly ruleId: string;
}

export function ruleNameText({ listenerId, ruleId }: RuleName): string {
  return `${listenerId}/${ruleId}`;
}

export function parseRuleName(text: string): RuleName {
  const [listenerId = '', ruleId = ''] = text.split('/');
  return { listenerId, ruleId };
}

/**
 * @param tenths what the first group gets, 0-1000
 * @returns percent where that is whole (95 and 5), else tenths (999 and 1): the same shares, and never above ALB's 999
 */
export function weightsOf(first: string, second: string, tenths: number): readonly GroupWeight[] {
  const unit = tenths % 10 === 0 ? 10 : 1;
  return [
    { group: first, weight: tenths / unit },
    { group: second, weight: (ALL_TRAFFIC - tenths) / unit },
  ];
}

/** The actions with the weights of a deployment, if there are any: its groups take the place of those that were named. */
export function weighted(
  actions: readonly Action[],
  overlay: Pick<TrafficWeightsRecord, 'weights'> | undefined,
): readonly Action[] {
  if (!overlay) return actions;
  return actions.map((action) => {
    if (!action.forward) return action;
    const targetGroups = overlay.weights.map(({ group, weight }) => ({
      targetGroupArn: group,
      weight,
    }));
    return { ...action, forward: { ...action.forward, targetGroups } };
  });
}

export function weightedRule(
  rule: RuleRecord,
  overlay: TrafficWeightsRecord | undefined,
): RuleRecord {
  return overlay ? { ...rule, actions: weighted(rule.actions, overlay) } : rule;
}

export function weightedListener(
  listener: ListenerRecord,
  overlay: TrafficWeightsRecord | undefined,
): ListenerRecord {
  return overlay
    ? { ...listener, defaultActions: weighted(listener.defaultActions, overlay) }
    : listener;
}

/** The groups that actions forward to, with their weights. */
export function groupWeightsOf(actions: readonly Action[]): readonly GroupWeight[] {
  const groups = actions.flatMap(({ forward }) => forward?.targetGroups ?? []);
  return groups.map(({ targetGroupArn: group, weight = 1 }) => ({ group, weight }));
}
