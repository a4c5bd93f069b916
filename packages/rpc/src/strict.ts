// Checks a JSON value that a person wrote against a message, before protobuf would quietly drop, round
// or convert what does not fit. Field names are ECS's, in camelCase; `null` counts as absent, as in ECS's own JSON.
import type { MessageName } from '@berth/model/generated/messages.ts';
import protobuf from 'protobufjs';

import { protoRoot } from './protos.ts';
import { nearest } from './nearest.ts';
import { wordsOf } from './words.ts';

export interface JsonProblem {
  /** `containerDefinitions[0].portMapings`; empty for the whole value. */
  readonly path: string;
  /** What was found and what was expected there, a sentence without its subject: `unknown field; did you mean "portMappings"?` */
  readonly message: string;
}

/** Every problem of the value, in its own order. Empty: `complete(message, value)` loses nothing of it. Pure. */
export function jsonProblems(message: MessageName, value: unknown): JsonProblem[] {
  const problems: JsonProblem[] = [];
  visitMessage(protoRoot().lookupType(`berth.v1.${message}`), value, '', problems);
  return problems;
}

/** A problem as a line for people: `containerDefinitions[0].cpu: expected an integer, found "512"`. */
export function formatProblem({ path, message }: JsonProblem): string {
  return path === '' ? message : `${path}: ${message}`;
}

function visitMessage(
  type: protobuf.Type,
  value: unknown,
  path: string,
  problems: JsonProblem[],
): void {
  if (!isObject(value)) {
    problems.push({ path, message: `expected an object, found ${show(value)}` });
    return;
  }
  for (const [name, part] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    const field = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    if (field) visitField(field, part, at, problems);
    else problems.push({ path: at, message: unknownField(type, name) });
  }
}

function unknownField(type: protobuf.Type, name: string): string {
  const suggestion = nearest(name, Object.keys(type.fields));
  return suggestion === undefined
    ? 'unknown field'
    : `unknown field; did you mean "${suggestion}"?`;
}

function visitField(
  field: protobuf.Field,
  value: unknown,
  path: string,
  problems: JsonProblem[],
): void {
  if (value === null || value === undefined) return;
  if (field.map) {
    if (!isObject(value)) {
      problems.push({ path, message: `expected an object, found ${show(value)}` });
      return;
    }
    for (const [key, item] of Object.entries(value)) {
      visitValue(field, item, `${path}[${JSON.stringify(key)}]`, problems);
    }
  } else if (field.repeated) {
    if (!Array.isArray(value)) {
      problems.push({ path, message: `expected a list, found ${show(value)}` });
      return;
    }
    value.forEach((item, index) => visitValue(field, item, `${path}[${index}]`, problems));
  } else visitValue(field, value, path, problems);
}

function visitValue(
  field: protobuf.Field,
  value: unknown,
  path: string,
  problems: JsonProblem[],
): void {
  if (field.resolvedType instanceof protobuf.Type) {
    visitMessage(field.resolvedType, value, path, problems);
    return;
  }
  const message = scalarProblem(field, value);
  if (message !== undefined) problems.push({ path, message });
}

function scalarProblem(field: protobuf.Field, value: unknown): string | undefined {
  switch (field.type) {
    case 'string': {
      if (typeof value !== 'string') return `expected a string, found ${show(value)}`;
      const words = wordsOf(field);
      return words === undefined || words.includes(value) ? undefined : unknownWord(value, words);
    }
    case 'bool':
      return typeof value === 'boolean'
        ? undefined
        : `expected true or false, found ${show(value)}`;
    case 'int32':
      return isInteger(value, 2 ** 31 - 1)
        ? undefined
        : `expected an integer, found ${show(value)}`;
    case 'int64':
      return isInteger(value, Number.MAX_SAFE_INTEGER)
        ? undefined
        : `expected an integer, found ${show(value)}`;
    case 'double':
      return typeof value === 'number' ? undefined : `expected a number, found ${show(value)}`;
    default:
      return `can't be given in JSON`;
  }
}

function unknownWord(value: string, words: readonly string[]): string {
  const suggestion = nearest(value, words);
  const expected = words.map((word) => `"${word}"`).join(', ');
  const hint = suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
  return `expected ${words.length === 1 ? expected : `one of ${expected}`}, found ${show(value)}${hint}`;
}

function isInteger(value: unknown, limit: number): boolean {
  return Number.isInteger(value) && Math.abs(value as number) <= limit;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? typeof value : text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
