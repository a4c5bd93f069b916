// Reads protobuf bytes into the plain objects of `@berth/model/generated` in one pass: for each message a function is written that
// does nothing but that. What protobufjs decodes would have to be copied field by field. Source: protobuf.dev, Encoding.
import protobuf from 'protobufjs';

import { compile, isOptional, type Scope, WIRE, wireOf } from './message-code.ts';

/** Reads so many bytes. @throws Error when they are no such message or an integer is beyond 2^53 */
export type MessageReader = (from: protobuf.Reader, length: number) => object;

const SCALARS = new Set(['string', 'bytes', 'bool', 'int32', 'int64', 'uint64', 'double']);
const noBytes = Buffer.alloc(0);
/** Every empty list, and every empty map: a million records have millions of them. */
const none = Object.freeze([]);
const noEntries = Object.freeze({});

const readers = new Map<protobuf.Type, MessageReader>();

/**
 * Lists, maps and required scalars that the bytes lack are filled in, empty lists and maps frozen; what is optional and absent is left out.
 * uint64 is a text of digits.
 */
export function messageReader(type: protobuf.Type): MessageReader {
  const known = readers.get(type);
  if (known) return known;
  let read: MessageReader = () => {
    throw new Error(`the reader of ${type.name} was used before it was written`);
  };
  readers.set(type, (from, length) => read(from, length)); // a message may contain itself
  read = writeReader(type);
  readers.set(type, read);
  return read;
}

/** A field and the variable that holds what was read of it. */
interface Local {
  readonly field: protobuf.Field;
  readonly local: string;
}

function writeReader(type: protobuf.Type): MessageReader {
  const scope: Scope = { ...calls };
  const fields = type.fieldsArray.map((field, at): Local => ({ field, local: `f${at}` }));
  const names = fields.map(({ local }) => local);
  scope['Message'] = writeConstructor(type, names, fields);
  return compile(`read${type.name}`, ['r', 'length'], scope, [
    ...fields.map(({ field, local }) => `let ${local} = ${initial(field)}`),
    ...loop(
      type.name,
      fields.flatMap(({ field, local }) => cases(field, local, scope)),
    ),
    `return new Message(${names.join(', ')})`,
  ]) as MessageReader;
}

/**
 * Objects that a constructor makes have all their fields in one piece of memory; their prototype is that of any plain object.
 * A field that is absent is not set.
 */
function writeConstructor(
  type: protobuf.Type,
  names: readonly string[],
  fields: readonly Local[],
): object {
  const lines = fields.map(({ field, local }) => {
    const set = `this.${field.name} = ${field.map ? `mapOf(${local})` : local}`;
    return isOptional(field) ? `if (${local} !== undefined) ${set}` : set;
  });
  const made = compile(type.name, names, { mapOf }, lines) as { prototype: object };
  made.prototype = Object.prototype;
  return made;
}

function mapOf(entries: readonly (readonly [string, unknown])[]): object {
  return entries.length === 0 ? noEntries : Object.fromEntries(entries);
}

/** Takes one field after the other until the message is over. */
function loop(name: string, cases: readonly string[]): string[] {
  return [
    'const end = r.pos + length',
    'while (r.pos < end) {',
    'const tag = r.uint32()',
    'switch (tag) {',
    ...cases,
    'default: r.skipType(tag & 7)',
    '}',
    '}',
    `if (r.pos !== end) overrun(${JSON.stringify(name)})`,
  ];
}

function initial(field: protobuf.Field): string {
  if (field.map) return '[]';
  if (field.repeated) return 'none';
  if (isOptional(field)) return 'undefined';
  return field.type === 'bytes' ? 'noBytes' : JSON.stringify(zeroOf(field));
}

function zeroOf({ type }: protobuf.Field): string | boolean | number {
  if (type === 'string') return '';
  if (type === 'uint64') return '0';
  return type === 'bool' ? false : 0;
}

/** What to do at the tags of a field; a tag of another wire type is skipped like an unknown field. */
function cases(field: protobuf.Field, local: string, scope: Scope): string[] {
  const tag = (wire: number): number => (field.id << 3) | wire;
  if (field instanceof protobuf.MapField) {
    scope[`entry${local}`] = entryReader(field);
    return [`case ${tag(WIRE.delimited)}: ${local}.push(entry${local}(r, r.uint32())); break`];
  }
  const one = valueOf(field, local, scope);
  if (!field.repeated) return [`case ${tag(wireOf(field))}: ${local} = ${one}; break`];
  // A list that begins with its first value has room for one; an empty one that grows takes room for many.
  const add = `{ const x = ${one}; if (${local} === none) ${local} = [x]; else ${local}.push(x) }`;
  const lines = [`case ${tag(wireOf(field))}: ${add} break`];
  if (wireOf(field) !== WIRE.delimited) {
    lines.push(
      `case ${tag(WIRE.delimited)}: { const last = r.uint32() + r.pos; while (r.pos < last) ${add} break }`,
    );
  }
  return lines;
}

/** The expression that reads one value. */
function valueOf(field: protobuf.Field, local: string, scope: Scope): string {
  if (field.resolvedType instanceof protobuf.Type) {
    const { resolvedType } = field;
    let read: MessageReader | undefined;
    scope[`read${local}`] = (from: protobuf.Reader, length: number) =>
      (read ??= messageReader(resolvedType))(from, length);
    return `read${local}(r, r.uint32())`;
  }
  if (!SCALARS.has(field.type)) throw new Error(`${field.fullName}: no reader for ${field.type}`);
  if (field.type === 'string') {
    scope[`names${local}`] = new Names();
    return `text(r, names${local})`;
  }
  if (field.type === 'uint64') return 'String(r.uint64())';
  if (field.type === 'int64') return `int64(r, ${JSON.stringify(field.fullName)})`;
  return field.type === 'bytes' ? 'bytes(r)' : `r.${field.type}()`;
}

/** A map's entry is a message with a key and a value. */
function entryReader(field: protobuf.MapField): MessageReader {
  const key = new protobuf.Field('key', 1, field.keyType);
  const value = new protobuf.Field('value', 2, field.type);
  value.resolvedType = field.resolvedType;
  const scope: Scope = { ...calls };
  const both = [...cases(key, 'key', scope), ...cases(value, 'value', scope)];
  const absent = isOptional(value) ? 'readvalue(r, 0)' : initial(value);
  return compile(`read${field.name}Entry`, ['r', 'length'], scope, [
    `let key = ${initial(key)}`,
    'let value',
    ...loop(field.name, both),
    `return [key, value === undefined ? ${absent} : value]`,
  ]) as MessageReader;
}

function overrun(name: string): never {
  throw new RangeError(`a ${name} reads over its end`);
}

/** Where a value of so many bytes ends. */
function endOf(from: protobuf.Reader): number {
  const end = from.uint32() + from.pos;
  if (end > from.len) throw new RangeError(`a value of ${end - from.pos} bytes ends too early`);
  return end;
}

/** A copy: what is read stays when the bytes that it was read from are used again. */
function bytes(from: protobuf.Reader): Buffer {
  const end = endOf(from);
  const value = end === from.pos ? noBytes : Buffer.from(from.buf.subarray(from.pos, end));
  from.pos = end;
  return value;
}

/** Longer texts are no names. */
const SHORT = 40;
const NAMES = { first: 2 ** 6, most: 2 ** 14 };
/** Where fewer texts than this share have been read before, no more are kept. */
const WORTHWHILE = 0.25;

/**
 * The texts of one field of a message, to be found again: names and words come again and again, and a record of its own for each
 * time would fill the memory. Where texts are all different, as ids are, that shows, and none are kept any more.
 */
class Names {
  kept: string[] = Array<string>(NAMES.first).fill('');
  isOn = true;
  #found = 0;
  #missed = 0;

  found(): void {
    this.#found += 1;
  }

  keep(place: number, text: string): void {
    this.kept[place] = text;
    this.#missed += 1;
    if (this.#missed < 2 * this.kept.length) return;
    const isWorthwhile = this.#found >= WORTHWHILE * (this.#found + this.#missed);
    const size = Math.min(NAMES.most, 4 * this.kept.length);
    if (size > this.kept.length) this.kept = Array<string>(size).fill('');
    else if (!isWorthwhile) {
      this.isOn = false;
      this.kept = [];
    }
    this.#found = 0;
    this.#missed = 0;
  }
}

function text(from: protobuf.Reader, names: Names): string {
  const end = endOf(from);
  const { buf, pos } = from;
  from.pos = end;
  if (!names.isOn || end - pos > SHORT) return textOf(buf, pos, end);
  let hash = end - pos;
  let high = 0;
  for (let at = pos; at < end; at += 1) {
    const byte = buf[at] as number;
    high |= byte;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  if (high >= 0x80) return textOf(buf, pos, end);
  const place = (hash ^ (hash >>> 15)) & (names.kept.length - 1);
  const found = names.kept[place] as string;
  if (found.length === end - pos && isAt(found, buf, pos)) {
    names.found();
    return found;
  }
  const fresh = textOf(buf, pos, end);
  names.keep(place, fresh);
  return fresh;
}

/** Are the bytes there these characters, all of them ASCII? */
function isAt(found: string, buf: Uint8Array, pos: number): boolean {
  for (let at = 0; at < found.length; at += 1) {
    if (found.charCodeAt(at) !== buf[pos + at]) return false;
  }
  return true;
}

function textOf(buf: Uint8Array, from: number, end: number): string {
  return (buf as Buffer).toString('utf8', from, end);
}

const TWO_TO_28 = 2 ** 28;

/** A varint of 64 bits in two's complement, in parts of 28, 28 and 8 bits. What is beyond 2^53 may be rounded, but stays beyond. */
function int64(from: protobuf.Reader, name: string): number {
  const { buf } = from;
  let at = from.pos;
  let low = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = buf[at++] as number;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) return ((from.pos = at), low);
  }
  let middle = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = buf[at++] as number;
    middle |= (byte & 0x7f) << shift;
    if (byte < 0x80) return ((from.pos = at), safe(middle * TWO_TO_28 + low, name));
  }
  let high = 0;
  for (let shift = 0; shift < 14; shift += 7) {
    const byte = buf[at++] as number;
    high |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      from.pos = at;
      const signed = high < 128 ? high : (high & 0xff) - 256;
      return safe((signed * TWO_TO_28 + middle) * TWO_TO_28 + low, name);
    }
  }
  throw new RangeError(`${name} is no integer of 64 bits`);
}

function safe(value: number, name: string): number {
  if (Number.isSafeInteger(value)) return value;
  throw new Error(`${name}: ${value} is not an integer below 2^53`);
}

/** What the code of readers calls. */
const calls = { int64, text, bytes, noBytes, none, overrun };
