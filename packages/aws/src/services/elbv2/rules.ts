// Rules on the ELBv2 wire.
// Source: ALB reference, sections 1.4 and 1.5.
import { BerthError } from '@berth/model/errors.ts';

import type { Plain } from '../../wire/json-input.ts';
import type { Operation } from '../../wire/service.ts';
import { shownRule } from './answers.ts';
import { actionsOf, conditionsOf, tagsOf, transformsOf } from './requests.ts';
import { listener, nothing, oneSelector, page, rule, type Via } from './via.ts';

export function ruleOperations(via: Via): Readonly<Record<string, Operation>> {
  return {
    CreateRule: via(
      'CreateRule',
      'CreateRuleRequest',
      (input) => ({
        ...listener(input),
        priority: input['Priority'],
        conditions: conditionsOf(input['Conditions']),
        actions: actionsOf(input['Actions']),
        transforms: transformsOf(input['Transforms']),
        tags: tagsOf(input['Tags']),
      }),
      ({ rule: made }) => ({ Rules: made ? [shownRule(made)] : [] }),
    ),
    ModifyRule: via(
      'ModifyRule',
      'ModifyRuleRequest',
      (input) => ({
        ...rule(input),
        conditions: conditionsOf(input['Conditions']),
        actions: actionsOf(input['Actions']),
        transforms: transformsOf(input['Transforms']),
        resetTransforms: input['ResetTransforms'],
      }),
      ({ rule: changed }) => ({ Rules: changed ? [shownRule(changed)] : [] }),
    ),
    DescribeRules: via(
      'DescribeRules',
      'DescribeRulesRequest',
      (input) => {
        const rules = oneSelector(input, ['RuleArns'], 'ListenerArn');
        if (rules.length === 0 && input['ListenerArn'] === undefined) {
          throw new BerthError(
            'ValidationError',
            'You must specify either listener ARN or rule ARNs',
          );
        }
        return { ...page(input), ...listener(input), rules };
      },
      ({ rules = [], nextMarker }) => ({ Rules: rules.map(shownRule), NextMarker: nextMarker }),
    ),
    DeleteRule: via('DeleteRule', 'DeleteRuleRequest', rule, nothing),
    SetRulePriorities: via(
      'SetRulePriorities',
      'SetRulePrioritiesRequest',
      (input) => ({
        rulePriorities: (input['RulePriorities'] as Plain[]).map(({ RuleArn, Priority }) => ({
          rule: RuleArn,
          priority: Priority,
        })),
      }),
      ({ rules = [] }) => ({ Rules: rules.map(shownRule) }),
    ),
  };
}
