// Rules of listeners. Whether priorities and target groups are free or exist is the api's to look up. Pure.
// Source: ALB reference, sections 1.5 and 2.1.
import { BerthError } from '../errors.ts';
import type {
  Action,
  CreateRuleRequest,
  ListenerRecord,
  ModifyRuleRequest,
  RuleRecord,
  RuleTransform,
} from '../generated/messages.ts';
import { type AttributePlace, familyOf } from '../routing/attributes.ts';
import { acceptAttributes } from './balancing-attributes.ts';
import { checkBalancingTags } from './balancing-tags.ts';
import { Checker } from './check.ts';
import { acceptActions } from './rule-actions.ts';
import { checkConditions } from './rule-conditions.ts';
import { checkTransforms } from './rule-transforms.ts';

const PRIORITY = { least: 1, most: 50_000 };

export type RuleOrder = Pick<
  RuleRecord,
  'priority' | 'conditions' | 'actions' | 'tags' | 'transforms' | 'attributes'
>;

/** Where the attributes of a rule are. */
export const RULE_PLACE: AttributePlace = { scope: 'rule', family: 'application' };

/** @throws BerthError ValidationError and others of CreateRule */
export function acceptCreateRule(
  request: CreateRuleRequest,
  { protocol }: Pick<ListenerRecord, 'protocol'>,
): RuleOrder {
  const check = new Checker('ValidationError');
  refuseNetwork(protocol);
  checkPriority(check, 'priority', request.priority);
  checkConditions(check, request.conditions);
  checkTransforms(check, request.transforms);
  checkBalancingTags(request.tags);
  return {
    priority: request.priority,
    conditions: request.conditions,
    transforms: request.transforms,
    actions: acceptActions(check, 'actions', request.actions, { protocol }),
    attributes: acceptAttributes(RULE_PLACE, request.attributes, {}),
    tags: request.tags,
  };
}

function refuseNetwork(protocol: ListenerRecord['protocol']): void {
  if (familyOf(protocol) === 'application') return;
  throw new BerthError(
    'UnsupportedProtocol',
    `Listeners of ${protocol} have no rules; expected a listener of HTTP or HTTPS.`,
  );
}

export function checkPriority(check: Checker, field: string, priority: number): void {
  check.integer(field, priority, PRIORITY);
}

/** What changes; what is undefined stays. */
export interface RuleChange {
  readonly priority: number | undefined;
  readonly conditions: RuleRecord['conditions'] | undefined;
  readonly actions: readonly Action[] | undefined;
  readonly transforms: readonly RuleTransform[] | undefined;
  /** Laid over those that there are. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** @throws BerthError ValidationError and others of ModifyRule */
export function acceptModifyRule(
  request: ModifyRuleRequest,
  { protocol }: Pick<ListenerRecord, 'protocol'>,
): RuleChange {
  const check = new Checker('ValidationError');
  check.integer('priority', request.priority, PRIORITY);
  const { conditions, actions, transforms, resetTransforms, attributes } = request;
  const lists = [conditions, actions, transforms, Object.keys(attributes)];
  const nothing = lists.every((list) => list.length === 0);
  if (nothing && request.priority === undefined && !resetTransforms) {
    check.refuse(
      'Nothing to modify: expected conditions, actions, transforms, resetTransforms, attributes or priority.',
    );
  }
  if (resetTransforms && transforms.length > 0) {
    check.refuse('transforms and resetTransforms are both given; expected one of them.');
  }
  if (conditions.length > 0) checkConditions(check, conditions);
  checkTransforms(check, transforms);
  const changesTransforms = resetTransforms || transforms.length > 0;
  return {
    priority: request.priority,
    conditions: conditions.length > 0 ? conditions : undefined,
    actions:
      actions.length > 0 ? acceptActions(check, 'actions', actions, { protocol }) : undefined,
    transforms: changesTransforms ? transforms : undefined,
    attributes,
  };
}

/** The attributes of a rule after a change. @throws BerthError ValidationError or InvalidConfigurationRequest */
export function acceptRuleAttributes(
  changes: Readonly<Record<string, string>>,
  stored: Readonly<Record<string, string>>,
): Record<string, string> {
  return acceptAttributes(RULE_PLACE, changes, stored);
}
