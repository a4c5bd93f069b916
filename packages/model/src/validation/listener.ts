// Listeners and their rules. Whether ports, priorities and target groups are free or exist is the api's to
// look up. Pure. Source: ALB reference, sections 1.5, 2.1 and 2.3.
import type {
  Action,
  CreateListenerRequest,
  CreateRuleRequest,
  ModifyListenerRequest,
  ModifyRuleRequest,
  RuleCondition,
  Tag,
} from '../generated/messages.ts';
import { Checker } from './check.ts';
import { acceptActions } from './rule-actions.ts';
import { checkConditions } from './rule-conditions.ts';
import { checkTags } from './tags.ts';

const PORT = { least: 1, most: 65_535 };
const PRIORITY = { least: 1, most: 50_000 };

export interface ListenerOrder {
  readonly port: number;
  readonly protocol: 'HTTP';
  readonly defaultActions: readonly Action[];
  readonly tags: readonly Tag[];
}

/** @throws BerthError ValidationError */
export function acceptCreateListener(request: CreateListenerRequest): ListenerOrder {
  const check = new Checker('ValidationError');
  if (request.port === 0)
    check.refuse('A listener port must be specified: port is missing or 0; expected 1 to 65535.');
  check.integer('port', request.port, PORT);
  checkTags(check, request.tags);
  return {
    port: request.port,
    protocol: 'HTTP',
    defaultActions: acceptActions(check, 'defaultActions', request.defaultActions),
    tags: request.tags,
  };
}

/** What changes; what is undefined stays. @throws BerthError ValidationError */
export function acceptModifyListener(request: ModifyListenerRequest): {
  readonly port: number | undefined;
  readonly defaultActions: readonly Action[] | undefined;
} {
  const check = new Checker('ValidationError');
  check.integer('port', request.port, PORT);
  const changesActions = request.defaultActions.length > 0;
  if (request.port === undefined && !changesActions) {
    check.refuse('Nothing to modify: expected port, defaultActions or both.');
  }
  return {
    port: request.port,
    defaultActions: changesActions
      ? acceptActions(check, 'defaultActions', request.defaultActions)
      : undefined,
  };
}

export interface RuleOrder {
  readonly priority: number;
  readonly conditions: readonly RuleCondition[];
  readonly actions: readonly Action[];
  readonly tags: readonly Tag[];
}

/** @throws BerthError ValidationError */
export function acceptCreateRule(request: CreateRuleRequest): RuleOrder {
  const check = new Checker('ValidationError');
  check.integer('priority', request.priority, PRIORITY);
  checkConditions(check, request.conditions);
  checkTags(check, request.tags);
  return {
    priority: request.priority,
    conditions: request.conditions,
    actions: acceptActions(check, 'actions', request.actions),
    tags: request.tags,
  };
}

/** What changes; what is undefined stays. @throws BerthError ValidationError */
export function acceptModifyRule(request: ModifyRuleRequest): {
  readonly priority: number | undefined;
  readonly conditions: readonly RuleCondition[] | undefined;
  readonly actions: readonly Action[] | undefined;
} {
  const check = new Checker('ValidationError');
  check.integer('priority', request.priority, PRIORITY);
  const { conditions, actions } = request;
  if (conditions.length === 0 && actions.length === 0 && request.priority === undefined) {
    check.refuse('Nothing to modify: expected conditions, actions or priority.');
  }
  if (conditions.length > 0) checkConditions(check, conditions);
  return {
    priority: request.priority,
    conditions: conditions.length > 0 ? conditions : undefined,
    actions: actions.length > 0 ? acceptActions(check, 'actions', actions) : undefined,
  };
}
