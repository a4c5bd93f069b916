// Rules of listeners. Whoever changes the set of a listener's rules touches the listener, so that no two get the same
// priority. Source: ALB reference, sections 1.4, 1.5 and 2.1.
import { BerthError } from '@berth/model/errors.ts';
import type {
  CreateRuleRequest,
  CreateRuleResponse,
  DeleteRuleRequest,
  DeleteRuleResponse,
  DescribeRulesRequest,
  DescribeRulesResponse,
  ListenerRecord,
  ModifyRuleRequest,
  ModifyRuleResponse,
  Rule,
  RuleRecord,
} from '@berth/model/generated/messages.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import { acceptCreateRule, acceptModifyRule } from '@berth/model/validation/listener.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { defaultRuleView, ruleView } from '../../views/load-balancing-view.ts';
import type { OperationContext } from '../deps.ts';
import type { Place } from '../resolve.ts';
import { type Decision, replace, touch, write } from '../write.ts';
import { requireListener, requireRule, resolveActions } from './find.ts';
import { TURN } from './listeners.ts';

/** Without the default rule. A listener's rules are deleted with it in one transaction, which bounds them. */
const MOST_RULES = 100;

/** Not idempotent: a priority that is taken is refused. */
export async function createRule(
  on: OperationContext,
  request: CreateRuleRequest,
  { signal }: CallContext,
): Promise<CreateRuleResponse> {
  const order = acceptCreateRule(request);
  const attempted = `create a rule of listener ${request.listener}`;
  const id = drawHexId(on.random, 16);
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const place = { state, realm: on.realm };
    const listener = requireListener(place, request.listener);
    refusePriority(state, listener.value, order.priority);
    refuseTooMany(state, listener.value);
    const { actions, groups } = resolveActions(place, order.actions);
    const record: RuleRecord = {
      ...order,
      actions,
      id,
      listenerId: listener.value.id,
      createdAt: on.clock.now(),
      transforms: [],
      attributes: {},
    };
    const touched = groups.map((group) => touch(collections.targetGroups, group));
    const owner = touch(collections.listeners, listener);
    const parts = [record.listenerId, id] as const;
    return {
      guards: [
        owner.guard,
        guardAbsent(collections.rules, ...parts),
        ...touched.map(({ guard }) => guard),
      ],
      puts: [
        putRecord(collections.rules, parts, record),
        owner.put,
        ...touched.map(({ put }) => put),
      ],
      result: (seen) => ({ rule: ruleView(seen, on.realm, record) }),
    };
  });
}

function refusePriority(
  state: State,
  { id }: ListenerRecord,
  priority: number,
  except?: RuleRecord,
): void {
  for (const { value } of state.list(collections.rules, id)) {
    if (value.priority === priority && value.id !== except?.id) {
      throw new BerthError(
        'PriorityInUse',
        `Priority '${priority}' is currently in use (rule ${value.id})`,
      );
    }
  }
}

function refuseTooMany(state: State, { id, port }: ListenerRecord): void {
  const count = [...state.list(collections.rules, id)].length;
  if (count < MOST_RULES) return;
  throw new BerthError(
    'TooManyRules',
    `The listener on port ${port} has ${count} rules already; expected at most ${MOST_RULES}.`,
  );
}

/** What is not given stays. Of a default rule only the actions can change. */
export async function modifyRule(
  on: OperationContext,
  request: ModifyRuleRequest,
  { signal }: CallContext,
): Promise<ModifyRuleResponse> {
  const change = acceptModifyRule(request);
  const attempted = `modify rule ${request.rule}`;
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const place = { state, realm: on.realm };
    const found = requireRule(place, request.rule);
    return found.kind === 'default'
      ? modifyDefault(on, place, found.listener, change)
      : modifyOne(on, place, found.rule, change);
  });
}

type Change = ReturnType<typeof acceptModifyRule>;

function modifyOne(
  on: OperationContext,
  place: Place,
  rule: Stored<RuleRecord>,
  change: Change,
): Decision<ModifyRuleResponse> {
  const listener = requireListener(place, rule.value.listenerId);
  const priority = change.priority ?? rule.value.priority;
  refusePriority(place.state, listener.value, priority, rule.value);
  const resolved = change.actions && resolveActions(place, change.actions);
  const record: RuleRecord = {
    ...rule.value,
    priority,
    conditions: change.conditions ?? rule.value.conditions,
    actions: resolved?.actions ?? rule.value.actions,
  };
  const changes = [
    replace(collections.rules, rule, record),
    touch(collections.listeners, listener),
    ...(resolved?.groups ?? []).map((group) => touch(collections.targetGroups, group)),
  ];
  return {
    guards: changes.map(({ guard }) => guard),
    puts: changes.map(({ put }) => put),
    result: (seen) => ({ rule: ruleView(seen, on.realm, record) }),
  };
}

function modifyDefault(
  on: OperationContext,
  place: Place,
  listener: Stored<ListenerRecord>,
  { actions, conditions, priority }: Change,
): Decision<ModifyRuleResponse> {
  if (conditions || priority !== undefined || !actions) {
    throw new BerthError(
      'OperationNotPermitted',
      `The default rule of the listener on port ${listener.value.port} can't have conditions or a priority; expected actions only.`,
    );
  }
  const resolved = resolveActions(place, actions);
  const record: ListenerRecord = { ...listener.value, defaultActions: resolved.actions };
  const changes = [
    replace(collections.listeners, listener, record),
    ...resolved.groups.map((group) => touch(collections.targetGroups, group)),
  ];
  return {
    guards: changes.map(({ guard }) => guard),
    puts: changes.map(({ put }) => put),
    result: (seen) => ({ rule: defaultRuleView(seen, on.realm, record) }),
  };
}

/** The rules of a listener in the order in which they are tried, or the named ones. */
export function describeRules(
  on: OperationContext,
  { listener, rules }: DescribeRulesRequest,
): DescribeRulesResponse {
  const place = { state: on.cache, realm: on.realm };
  if ((listener === undefined || listener === '') === (rules.length === 0)) {
    throw new BerthError(
      'ValidationError',
      'You must specify either listener or rules: expected one of them, not both and not neither.',
    );
  }
  if (listener) return { rules: rulesOf(on, requireListener(place, listener).value) };
  return {
    rules: rules.map((text) => {
      const found = requireRule(place, text);
      return found.kind === 'rule'
        ? ruleView(on.cache, on.realm, found.rule.value)
        : defaultRuleView(on.cache, on.realm, found.listener.value);
    }),
  };
}

function rulesOf(on: OperationContext, listener: ListenerRecord): Rule[] {
  const records = Array.from(on.cache.list(collections.rules, listener.id), ({ value }) => value);
  records.sort((a, b) => a.priority - b.priority);
  return [
    ...records.map((record) => ruleView(on.cache, on.realm, record)),
    defaultRuleView(on.cache, on.realm, listener),
  ];
}

export async function deleteRule(
  on: OperationContext,
  request: DeleteRuleRequest,
  { signal }: CallContext,
): Promise<DeleteRuleResponse> {
  const attempted = `delete rule ${request.rule}`;
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const found = requireRule({ state, realm: on.realm }, request.rule);
    if (found.kind === 'default') {
      throw new BerthError(
        'OperationNotPermitted',
        `Default rule '${request.rule}' cannot be deleted; delete its listener instead.`,
      );
    }
    return {
      guards: [guardUnchanged(found.rule)],
      deletes: [found.rule.key],
      result: () => ({}),
    };
  });
}
