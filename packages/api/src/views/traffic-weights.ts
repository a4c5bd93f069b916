// Rules and listeners as they act: with the weights that deployments have given to their groups. Whoever shows, explains or sends
// actions takes them from here. Pure.
import type { ListenerRecord, RuleRecord } from '@berth/model/generated/messages.ts';
import {
  DEFAULT_RULE,
  type RuleName,
  weightedListener,
  weightedRule,
} from '@berth/model/routing/traffic-weights.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';
import type { TrafficWeightsRecord } from '@berth/model/generated/messages.ts';

export function overlayOf(
  state: State,
  { listenerId, ruleId }: RuleName,
): Stored<TrafficWeightsRecord> | undefined {
  return state.get(collections.trafficWeights, listenerId, ruleId);
}

export function actingRule(state: State, rule: RuleRecord): RuleRecord {
  const name = { listenerId: rule.listenerId, ruleId: rule.id };
  return weightedRule(rule, overlayOf(state, name)?.value);
}

export function actingListener(state: State, listener: ListenerRecord): ListenerRecord {
  const name = { listenerId: listener.id, ruleId: DEFAULT_RULE };
  return weightedListener(listener, overlayOf(state, name)?.value);
}

/** The listeners of the rules whose weights name the group. */
export function listenersWeighing(state: State, group: string): string[] {
  return Array.from(state.list(collections.trafficWeights), ({ value }) => value)
    .filter(({ weights }) => weights.some((each) => each.group === group))
    .map(({ listenerId }) => listenerId);
}

/** Is the deployment that gave these weights still moving traffic? */
export function isShifting(
  state: State,
  { cluster, service, deploymentId }: TrafficWeightsRecord,
): boolean {
  const deployments = state.get(collections.deployments, cluster, service)?.value.deployments ?? [];
  const found = deployments.find(({ id }) => id === deploymentId);
  return found?.status === 'PRIMARY' && found.rolloutState === 'IN_PROGRESS';
}
