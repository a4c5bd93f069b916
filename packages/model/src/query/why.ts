// Says, for a person, what about a host makes an expression false.
import type { Comparison, Expression, HostFacts } from './expression.ts';
import { evaluateQuery } from './evaluate.ts';
import { printQuery, printSubject } from './print.ts';

/**
 * What would have to be different for the expression to hold, e.g. `attribute:stack is "test"`; of an
 * `and` the first part that fails, of an `or` all parts. Undefined where it holds. Pure.
 */
export function whyNot(expression: Expression, facts: HostFacts): string | undefined {
  if (evaluateQuery(expression, facts)) return undefined;
  switch (expression.kind) {
    case 'and': {
      const failing = expression.operands.find((operand) => !evaluateQuery(operand, facts));
      return failing && whyNot(failing, facts);
    }
    case 'or': {
      const reasons = expression.operands.map((operand) => whyNot(operand, facts) ?? '');
      return [...new Set(reasons)].join(', ');
    }
    case 'not':
      return `${printQuery(expression.operand)} holds`;
    case 'comparison':
      return state(expression, facts);
  }
}

function state({ subject }: Comparison, facts: HostFacts): string {
  const name = printSubject(subject);
  switch (subject.kind) {
    case 'attribute': {
      const value = facts.attributes.get(subject.name);
      return value === undefined ? `${name} is missing` : `${name} is "${value}"`;
    }
    case 'task:group': {
      const groups = [...facts.groups.keys()].sort();
      return groups.length === 0 ? 'no task is on it' : `${name} is ${groups.join(', ')}`;
    }
    case 'agentConnected':
      return `${name} is ${String(facts.agentConnected)}`;
    case 'agentVersion':
      return `${name} is ${facts.agentVersion || 'unknown'}`;
    case 'ec2InstanceId':
      return `${name} is ${facts.id}`;
    case 'registeredAt':
      return `${name} is ${new Date(facts.registeredAt).toISOString()}`;
    case 'runningTasksCount':
      return `${name} is ${facts.runningTasksCount}`;
  }
}
