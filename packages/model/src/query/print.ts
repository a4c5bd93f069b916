// Turns an expression back into a query: reading what is printed gives the same expression.
import type { Comparison, Expression, Subject } from './expression.ts';
import { isWord } from './lexer.ts';

/** The query in its plainest form: signs for operators, quotes and parentheses only where they are needed. Pure. */
export function printQuery(expression: Expression): string {
  switch (expression.kind) {
    case 'or':
      return expression.operands.map((operand) => inside(operand, 'and')).join(' or ');
    case 'and':
      return expression.operands.map((operand) => inside(operand, 'not')).join(' and ');
    case 'not':
      return `not ${inside(expression.operand, 'comparison')}`;
    case 'comparison':
      return printComparison(expression);
  }
}

const STRENGTH = { or: 0, and: 1, not: 2, comparison: 3 } as const;

/** Parenthesised unless it binds at least as strongly as its surroundings need. */
function inside(expression: Expression, needed: keyof typeof STRENGTH): string {
  const text = printQuery(expression);
  return STRENGTH[expression.kind] >= STRENGTH[needed] ? text : `(${text})`;
}

function printComparison({ subject, operator, values }: Comparison): string {
  const start = `${printSubject(subject)} ${operator}`;
  if (operator === 'exists' || operator === 'not_exists') return start;
  const printed = values.map(printValue).join(', ');
  return operator === 'in' || operator === 'not_in'
    ? `${start} [${printed}]`
    : `${start} ${printed}`;
}

export function printSubject(subject: Subject): string {
  return subject.kind === 'attribute' ? `attribute:${subject.name}` : subject.kind;
}

function printValue(value: string): string {
  if (isWord(value)) return value;
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
