// Target groups, listeners and rules as the API shows them. Records name target groups by their names; the
// API shows ARNs. Pure. Source: ALB reference, sections 1.2, 1.5 and 2.1.
import type {
  Action,
  Listener,
  ListenerRecord,
  Rule,
  RuleRecord,
  TargetGroup,
  TargetGroupRecord,
} from '@berth/model/generated/messages.ts';
import { arn, type Realm } from '@berth/model/resources/arn.ts';
import { allTargetGroupAttributes } from '@berth/model/resources/target-group.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

export function targetGroupView(realm: Realm, record: TargetGroupRecord): TargetGroup {
  return {
    targetGroupArn: arn.targetGroup(realm, record.name, record.id),
    targetGroupName: record.name,
    protocol: record.protocol,
    port: record.port,
    targetType: record.targetType,
    healthCheck: record.healthCheck,
    attributes: allTargetGroupAttributes(record),
    createdAt: record.createdAt,
  };
}

export function listenerView(state: State, realm: Realm, record: ListenerRecord): Listener {
  return {
    listenerArn: arn.listener(realm, record.id),
    listenerId: record.id,
    port: record.port,
    protocol: record.protocol,
    defaultActions: actionsView(state, realm, record.defaultActions),
  };
}

export function ruleView(state: State, realm: Realm, record: RuleRecord): Rule {
  return {
    ruleArn: arn.rule(realm, record.listenerId, record.id),
    ruleId: record.id,
    listenerArn: arn.listener(realm, record.listenerId),
    priority: String(record.priority),
    conditions: record.conditions,
    actions: actionsView(state, realm, record.actions),
    isDefault: false,
  };
}

/** The rule that a listener's default actions are. It bears the listener's id. */
export function defaultRuleView(state: State, realm: Realm, record: ListenerRecord): Rule {
  return {
    ruleArn: arn.rule(realm, record.id, record.id),
    ruleId: record.id,
    listenerArn: arn.listener(realm, record.id),
    priority: 'default',
    conditions: [],
    actions: actionsView(state, realm, record.defaultActions),
    isDefault: true,
  };
}

function actionsView(state: State, realm: Realm, actions: readonly Action[]): Action[] {
  return actions.map((action) =>
    action.forward
      ? {
          ...action,
          forward: {
            targetGroups: action.forward.targetGroups.map((tuple) => ({
              ...tuple,
              targetGroupArn: targetGroupArn(state, realm, tuple.targetGroupArn),
            })),
          },
        }
      : action,
  );
}

/** The ARN of a group by its name; the name itself where the group is gone. */
export function targetGroupArn(state: State, realm: Realm, name: string): string {
  const group = state.get(collections.targetGroups, name)?.value;
  return group ? arn.targetGroup(realm, group.name, group.id) : name;
}
