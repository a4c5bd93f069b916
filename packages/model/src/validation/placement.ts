// Placement constraints and strategies as people write them. Pure. Source: ECS reference, sections 5.2, 5.4 and 5.5.
import type { PlacementConstraint, PlacementStrategy } from '../generated/messages.ts';
import { parseStrategies, type Strategy } from '../placement/strategies.ts';
import { parseQuery } from '../query/parser.ts';
import type { Checker } from './check.ts';

const MOST_CONSTRAINTS = 10;

export type ConstraintType = PlacementConstraint['type'];

/**
 * @param types which types may stand here: task definitions have memberOf only
 * @param more how many constraints count besides, for those of the task definition at run time
 */
export function checkConstraints(
  check: Checker,
  field: string,
  constraints: readonly PlacementConstraint[],
  types: readonly ConstraintType[] = ['distinctInstance', 'memberOf'],
  more = 0,
): void {
  check.atMost(
    more === 0 ? field : `${field} together with those of the task definition`,
    constraints.length + more,
    MOST_CONSTRAINTS,
    'constraints',
  );
  for (const [index, { type, expression }] of constraints.entries()) {
    check.word(`${field}[${index}].type`, type, types);
    const at = `${field}[${index}].expression`;
    if (type === 'memberOf') checkExpression(check, at, expression);
    else if (expression !== undefined && expression !== '') {
      check.expected(at, expression, `none for ${type}`);
    }
  }
}

/** A query of the cluster query language. */
export function checkExpression(
  check: Checker,
  field: string,
  expression: string | undefined,
): void {
  if (expression === undefined || expression === '') {
    check.expected(field, expression, 'a query of the cluster query language');
  }
  const result = parseQuery(expression);
  if (!result.ok) check.refuse(`${field}: ${result.message}`);
}

/**
 * Strategies in normal form: fields as records hold them, `host` as `instanceId`.
 * @throws BerthError InvalidParameterException when one is wrong
 */
export function acceptStrategies(
  check: Checker,
  strategies: readonly PlacementStrategy[],
): PlacementStrategy[] {
  for (const [index, { type }] of strategies.entries()) {
    check.word(`placementStrategy[${index}].type`, type, ['random', 'spread', 'binpack']);
  }
  // Of an empty list the parser makes the default; the record says that nothing was asked.
  return strategies.length === 0 ? [] : parseStrategies(strategies, false).map(writeStrategy);
}

function writeStrategy(strategy: Strategy): PlacementStrategy {
  switch (strategy.kind) {
    case 'random':
      return { type: 'random' };
    case 'binpack':
      return { type: 'binpack', field: strategy.resource };
    case 'spread': {
      const { attribute } = strategy;
      const field = attribute === undefined ? 'instanceId' : `attribute:${attribute}`;
      return { type: 'spread', field };
    }
  }
}
