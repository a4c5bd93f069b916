// Event patterns, as EventBridge has them: an object with the fields that an event must have, each with a list of what it may be.
// Pure. Source: ECS reference, section 10 (last paragraph).
import { BerthError } from '../errors.ts';

export type Json =
  string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** An event pattern that has been checked. */
export type EventPattern = JsonObject;

const MOST_BYTES = 4_096;
const MOST_DEPTH = 10;
const OPERATORS = ['prefix', 'suffix', 'equals-ignore-case', 'anything-but', 'exists'] as const;

/** @throws BerthError InvalidParameterException that names the place and says what may stand there */
export function parsePattern(text: string): EventPattern {
  if (text.length > MOST_BYTES) {
    throw refused('pattern', `has ${text.length} characters; it may have ${MOST_BYTES}`);
  }
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch (error) {
    throw refused('pattern', `is no JSON: ${(error as Error).message}`);
  }
  if (!isObject(parsed)) throw refused('pattern', 'must be a JSON object');
  checkFields(parsed, 'pattern', 1);
  return parsed;
}

function checkFields(fields: JsonObject, at: string, depth: number): void {
  if (depth > MOST_DEPTH) throw refused(at, `is nested deeper than ${MOST_DEPTH} levels`);
  if (Object.keys(fields).length === 0) throw refused(at, 'must name at least one field');
  for (const [name, value] of Object.entries(fields)) {
    const place = `${at}.${name}`;
    if (Array.isArray(value)) checkChoices(value as readonly Json[], place);
    else if (isObject(value)) checkFields(value, place, depth + 1);
    else throw refused(place, 'must be a list of what the field may be, or an object');
  }
}

function checkChoices(choices: readonly Json[], at: string): void {
  if (choices.length === 0) throw refused(at, 'lists nothing, so no event would match');
  for (const [index, choice] of choices.entries()) {
    if (Array.isArray(choice)) throw refused(`${at}[${index}]`, 'must not be a list');
    if (isObject(choice)) checkOperator(choice, `${at}[${index}]`);
  }
}

function checkOperator(choice: JsonObject, at: string): void {
  const [name = '', ...more] = Object.keys(choice);
  const operand = choice[name];
  if (more.length > 0 || !OPERATORS.some((operator) => operator === name)) {
    throw refused(at, `must have exactly one of ${OPERATORS.join(', ')}`);
  }
  if (name === 'exists') {
    if (typeof operand !== 'boolean') throw refused(`${at}.exists`, 'must be true or false');
    return;
  }
  if (name !== 'anything-but') {
    if (typeof operand !== 'string') throw refused(`${at}.${name}`, 'must be a text');
    return;
  }
  if (isObject(operand)) {
    const [inner = '', ...others] = Object.keys(operand);
    const text = typeof operand[inner] === 'string';
    if (others.length > 0 || !text || (inner !== 'prefix' && inner !== 'suffix')) {
      throw refused(`${at}.anything-but`, 'must be values, or a prefix or suffix');
    }
    return;
  }
  const values = listOf(operand ?? null);
  if (values.length === 0 || values.some((value) => typeof value === 'object')) {
    throw refused(`${at}.anything-but`, 'must be a text, a number or a list of these');
  }
}

/** Does an event have what the pattern asks for? */
export function matchesPattern(pattern: EventPattern, event: JsonObject): boolean {
  return Object.entries(pattern).every(([name, wanted]) => {
    const found = event[name];
    if (isObject(wanted)) {
      return matchesPattern(wanted, isObject(found) ? found : {});
    }
    return listOf(wanted).some((choice) => isChoice(choice, found));
  });
}

/** Of a list, one element is enough. */
function isChoice(choice: Json, found: Json | undefined): boolean {
  if (isObject(choice) && 'exists' in choice) return (found !== undefined) === choice['exists'];
  if (found === undefined) return false;
  return listOf(found).some((value) => {
    if (!isObject(choice)) return value === choice;
    const { prefix, suffix, 'equals-ignore-case': folded, 'anything-but': excluded } = choice;
    if (excluded !== undefined) {
      return isObject(excluded)
        ? !isChoice(excluded, value)
        : !listOf(excluded).some((each) => each === value);
    }
    if (typeof value !== 'string') return false;
    if (typeof prefix === 'string') return value.startsWith(prefix);
    if (typeof suffix === 'string') return value.endsWith(suffix);
    return typeof folded === 'string' && value.toLowerCase() === folded.toLowerCase();
  });
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [value];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(at: string, problem: string): BerthError {
  return new BerthError('InvalidParameterException', `The event pattern: ${at} ${problem}.`);
}
