// What of an input does not hold with the model: required members, sets of words, ranges, lengths, patterns. Pure.
import type { Member, ServiceModel } from '../models/model.ts';
import { patternOf, structureOf } from '../models/services.ts';
import { Fault } from './fault.ts';
import type { Plain } from './json-input.ts';

export interface Violation {
  /** Names from the input down to the value; numbers are places in lists, from 0. */
  readonly path: readonly (string | number)[];
  /** The structure that the member belongs to. */
  readonly structure: string;
  readonly value: unknown;
  readonly kind: 'required' | 'words' | 'min' | 'max' | 'shortest' | 'longest' | 'pattern';
  readonly shape: Member;
}

/** More than these are not looked for. */
const MOST = 20;

export function violationsOf(model: ServiceModel, structure: string, input: Plain): Violation[] {
  const found: Violation[] = [];
  const inStructure = (name: string, value: Plain, path: Violation['path']): void => {
    for (const [member, shape] of Object.entries(structureOf(model, name).members)) {
      if (found.length >= MOST) return;
      const part = value[member];
      const at = [...path, member];
      if (part !== undefined) inValue(shape, part, at, name);
      else if (shape.required) {
        found.push({ path: at, structure: name, value: undefined, kind: 'required', shape });
      }
    }
  };
  const inValue = (
    shape: Member,
    value: unknown,
    path: Violation['path'],
    structureName: string,
  ): void => {
    if (found.length >= MOST) return;
    const kind = violatedBy(model, shape, value);
    if (kind !== undefined) found.push({ path, structure: structureName, value, kind, shape });
    if (shape.structure !== undefined) inStructure(shape.structure, value as Plain, path);
    const { item } = shape;
    if (!item) return;
    if (Array.isArray(value)) {
      value.forEach((part, index) => inValue(item, part, [...path, index], structureName));
    } else {
      for (const [key, part] of Object.entries(value as Plain)) {
        inValue(item, part, [...path, key], structureName);
      }
    }
  };
  inStructure(structure, input, []);
  return found;
}

function violatedBy(
  model: ServiceModel,
  shape: Member,
  value: unknown,
): Violation['kind'] | undefined {
  const { words, min, max, pattern } = shape;
  if (typeof value === 'number') {
    if (min !== undefined && value < min) return 'min';
    return max !== undefined && value > max ? 'max' : undefined;
  }
  if (typeof value === 'string') {
    if (words !== undefined && !(model.words[words] ?? []).includes(value)) return 'words';
  }
  const size = sizeOf(value);
  if (size === undefined) return undefined;
  if (min !== undefined && size < min) return 'shortest';
  if (max !== undefined && size > max) return 'longest';
  // Only now: of a text of bounded length.
  const fits = pattern === undefined || typeof value !== 'string' || patternOf(pattern).test(value);
  return fits ? undefined : 'pattern';
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : undefined;
}

/** In the words of the validation that most of AWS's services share. @param code ValidationError or ValidationException */
export function validationFault(
  model: ServiceModel,
  code: string,
  violations: readonly Violation[],
): Fault {
  const count = violations.length;
  const texts = violations.map((violation) => {
    const { kind, shape } = violation;
    const what = `Value ${shownValue(violation.value)} at '${dotted(violation.path)}'`;
    return `${what} failed to satisfy constraint: ${constraintText(model, kind, shape)}`;
  });
  const opening = `${count} validation error${count === 1 ? '' : 's'} detected: `;
  return new Fault(code, opening + texts.join('; '));
}

function constraintText(model: ServiceModel, kind: Violation['kind'], shape: Member): string {
  switch (kind) {
    case 'required':
      return 'Member must not be null';
    case 'words':
      return `Member must satisfy enum value set: [${(model.words[shape.words ?? ''] ?? []).join(', ')}]`;
    case 'min':
      return `Member must have value greater than or equal to ${shape.min ?? ''}`;
    case 'max':
      return `Member must have value less than or equal to ${shape.max ?? ''}`;
    case 'shortest':
      return `Member must have length greater than or equal to ${shape.min ?? ''}`;
    case 'longest':
      return `Member must have length less than or equal to ${shape.max ?? ''}`;
    case 'pattern':
      return `Member must satisfy regular expression pattern: ${shape.pattern ?? ''}`;
  }
}

const LONGEST_SHOWN = 500;

function shownValue(value: unknown): string {
  if (value === undefined) return 'null';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `'${text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`}'`;
}

/** `actions.1.member.type` */
function dotted(path: Violation['path']): string {
  return path
    .map((part) =>
      typeof part === 'number'
        ? `${part + 1}.member`
        : part.slice(0, 100).replace(/^[A-Z]/, (letter) => letter.toLowerCase()),
    )
    .join('.');
}
