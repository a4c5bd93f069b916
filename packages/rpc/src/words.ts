// Closed sets of words: a string field with the option (values) holds one of them. protobuf knows nothing
// of it, so every request is checked here once it is decoded.
import type { MessageName } from '@berth/model/generated/messages.ts';
import protobuf from 'protobufjs';

import { protoRoot } from './protos.ts';

export interface UnknownWord {
  /** `networkMode`, `containerDefinitions[0].portMappings[1].protocol` */
  readonly path: string;
  readonly found: string;
  readonly expected: readonly string[];
}

/** The words that a field may hold; undefined where any text will do. */
export function wordsOf(field: protobuf.Field): readonly string[] | undefined {
  const option: unknown = field.options?.['(values)'];
  return typeof option === 'string' ? option.split(' ') : undefined;
}

/** Every word of a decoded message that is not of its field's set. An empty text is an absent one. */
export function unknownWords(message: MessageName, value: unknown): UnknownWord[] {
  const found: UnknownWord[] = [];
  visit(protoRoot().lookupType(`berth.v1.${message}`), value, '', found);
  return found;
}

const relevant = new Map<protobuf.Type, boolean>();

/** Whether any field at or below this message has words, so that the rest need not be walked. */
function hasWords(type: protobuf.Type): boolean {
  const known = relevant.get(type);
  if (known !== undefined) return known;
  relevant.set(type, false); // for a message that contains itself
  const result = type.fieldsArray.some(
    (field) =>
      wordsOf(field) !== undefined ||
      (field.resolvedType instanceof protobuf.Type && hasWords(field.resolvedType)),
  );
  relevant.set(type, result);
  return result;
}

function visit(type: protobuf.Type, value: unknown, path: string, found: UnknownWord[]): void {
  if (!hasWords(type)) return;
  for (const field of type.fieldsArray) {
    const part = (value as Record<string, unknown>)[field.name];
    if (part === undefined || part === null) continue;
    const at = path === '' ? field.name : `${path}.${field.name}`;
    for (const [where, item] of itemsOf(field, part, at)) {
      if (field.resolvedType instanceof protobuf.Type)
        visit(field.resolvedType, item, where, found);
      else {
        const expected = wordsOf(field);
        if (!expected) break;
        if (item !== '' && !expected.includes(item as string)) {
          found.push({ path: where, found: String(item), expected });
        }
      }
    }
  }
}

function itemsOf(field: protobuf.Field, part: unknown, at: string): [string, unknown][] {
  if (field.map) {
    return Object.entries(part as object).map(([key, item]) => [
      `${at}["${key}"]`,
      item as unknown,
    ]);
  }
  if (field.repeated) {
    return (part as unknown[]).map((item, index) => [`${at}[${index}]`, item]);
  }
  return [[at, part]];
}
