// Reads a query of the cluster query language into an expression, by recursive descent.
// Precedence: not, and, or; words of the language in any case; `not` stands before one term.
import { parseRegex } from '../regex/regex.ts';
import { MAX_QUERY_DEPTH, MAX_QUERY_LENGTH } from './expression.ts';
import type { Comparison, Expression, Operator, Subject } from './expression.ts';
import { QuerySyntaxError, tokenize } from './lexer.ts';
import type { Token } from './lexer.ts';
import { parseCount, parseDate, parseVersion } from './values.ts';

export type QueryResult =
  | { readonly ok: true; readonly expression: Expression }
  | {
      readonly ok: false;
      /** Where it went wrong, counted from 1. */
      readonly column: number;
      readonly expected: string;
      readonly found: string;
      /** All of it in a sentence. */
      readonly message: string;
    };

/**
 * Read a query.
 * @param query at most 2000 characters and 50 levels deep
 * @returns the expression, or where the query is wrong and what was expected there
 * Pure. Never throws.
 */
export function parseQuery(query: string): QueryResult {
  try {
    if (query.length > MAX_QUERY_LENGTH) {
      throw new QuerySyntaxError(
        MAX_QUERY_LENGTH + 1,
        `at most ${MAX_QUERY_LENGTH} characters`,
        `${query.length}`,
      );
    }
    const tokens = new Tokens(tokenize(query));
    const expression = orExpression(tokens, 0);
    tokens.end();
    return { ok: true, expression };
  } catch (error) {
    if (!(error instanceof QuerySyntaxError)) throw error;
    const { column, expected, found, message } = error;
    return { ok: false, column, expected, found, message };
  }
}

class Tokens {
  readonly #tokens: readonly Token[];
  #at = 0;
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }
  get current(): Token {
    return this.#tokens[this.#at] as Token;
  }
  next(): Token {
    const token = this.current;
    if (token.kind !== 'end') this.#at += 1;
    return token;
  }
  /** Consumes one of these signs, or a word of the same spelling in any case. */
  take(...spellings: readonly string[]): string | undefined {
    const { kind, text } = this.current;
    if (kind !== 'sign' && kind !== 'word') return undefined;
    const spelling = text.toLowerCase();
    if (!spellings.includes(spelling)) return undefined;
    this.next();
    return spelling;
  }
  demand(sign: string): void {
    if (this.take(sign) === undefined) this.fail(`"${sign}"`);
  }
  end(): void {
    if (this.current.kind !== 'end') this.fail('"and", "or" or the end');
  }
  fail(expected: string, token: Token = this.current): never {
    const found = token.kind === 'end' ? 'the end' : JSON.stringify(token.text);
    throw new QuerySyntaxError(token.column, expected, found);
  }
}

function orExpression(tokens: Tokens, depth: number): Expression {
  return chain(tokens, 'or', '||', () => andExpression(tokens, depth));
}

function andExpression(tokens: Tokens, depth: number): Expression {
  return chain(tokens, 'and', '&&', () => notExpression(tokens, depth));
}

function chain(
  tokens: Tokens,
  kind: 'or' | 'and',
  sign: string,
  term: () => Expression,
): Expression {
  const first = term();
  const operands = [first];
  while (tokens.take(kind, sign) !== undefined) operands.push(term());
  return operands.length === 1 ? first : { kind, operands };
}

function notExpression(tokens: Tokens, depth: number): Expression {
  if (tokens.take('not', '!') === undefined) return primary(tokens, depth);
  return { kind: 'not', operand: primary(tokens, depth) };
}

function primary(tokens: Tokens, depth: number): Expression {
  const opening = tokens.current;
  if (tokens.take('(') === undefined) return comparison(tokens);
  if (depth >= MAX_QUERY_DEPTH) tokens.fail(`at most ${MAX_QUERY_DEPTH} open parentheses`, opening);
  const inner = orExpression(tokens, depth + 1);
  if (tokens.take(')') === undefined) tokens.fail('"and", "or" or ")"');
  return inner;
}

function comparison(tokens: Tokens): Comparison {
  const subject = subjectOf(tokens);
  const at = tokens.current;
  const operator = operatorOf(tokens);
  const allowed = operatorsOf(subject);
  if (!allowed.includes(operator)) {
    tokens.fail(`an operator of ${subject.kind} (${allowed.join(' ')})`, at);
  }
  const values = valuesOf(tokens, subject, operator);
  return { kind: 'comparison', subject, operator, values };
}

const ATTRIBUTE = 'attribute:';
const SUBJECTS = [
  'task:group',
  'agentConnected',
  'agentVersion',
  'ec2InstanceId',
  'registeredAt',
  'runningTasksCount',
] as const;

function subjectOf(tokens: Tokens): Subject {
  const token = tokens.current;
  if (token.kind !== 'word') tokens.fail('an expression');
  tokens.next();
  if (token.text.startsWith(ATTRIBUTE)) {
    const name = token.text.slice(ATTRIBUTE.length);
    if (!/^[A-Za-z0-9_./-]{1,128}$/.test(name)) {
      tokens.fail('attribute: and a name of 1 to 128 letters, digits, "_", ".", "/" or "-"', token);
    }
    return { kind: 'attribute', name };
  }
  const kind = SUBJECTS.find((subject) => subject === token.text);
  return kind ? { kind } : tokens.fail(`attribute:NAME, ${SUBJECTS.join(', ')}`, token);
}

const OPERATORS = new Map<string, Operator>([
  ['==', '=='],
  ['equals', '=='],
  ['!=', '!='],
  ['not_equals', '!='],
  ['>', '>'],
  ['greater_than', '>'],
  ['>=', '>='],
  ['greater_than_equal', '>='],
  ['<', '<'],
  ['less_than', '<'],
  ['<=', '<='],
  ['less_than_equal', '<='],
  ['=~', '=~'],
  ['matches', '=~'],
  ['!~', '!~'],
  ['not_matches', '!~'],
  ['in', 'in'],
  ['not_in', 'not_in'],
  ['exists', 'exists'],
  ['not_exists', 'not_exists'],
]);

function operatorOf(tokens: Tokens): Operator {
  const expected = 'an operator (== != > >= < <= =~ !~ in !in exists !exists)';
  if (tokens.take('!') !== undefined) {
    const word = tokens.take('in', 'exists');
    if (word === undefined) tokens.fail('"in" or "exists"');
    return word === 'in' ? 'not_in' : 'not_exists';
  }
  const spelling = tokens.take(...OPERATORS.keys());
  return OPERATORS.get(spelling ?? '') ?? tokens.fail(expected);
}

const EQUALITY = ['==', '!='] as const;
const ORDER = ['>', '>=', '<', '<='] as const;
const TEXT = [...EQUALITY, 'in', 'not_in', '=~', '!~'] as const;

function operatorsOf(subject: Subject): readonly Operator[] {
  switch (subject.kind) {
    case 'attribute':
      return [...TEXT, ...ORDER, 'exists', 'not_exists'];
    case 'task:group':
    case 'agentConnected':
    case 'ec2InstanceId':
      return TEXT;
    case 'agentVersion':
    case 'registeredAt':
    case 'runningTasksCount':
      return [...EQUALITY, ...ORDER];
  }
}

function valuesOf(tokens: Tokens, subject: Subject, operator: Operator): readonly string[] {
  if (operator === 'exists' || operator === 'not_exists') return [];
  if (operator !== 'in' && operator !== 'not_in') return [value(tokens, subject, operator)];
  tokens.demand('[');
  const values = [value(tokens, subject, operator)];
  while (tokens.take(',') !== undefined) values.push(value(tokens, subject, operator));
  if (tokens.take(']') === undefined) tokens.fail('"," or "]"');
  return values;
}

function value(tokens: Tokens, subject: Subject, operator: Operator): string {
  const token = tokens.next();
  if (token.kind !== 'word' && token.kind !== 'string') {
    tokens.fail(
      'a value; put it in quotes if it holds spaces, brackets, commas or parentheses',
      token,
    );
  }
  const { text } = token;
  const { current } = tokens;
  const glued = token.kind === 'word' && current.column === token.column + text.length;
  if (glued && (current.text === '[' || current.text === '(')) {
    tokens.fail('quotes around a value that holds brackets or parentheses');
  }
  if (operator === '=~' || operator === '!~') {
    const result = parseRegex(text);
    if (!result.ok) {
      const column = token.column + result.column - (token.kind === 'string' ? 0 : 1);
      throw new QuerySyntaxError(column, 'a regular expression', `one where ${result.problem}`);
    }
  } else {
    const type = typeOf(subject);
    if (type && !type.accepts(text)) tokens.fail(type.name, token);
  }
  return text;
}

function typeOf(
  subject: Subject,
): { name: string; accepts: (text: string) => boolean } | undefined {
  switch (subject.kind) {
    case 'agentConnected':
      return { name: '"true" or "false"', accepts: (text) => text === 'true' || text === 'false' };
    case 'agentVersion':
      return {
        name: 'a version like 1.2.3',
        accepts: (text) => /^[\d.]+$/.test(text) && parseVersion(text) !== undefined,
      };
    case 'registeredAt':
      return {
        name: 'a date like 2018-06-18 or 2018-06-18T22:28:28Z',
        accepts: (text) => parseDate(text) !== undefined,
      };
    case 'runningTasksCount':
      return { name: 'a whole number', accepts: (text) => parseCount(text) !== undefined };
    case 'attribute':
    case 'task:group':
    case 'ec2InstanceId':
      return undefined;
  }
}
