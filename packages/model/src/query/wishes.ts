// What about a host an expression turns on, and values that could turn it: the choices of somebody who would
// like it to hold.
import { exampleOf } from '../regex/example.ts';
import type { Comparison, Expression, Operator } from './expression.ts';
import { parseCount } from './values.ts';

export interface Wishes {
  /** Attributes by name, each with values that may be of use; never empty. */
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** It asks for the groups of tasks on the host. */
  readonly groups: boolean;
  /** Numbers of running tasks at which it may turn. */
  readonly taskCounts: readonly number[];
}

/** For an attribute that only has to exist, or to be different. */
const ANY_VALUE = 'true';

/** All choices that the expressions offer together. Pure. */
export function wishesOf(expressions: readonly Expression[]): Wishes {
  const attributes = new Map<string, Set<string>>();
  const taskCounts = new Set<number>();
  let groups = false;
  for (const comparison of expressions.flatMap(comparisons)) {
    const { subject } = comparison;
    if (subject.kind === 'attribute') {
      const values = attributes.get(subject.name) ?? new Set([ANY_VALUE]);
      for (const value of usefulValues(comparison)) values.add(value);
      attributes.set(subject.name, values);
    } else if (subject.kind === 'task:group') groups = true;
    else if (subject.kind === 'runningTasksCount') {
      const count = parseCount(comparison.values[0] ?? '');
      if (count !== undefined)
        for (const near of [count - 1, count, count + 1]) taskCounts.add(near);
    }
  }
  return {
    attributes: new Map([...attributes].map(([name, values]) => [name, [...values]])),
    groups,
    taskCounts: [...taskCounts].filter((count) => count >= 0),
  };
}

function comparisons(expression: Expression): readonly Comparison[] {
  if (expression.kind === 'comparison') return [expression];
  if (expression.kind === 'not') return comparisons(expression.operand);
  return expression.operands.flatMap(comparisons);
}

const ORDERINGS: ReadonlySet<Operator> = new Set(['>', '>=', '<', '<=']);

/** Values at which the comparison's verdict may change, for it or against it. */
function usefulValues({ operator, values }: Comparison): readonly string[] {
  const [value = ''] = values;
  if (operator === '=~' || operator === '!~') {
    const example = exampleOf(value);
    return example === undefined ? [] : [example];
  }
  if (!ORDERINGS.has(operator)) return values;
  const number = Number(value);
  if (value !== '' && Number.isFinite(number)) {
    return [value, String(number + 1), String(number - 1)];
  }
  return [value, `${value}0`, '-'];
}
