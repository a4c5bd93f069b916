// The condition operators of policies: what each checks in a value, and how it compares. Pure.
// Source: ECS reference, section 12.1; IAM's "policy elements: condition operators".
import { blockContains, parseAddress, parseBlock } from '../routing/address.ts';
import { matchesPattern } from '../routing/pattern.ts';
import { type RequestContext, arnFits, expand, expandPattern } from './template.ts';

/** Does a value of the request fit one of the policy's? Undefined: a variable has no value. */
type Compare = (wanted: string, found: string, scope: Scope) => boolean | undefined;

export interface Scope {
  readonly variables: boolean;
  readonly context: RequestContext;
}

export interface Operator {
  /** The condition is that no value fits. */
  readonly negated: boolean;
  readonly compare: Compare;
  /** What a value in a policy must be; undefined: any text. */
  readonly expects?: string;
  readonly accepts?: (value: string) => boolean;
}

const plain =
  (equal: (wanted: string, found: string) => boolean): Compare =>
  (wanted, found, { variables, context }) => {
    const text = expand(wanted, variables, context);
    return text === undefined ? undefined : equal(text, found);
  };

const like: Compare = (wanted, found, { variables, context }) => {
  const pattern = expandPattern(wanted, variables, context);
  return pattern && matchesPattern(pattern, found);
};

const arn: Compare = (wanted, found, { variables, context }) =>
  arnFits(wanted, variables, context, found);

const numeric = (fits: (found: number, wanted: number) => boolean): Compare => {
  return (wanted, found) => {
    const [a, b] = [numberOf(found), numberOf(wanted)];
    return a !== undefined && b !== undefined && fits(a, b);
  };
};

const date = (fits: (found: number, wanted: number) => boolean): Compare => {
  return (wanted, found) => {
    const [a, b] = [timeOf(found), timeOf(wanted)];
    return a !== undefined && b !== undefined && fits(a, b);
  };
};

const address: Compare = (wanted, found) => {
  const [block, bytes] = [parseBlock(wanted), parseAddress(found)];
  return block !== undefined && bytes !== undefined && blockContains(block, bytes);
};

const ORDERS: readonly (readonly [string, (a: number, b: number) => boolean, boolean])[] = [
  ['Equals', (a, b) => a === b, false],
  ['NotEquals', (a, b) => a === b, true],
  ['LessThan', (a, b) => a < b, false],
  ['LessThanEquals', (a, b) => a <= b, false],
  ['GreaterThan', (a, b) => a > b, false],
  ['GreaterThanEquals', (a, b) => a >= b, false],
];

const exact = plain((wanted, found) => wanted === found);
const folded = plain((wanted, found) => wanted.toLowerCase() === found.toLowerCase());
const numbers = { expects: 'a number', accepts: (text: string) => numberOf(text) !== undefined };
const times = {
  expects: 'a time of ISO 8601, or seconds since 1970',
  accepts: (text: string) => timeOf(text) !== undefined,
};
const blocks = {
  expects: 'an IP address or a block of them such as 203.0.113.0/24',
  accepts: (text: string) => parseBlock(text) !== undefined,
};
const truth = { expects: 'true or false', accepts: (text: string) => /^(true|false)$/i.test(text) };

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['StringEquals', { negated: false, compare: exact }],
  ['StringNotEquals', { negated: true, compare: exact }],
  ['StringEqualsIgnoreCase', { negated: false, compare: folded }],
  ['StringNotEqualsIgnoreCase', { negated: true, compare: folded }],
  ['StringLike', { negated: false, compare: like }],
  ['StringNotLike', { negated: true, compare: like }],
  ['ArnEquals', { negated: false, compare: arn }],
  ['ArnNotEquals', { negated: true, compare: arn }],
  ['ArnLike', { negated: false, compare: arn }],
  ['ArnNotLike', { negated: true, compare: arn }],
  ['Bool', { negated: false, compare: folded, ...truth }],
  ['BinaryEquals', { negated: false, compare: exact }],
  ['IpAddress', { negated: false, compare: address, ...blocks }],
  ['NotIpAddress', { negated: true, compare: address, ...blocks }],
  ...ORDERS.flatMap(([name, fits, negated]): (readonly [string, Operator])[] => [
    [`Numeric${name}`, { negated, compare: numeric(fits), ...numbers }],
    [`Date${name}`, { negated, compare: date(fits), ...times }],
  ]),
]);

export type Qualifier = 'ForAllValues' | 'ForAnyValue';

export interface OperatorUse {
  /** Undefined: Null, which asks whether there is a value at all. */
  readonly operator: Operator | undefined;
  readonly qualifier: Qualifier | undefined;
  readonly ifExists: boolean;
}

const USE = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/;

/** `ForAnyValue:StringLikeIfExists` and so on; undefined for what is no operator. */
export function operatorNamed(text: string): OperatorUse | undefined {
  const [, qualifier, name = '', ifExists] = USE.exec(text) ?? [];
  if (name === 'Null') {
    if (ifExists !== undefined) return undefined;
    return { operator: undefined, qualifier: qualifier as Qualifier | undefined, ifExists: false };
  }
  const operator = OPERATORS.get(name);
  if (!operator) return undefined;
  return {
    operator,
    qualifier: qualifier as Qualifier | undefined,
    ifExists: ifExists !== undefined,
  };
}

export const OPERATOR_NAMES: readonly string[] = [...OPERATORS.keys(), 'Null'];

/** Of a value for Null and Bool. */
export const isTruth = truth.accepts;

function numberOf(text: string): number | undefined {
  return /^\s*-?\d+(\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/;
const ZONE = /(Z|[+-]\d\d:?\d\d)$/;

/** A time without a zone is UTC. */
function timeOf(text: string): number | undefined {
  const seconds = numberOf(text);
  if (seconds !== undefined) return seconds * 1000;
  if (!ISO.test(text)) return undefined;
  const ms = Date.parse(text.includes('T') && !ZONE.test(text) ? `${text}Z` : text);
  return Number.isNaN(ms) ? undefined : ms;
}
