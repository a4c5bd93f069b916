// Rules of listeners. Whoever changes the set of a listener's rules touches the listener, so that no two get the same
// priority. Source: ALB reference, sections 1.4, 1.5 and 2.1.
import { BerthError } from '@berth/model/errors.ts';
import type {
  AttributesResponse,
  CreateRuleRequest,
  CreateRuleResponse,
  DeleteRuleRequest,
  DeleteRuleResponse,
  DescribeRuleAttributesRequest,
  DescribeRulesRequest,
  DescribeRulesResponse,
  ListenerRecord,
  ModifyRuleAttributesRequest,
  ModifyRuleRequest,
  ModifyRuleResponse,
  Rule,
  RuleRecord,
} from '@berth/model/generated/messages.ts';
import { groupsOfRule } from '@berth/model/resources/group-users.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import { attributesOf } from '@berth/model/routing/attributes.ts';
import { DEFAULT_RULE } from '@berth/model/routing/traffic-weights.ts';
import {
  acceptCreateRule,
  acceptModifyRule,
  acceptRuleAttributes,
  RULE_PLACE,
  type RuleChange,
} from '@berth/model/validation/rule.ts';
import { markedPage, sortable } from '@berth/model/validation/markers.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { DEFAULT_BALANCER, defaultBalancer } from '../../views/balancer.ts';
import { defaultRuleView, ruleView } from '../../views/load-balancing-view.ts';
import type { OperationContext } from '../deps.ts';
import type { Place } from '../resolve.ts';
import { type Decision, replace, touch, write } from '../write.ts';
import { resolveActions } from './actions.ts';
import { sealSecrets } from './client-secrets.ts';
import { requireListener, requireRule } from './find.ts';
import { refuseTooManyRules, TURN } from './listener-records.ts';
import { weightKey, withoutWeights } from './traffic-weights.ts';

const MIRROR = 'berth.mirror.target_group';

/** Not idempotent: a priority that is taken is refused. */
export async function createRule(
  on: OperationContext,
  request: CreateRuleRequest,
  { signal }: CallContext,
): Promise<CreateRuleResponse> {
  const attempted = `create a rule of listener ${request.listener}`;
  const id = drawHexId(on.random, 16);
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const place = { state, realm: on.realm };
    const listener = requireListener(place, request.listener);
    const order = acceptCreateRule(request, listener.value);
    refusePriority(state, listener.value, order.priority);
    const name = listener.value.loadBalancer ?? DEFAULT_BALANCER;
    const balancer = state.get(collections.loadBalancers, name)?.value;
    refuseTooManyRules(place, balancer ?? defaultBalancer(on.realm, 0));
    const resolved = resolveActions(place, order.actions, listener.value, order.attributes[MIRROR]);
    const parts = [listener.value.id, id] as const;
    const record: RuleRecord = {
      ...order,
      actions: sealSecrets(on.sealer, keyOf(collections.rules, ...parts), resolved.actions, []),
      id,
      listenerId: listener.value.id,
      createdAt: on.clock.now(),
    };
    const changes = [
      touch(collections.listeners, listener),
      ...resolved.groups.map((group) => touch(collections.targetGroups, group)),
    ];
    return {
      guards: [guardAbsent(collections.rules, ...parts), ...changes.map(({ guard }) => guard)],
      puts: [putRecord(collections.rules, parts, record), ...changes.map(({ put }) => put)],
      result: (seen) => ({ rule: ruleView(seen, on.realm, record, listener.value) }),
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

/** What is not given stays. Of a default rule only the actions can change. */
export async function modifyRule(
  on: OperationContext,
  request: ModifyRuleRequest,
  { signal }: CallContext,
): Promise<ModifyRuleResponse> {
  const attempted = `modify rule ${request.rule}`;
  return write(on, { signal, attempted, turn: TURN }, (state) => {
    const place = { state, realm: on.realm };
    const found = requireRule(place, request.rule);
    const change = acceptModifyRule(request, found.listener.value);
    return found.kind === 'default'
      ? modifyDefault(on, place, found.listener, change)
      : modifyOne(on, place, found, change);
  });
}

interface OfListener {
  readonly rule: Stored<RuleRecord>;
  readonly listener: Stored<ListenerRecord>;
}

function modifyOne(
  on: OperationContext,
  place: Place,
  { rule, listener }: OfListener,
  change: RuleChange,
): Decision<ModifyRuleResponse> {
  const priority = change.priority ?? rule.value.priority;
  refusePriority(place.state, listener.value, priority, rule.value);
  const attributes = acceptRuleAttributes(change.attributes, rule.value.attributes);
  const resolved = resolveActions(
    place,
    change.actions ?? rule.value.actions,
    listener.value,
    attributes[MIRROR],
  );
  const record: RuleRecord = {
    ...rule.value,
    priority,
    attributes,
    conditions: change.conditions ?? rule.value.conditions,
    transforms: change.transforms ?? rule.value.transforms,
    actions: change.actions
      ? sealSecrets(on.sealer, rule.key, resolved.actions, rule.value.actions)
      : rule.value.actions,
  };
  const gone = change.actions
    ? withoutWeights(place.state, { listenerId: listener.value.id, ruleId: rule.value.id })
    : undefined;
  const named = groupsOfRule(rule.value);
  const groups = resolved.groups.filter(({ value }) => !named.includes(value.name));
  const changes = [
    replace(collections.rules, rule, record),
    touch(collections.listeners, listener),
    ...groups.map((group) => touch(collections.targetGroups, group)),
  ];
  return {
    guards: [...changes.map(({ guard }) => guard), ...(gone?.guards ?? [])],
    puts: changes.map(({ put }) => put),
    deletes: gone?.deletes ?? [],
    result: (seen) => ({ rule: ruleView(seen, on.realm, record, listener.value) }),
  };
}

function modifyDefault(
  on: OperationContext,
  place: Place,
  listener: Stored<ListenerRecord>,
  { actions, conditions, priority, transforms, attributes }: RuleChange,
): Decision<ModifyRuleResponse> {
  const more = conditions ?? transforms ?? priority;
  if (more !== undefined || Object.keys(attributes).length > 0 || !actions) {
    throw new BerthError(
      'OperationNotPermitted',
      `The default rule of the listener on port ${listener.value.port} can't have conditions, transforms, attributes or a priority; expected actions only.`,
    );
  }
  const resolved = resolveActions(place, actions, listener.value);
  const record: ListenerRecord = {
    ...listener.value,
    defaultActions: sealSecrets(
      on.sealer,
      listener.key,
      resolved.actions,
      listener.value.defaultActions,
    ),
  };
  const changes = [
    replace(collections.listeners, listener, record),
    ...resolved.groups.map((group) => touch(collections.targetGroups, group)),
  ];
  const gone = withoutWeights(place.state, { listenerId: listener.value.id, ruleId: DEFAULT_RULE });
  return {
    guards: [...changes.map(({ guard }) => guard), ...gone.guards],
    puts: changes.map(({ put }) => put),
    deletes: gone.deletes,
    result: (seen) => ({ rule: defaultRuleView(seen, on.realm, record) }),
  };
}

/** The rules of a listener in the order in which they are tried, or the named ones. */
export function describeRules(
  on: OperationContext,
  request: DescribeRulesRequest,
): DescribeRulesResponse {
  const place = { state: on.cache, realm: on.realm };
  const { listener, rules } = request;
  if ((listener === undefined || listener === '') === (rules.length === 0)) {
    throw new BerthError(
      'ValidationError',
      'You must specify either listener or rules: expected one of them, not both and not neither.',
    );
  }
  const asked = listener
    ? rulesOf(on, requireListener(place, listener).value)
    : rules.map((text) => askedFor(place, text));
  const unique = new Map(asked.map((each) => [each.key, each]));
  const question = ['DescribeRules', listener, ...rules];
  const page = markedPage(unique.values(), ({ key }) => key, question, request);
  return { rules: page.items.map((each) => viewOf(on, each)), nextMarker: page.nextMarker };
}

interface AskedRule {
  /** Sorts by listener, then as rules are tried. */
  readonly key: string;
  readonly listener: ListenerRecord;
  /** Absent: the default rule. */
  readonly rule?: RuleRecord | undefined;
}

function rulesOf({ cache }: OperationContext, listener: ListenerRecord): AskedRule[] {
  const rules = Array.from(cache.list(collections.rules, listener.id), ({ value }) =>
    asked(listener, value),
  );
  return [...rules, asked(listener)];
}

function askedFor(place: Place, text: string): AskedRule {
  const found = requireRule(place, text);
  return asked(found.listener.value, found.kind === 'rule' ? found.rule.value : undefined);
}

function asked(listener: ListenerRecord, rule?: RuleRecord): AskedRule {
  const place = rule ? sortable(rule.priority) : 'default';
  return { key: `${listener.id}/${place}`, listener, rule };
}

function viewOf({ cache, realm }: OperationContext, { listener, rule }: AskedRule): Rule {
  return rule ? ruleView(cache, realm, rule, listener) : defaultRuleView(cache, realm, listener);
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
      deletes: [found.rule.key, ...weightKey(state, found.rule.value)],
      result: () => ({}),
    };
  });
}

/** Default rules have their listener's instead. */
export function describeRuleAttributes(
  on: OperationContext,
  request: DescribeRuleAttributesRequest,
): AttributesResponse {
  const found = requireRule({ state: on.cache, realm: on.realm }, request.rule);
  const stored = found.kind === 'rule' ? found.rule.value.attributes : {};
  return { attributes: attributesOf(RULE_PLACE, stored) };
}

/** All or nothing; what is not given stays. */
export async function modifyRuleAttributes(
  on: OperationContext,
  { rule, attributes }: ModifyRuleAttributesRequest,
  context: CallContext,
): Promise<AttributesResponse> {
  const request: ModifyRuleRequest = {
    rule,
    attributes,
    conditions: [],
    actions: [],
    transforms: [],
    resetTransforms: false,
  };
  if (Object.keys(attributes).length > 0) await modifyRule(on, request, context);
  return describeRuleAttributes(on, { rule });
}
