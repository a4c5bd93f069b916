// Between protobuf bytes and the plain objects of `@berth/model/generated`. Decoded objects have every
// list, map and required scalar filled in, absent optional fields left out, int64 as safe integers and
// bytes as Buffers. Both the stored records and the gRPC messages pass through here.
import type { MessageName, MessageTypes } from '@berth/model/generated/messages.ts';
import protobuf from 'protobufjs';

import { isOptional } from './message-code.ts';
import { messageReader } from './message-reader.ts';
import { messageWriter } from './message-writer.ts';
import { protoRoot } from './protos.ts';

export interface Codec<T> {
  readonly type: protobuf.Type;
  encode(value: T): Buffer;
  decode(bytes: Uint8Array): T;
}

type Convert = (value: unknown) => unknown;
type Plain = Record<string, unknown>;

const codecs = new Map<string, Codec<unknown>>();
const readers = new Map<protobuf.Type, Convert>();

/**
 * The codec of one message of package `berth.v1`.
 * @throws Error on decode when the bytes are no such message or an integer is beyond 2^53
 */
export function codec<N extends MessageName>(name: N): Codec<MessageTypes[N]> {
  let found = codecs.get(name);
  if (!found) {
    const type = protoRoot().lookupType(`berth.v1.${name}`);
    const read = messageReader(type);
    const write = messageWriter(type);
    found = {
      type,
      encode: (value) => write(value as Plain),
      decode: (bytes) => read(new protobuf.Reader(bufferOf(bytes)), bytes.length),
    };
    codecs.set(name, found);
  }
  return found as Codec<MessageTypes[N]>;
}

/** The same bytes, not a copy. */
function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** Fill in the lists, maps and required scalars that `partial` lacks, as decoding would. */
export function complete<N extends MessageName>(name: N, partial: object): MessageTypes[N] {
  const { type } = codec(name);
  return reader(type)(partial) as MessageTypes[N];
}

function reader(type: protobuf.Type): Convert {
  const known = readers.get(type);
  if (known) return known;
  let convert: Convert = () => {
    throw new Error(`reader of ${type.name} used before it is built`);
  };
  readers.set(type, (value) => convert(value)); // a message may contain itself
  const fields = type.fieldsArray.map(fieldReader);
  convert = (value) => {
    const result: Plain = {};
    for (const field of fields) field(value as Plain, result);
    return result;
  };
  return convert;
}

function fieldReader(field: protobuf.Field): (source: Plain, result: Plain) => void {
  const { name } = field;
  const one = valueReader(field);
  if (field.map) {
    return (source, result) => {
      const entries = Object.entries((source[name] ?? {}) as Plain);
      result[name] = Object.fromEntries(entries.map(([key, value]) => [key, one(value)]));
    };
  }
  if (field.repeated) {
    return (source, result) => {
      const list = source[name] as unknown[] | undefined;
      result[name] = list ? list.map(one) : [];
    };
  }
  const optional = isOptional(field);
  const missing: unknown = optional ? undefined : scalarDefault(field);
  return (source, result) => {
    const value = Object.hasOwn(source, name) ? source[name] : undefined;
    if (value !== undefined && value !== null) result[name] = one(value);
    else if (!optional) result[name] = missing;
  };
}

function scalarDefault(field: protobuf.Field): unknown {
  if (field.type === 'string') return '';
  if (field.type === 'bool') return false;
  if (field.type === 'bytes') return Buffer.alloc(0);
  return 0;
}

function valueReader(field: protobuf.Field): Convert {
  if (field.resolvedType instanceof protobuf.Type) return reader(field.resolvedType);
  if (field.type === 'int64') return (value) => safeInteger(field, value);
  if (field.type === 'bytes') return (value) => Buffer.from(value as Uint8Array);
  return (value) => value;
}

function safeInteger(field: protobuf.Field, value: unknown): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new Error(`${field.fullName}: ${String(value)} is not an integer below 2^53`);
  }
  return number;
}
