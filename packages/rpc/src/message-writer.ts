// Writes plain objects of `@berth/model/generated` as protobuf bytes: for each message a function is written that does nothing
// but that. It writes from the end to the beginning, so that the length of what a message contains is known when it is due.
// Source: protobuf.dev, Encoding; a field that has its zero value is left out, as proto3 has it, unless it is optional.
import protobuf from 'protobufjs';

import { compile, isOptional, type Scope, WIRE, wireOf } from './message-code.ts';

export type MessageWriter = (message: object) => Buffer;

type Write = (out: Output, message: object) => void;

const FIRST_SIZE = 16 * 1024;
/** What is larger is given back after use. */
const KEPT_SIZE = 1024 * 1024;

/** Bytes from `at` to the end. */
class Output {
  buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  at = FIRST_SIZE;

  /** Makes room for so many bytes more, and goes to where they begin. */
  back(size: number): number {
    if (this.at < size) this.#grow(size);
    this.at -= size;
    return this.at;
  }

  /** A copy of what was written; the next message begins anew. */
  take(): Buffer {
    const bytes = Buffer.allocUnsafe(this.buffer.length - this.at);
    this.buffer.copy(bytes, 0, this.at);
    this.reset();
    return bytes;
  }

  reset(): void {
    if (this.buffer.length > KEPT_SIZE) this.buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
    this.at = this.buffer.length;
  }

  #grow(size: number): void {
    const written = this.buffer.length - this.at;
    const grown = Buffer.allocUnsafeSlow(2 * (this.buffer.length + size));
    this.buffer.copy(grown, grown.length - written, this.at);
    this.at = grown.length - written;
    this.buffer = grown;
  }
}

const output = new Output();
const writers = new Map<protobuf.Type, Write>();

/** Absent fields are left out. Integers may also be texts of digits. */
export function messageWriter(type: protobuf.Type): MessageWriter {
  const write = writerOf(type);
  return (message) => {
    try {
      write(output, message);
      return output.take();
    } catch (error) {
      output.reset();
      throw error;
    }
  };
}

function writerOf(type: protobuf.Type): Write {
  const known = writers.get(type);
  if (known) return known;
  let write: Write = () => {
    throw new Error(`the writer of ${type.name} was used before it was written`);
  };
  writers.set(type, (out, message) => write(out, message)); // a message may contain itself
  const scope: Scope = { ...calls };
  const fields = [...type.fieldsArray].sort((a, b) => b.id - a.id);
  write = compile(`write${type.name}`, ['o', 'm'], scope, [
    'let v',
    ...fields.flatMap((field) => [
      `v = m.${field.name}`,
      `if (v !== undefined && v !== null${ifNotZero(field)}) {`,
      ...linesOf(field, scope),
      '}',
    ]),
  ]) as Write;
  writers.set(type, write);
  return write;
}

function ifNotZero(field: protobuf.Field): string {
  if (field.map || isOptional(field)) return '';
  if (field.repeated || field.type === 'bytes') return ' && v.length > 0';
  if (field.type === 'string') return " && v !== ''";
  if (field.type === 'double') return ' && (v !== 0 || 1 / v < 0)'; // -0 is not its zero value
  return field.type === 'bool' ? ' && v' : ' && v !== 0';
}

function linesOf(field: protobuf.Field, scope: Scope): string[] {
  const tag = (field.id << 3) | WIRE.delimited;
  if (field instanceof protobuf.MapField) {
    const value = new protobuf.Field('value', 2, field.type);
    value.resolvedType = field.resolvedType;
    value.id = field.id; // so that maps don't share a writer in the scope
    const valueTag = (2 << 3) | wireOf(value);
    return [
      'const keys = Object.keys(v)',
      'for (let i = keys.length - 1; i >= 0; i -= 1) {',
      'const entry = o.buffer.length - o.at',
      one(value, 'v[keys[i]]', scope),
      `varint(o, ${valueTag})`,
      'text(o, keys[i])',
      `varint(o, ${(1 << 3) | WIRE.delimited})`,
      ...closing('entry', tag),
      '}',
    ];
  }
  const own = (field.id << 3) | wireOf(field);
  if (!field.repeated) return [one(field, 'v', scope), `varint(o, ${own})`];
  const each = 'for (let i = v.length - 1; i >= 0; i -= 1) ';
  if (own === tag) return [`${each}{`, one(field, 'v[i]', scope), `varint(o, ${tag})`, '}'];
  return [
    'const list = o.buffer.length - o.at',
    each + one(field, 'v[i]', scope),
    ...closing('list', tag),
  ];
}

/** What is written since then gets its length and its tag. The distance from the end stays when the buffer grows. */
function closing(since: string, tag: number): string[] {
  return [`varint(o, o.buffer.length - o.at - ${since})`, `varint(o, ${tag})`];
}

/** The statement that writes one value, with its length where it has one. */
function one(field: protobuf.Field, value: string, scope: Scope): string {
  const { type, resolvedType } = field;
  if (resolvedType instanceof protobuf.Type) {
    let write: Write | undefined;
    const name = `write${field.id}`;
    scope[name] = (out: Output, message: object) => {
      write ??= writerOf(resolvedType);
      const since = out.buffer.length - out.at;
      write(out, message);
      varint(out, out.buffer.length - out.at - since);
    };
    return `${name}(o, ${value})`;
  }
  if (type === 'string') return `text(o, ${value})`;
  if (type === 'bytes') return `bytes(o, ${value})`;
  if (type === 'bool') return `varint(o, ${value} ? 1 : 0)`;
  if (type === 'double') return `double(o, ${value})`;
  return `integer(o, ${value})`;
}

/** @param value from 0 to 2^32 - 1 */
function varint(out: Output, value: number): void {
  if (value < 0x80) {
    const at = out.back(1);
    out.buffer[at] = value;
    return;
  }
  let size = 2;
  for (let rest = value >>> 14; rest > 0; rest >>>= 7) size += 1;
  let at = out.back(size);
  const { buffer } = out;
  for (; size > 1; size -= 1) {
    buffer[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  buffer[at] = value;
}

const TWO_TO_28 = 2 ** 28;
const TWO_TO_56 = 2 ** 56;

/** Of 64 bits in two's complement, in parts of 28, 28 and 8 bits. */
function integer(out: Output, value: number | string): void {
  if (typeof value === 'string') {
    const bits = BigInt.asUintN(64, BigInt(value));
    const [low, middle] = [bits & 0xfffffffn, (bits >> 28n) & 0xfffffffn];
    parts(out, Number(low), Number(middle), Number(bits >> 56n));
  } else if (value >= 0 && value < TWO_TO_28) varint(out, value);
  else {
    const low = ((value % TWO_TO_28) + TWO_TO_28) % TWO_TO_28;
    const rest = Math.floor(value / TWO_TO_28);
    const middle = ((rest % TWO_TO_28) + TWO_TO_28) % TWO_TO_28;
    parts(out, low, middle, value < 0 ? 0xff : Math.floor(value / TWO_TO_56));
  }
}

function parts(out: Output, low: number, middle: number, high: number): void {
  if (high > 0) {
    varint(out, high);
    long28(out, middle);
  } else if (middle > 0) varint(out, middle);
  if (high > 0 || middle > 0) long28(out, low);
  else varint(out, low);
}

/** 28 bits, with more to follow. */
function long28(out: Output, value: number): void {
  const at = out.back(4);
  const { buffer } = out;
  buffer[at] = (value & 0x7f) | 0x80;
  buffer[at + 1] = ((value >>> 7) & 0x7f) | 0x80;
  buffer[at + 2] = ((value >>> 14) & 0x7f) | 0x80;
  buffer[at + 3] = (value >>> 21) | 0x80;
}

function double(out: Output, value: number): void {
  const at = out.back(8);
  out.buffer.writeDoubleLE(value, at);
}

function bytes(out: Output, value: Uint8Array): void {
  const at = out.back(value.length);
  out.buffer.set(value, at);
  varint(out, value.length);
}

/** Longer texts are left to Node. */
const SHORT = 48;

function text(out: Output, value: string): void {
  const { length } = value;
  if (length > SHORT) {
    encoded(out, value);
    return;
  }
  const begin = out.back(length);
  const { buffer } = out;
  for (let index = 0; index < length; index += 1) {
    const code = value.charCodeAt(index);
    if (code >= 0x80) {
      out.at = begin + length;
      encoded(out, value);
      return;
    }
    buffer[begin + index] = code;
  }
  varint(out, length);
}

function encoded(out: Output, value: string): void {
  const size = Buffer.byteLength(value);
  const at = out.back(size);
  out.buffer.write(value, at, size);
  varint(out, size);
}

/** What the code of writers calls. */
const calls = { varint, integer, double, bytes, text };
