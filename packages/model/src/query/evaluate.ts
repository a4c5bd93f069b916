// Decides whether an expression holds for a host. Total: whatever a host lacks makes a comparison false,
// and its negation (`!=`, `not_in`, `!~`, `not_exists`) true. Source: ECS reference, section 5.5.
import { parseRegex } from '../regex/regex.ts';
import type { Comparison, Expression, HostFacts, Operator, Subject } from './expression.ts';
import {
  comparePeriod,
  compareTexts,
  compareVersions,
  parseCount,
  parseDate,
  parseVersion,
} from './values.ts';

export type Predicate = (facts: HostFacts) => boolean;

/** Prepare an expression for many hosts: values are read and patterns compiled once. Pure. Never throws. */
export function compileQuery(expression: Expression): Predicate {
  switch (expression.kind) {
    case 'or': {
      const operands = expression.operands.map(compileQuery);
      return (facts) => operands.some((operand) => operand(facts));
    }
    case 'and': {
      const operands = expression.operands.map(compileQuery);
      return (facts) => operands.every((operand) => operand(facts));
    }
    case 'not': {
      const operand = compileQuery(expression.operand);
      return (facts) => !operand(facts);
    }
    case 'comparison':
      return compileComparison(expression);
  }
}

/** True when the expression holds for the host. Pure. Never throws. */
export function evaluateQuery(expression: Expression, facts: HostFacts): boolean {
  return compileQuery(expression)(facts);
}

const opposites: Partial<Record<Operator, Operator>> = {
  '!=': '==',
  '!~': '=~',
  not_in: 'in',
  not_exists: 'exists',
};

function compileComparison(comparison: Comparison): Predicate {
  const opposite = opposites[comparison.operator];
  if (opposite) {
    const positive = compilePositive({ ...comparison, operator: opposite });
    return (facts) => !positive(facts);
  }
  return compilePositive(comparison);
}

function compilePositive({ subject, operator, values }: Comparison): Predicate {
  const value = values[0] ?? '';
  switch (subject.kind) {
    case 'task:group': {
      if (operator === '=~') {
        const test = textTest(operator, values);
        return (facts) => [...facts.groups.keys()].some(test);
      }
      return (facts) => values.some((group) => facts.groups.has(group));
    }
    case 'agentVersion': {
      const wanted = parseVersion(value);
      return (facts) => {
        const version = parseVersion(facts.agentVersion);
        return wanted !== undefined && version !== undefined
          ? ordered(operator, compareVersions(version, wanted))
          : false;
      };
    }
    case 'registeredAt': {
      const period = parseDate(value);
      return (facts) =>
        period !== undefined && ordered(operator, comparePeriod(facts.registeredAt, period));
    }
    case 'runningTasksCount': {
      const count = parseCount(value);
      return (facts) => count !== undefined && ordered(operator, facts.runningTasksCount - count);
    }
    case 'attribute':
    case 'agentConnected':
    case 'ec2InstanceId': {
      const read = textOf(subject);
      const test = textTest(operator, values);
      return (facts) => {
        const text = read(facts);
        return text !== undefined && test(text);
      };
    }
  }
}

function textOf(subject: Subject): (facts: HostFacts) => string | undefined {
  if (subject.kind === 'attribute') return (facts) => facts.attributes.get(subject.name);
  if (subject.kind === 'agentConnected') return (facts) => String(facts.agentConnected);
  return (facts) => facts.id;
}

function textTest(operator: Operator, values: readonly string[]): (text: string) => boolean {
  const [value = ''] = values;
  if (operator === 'exists') return () => true;
  if (operator === 'in') return (text) => values.includes(text);
  if (operator === '=~') {
    const result = parseRegex(value);
    return (text) => result.ok && result.regex.matches(text);
  }
  if (operator === '==') return (text) => text === value;
  return (text) => ordered(operator, compareTexts(text, value));
}

/** Whether a value stands as the operator asks, by how far it is above the wanted one. */
const orders: Partial<Record<Operator, (difference: number) => boolean>> = {
  '==': (difference) => difference === 0,
  '>': (difference) => difference > 0,
  '>=': (difference) => difference >= 0,
  '<': (difference) => difference < 0,
  '<=': (difference) => difference <= 0,
};

function ordered(operator: Operator, difference: number): boolean {
  return orders[operator]?.(difference) ?? false;
}
