// Placement constraints: rules that bind. Those of the task definition and of the call hold together.
// Source: ECS reference, section 5.4.
import { BerthError } from '../errors.ts';
import type { PlacementConstraint } from '../generated/messages.ts';
import { compileQuery } from '../query/evaluate.ts';
import type { Predicate } from '../query/evaluate.ts';
import type { Expression } from '../query/expression.ts';
import { parseQuery } from '../query/parser.ts';
import { printQuery } from '../query/print.ts';

export const MAX_CONSTRAINTS = 10;

export interface MemberOf {
  readonly expression: Expression;
  /** The expression in its plainest form. */
  readonly text: string;
  readonly holds: Predicate;
  /** Whether tasks that come and go can change its verdict. */
  readonly readsTasks: boolean;
}

export interface Constraints {
  readonly memberOf: readonly MemberOf[];
  /** No two running tasks of the group on a host. */
  readonly distinctInstance: boolean;
}

/**
 * Check and prepare constraints. Pure.
 * @throws BerthError InvalidParameterException when there are more than ten, one has an expression too many
 * or too few, or an expression can't be read; the message names the column
 */
export function compileConstraints(constraints: readonly PlacementConstraint[]): Constraints {
  if (constraints.length > MAX_CONSTRAINTS) {
    throw invalid(
      `found ${constraints.length} placement constraints, at most ${MAX_CONSTRAINTS} are allowed`,
    );
  }
  const memberOf: MemberOf[] = [];
  let distinctInstance = false;
  for (const { type, expression } of constraints) {
    if (type === 'memberOf') memberOf.push(compileMemberOf(expression));
    else if (expression)
      throw invalid('a distinctInstance placement constraint takes no expression');
    else distinctInstance = true;
  }
  return { memberOf, distinctInstance };
}

function compileMemberOf(query: string | undefined): MemberOf {
  if (!query) throw invalid('a memberOf placement constraint needs an expression');
  const result = parseQuery(query);
  if (!result.ok)
    throw invalid(`the expression "${shortened(query)}" can't be read: ${result.message}`);
  const { expression } = result;
  return {
    expression,
    text: printQuery(expression),
    holds: compileQuery(expression),
    readsTasks: readsTasks(expression),
  };
}

function readsTasks(expression: Expression): boolean {
  if (expression.kind === 'not') return readsTasks(expression.operand);
  if (expression.kind !== 'comparison') return expression.operands.some(readsTasks);
  const { kind } = expression.subject;
  return kind === 'task:group' || kind === 'runningTasksCount';
}

function shortened(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}...`;
}

function invalid(problem: string): BerthError {
  return new BerthError('InvalidParameterException', `Invalid placement constraints: ${problem}.`);
}
