import assert from 'node:assert/strict';

import fc from 'fast-check';
import protobuf from 'protobufjs';

import type { MessageName } from '@berth/model/generated/messages.ts';

import { codec, complete } from './codec.ts';
import { protoRoot } from './protos.ts';
import { wordsOf } from './words.ts';

/** Any value of a message, everything optional now and then absent. */
function anyMessage(type: protobuf.Type, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields = type.fieldsArray.map((field): [string, fc.Arbitrary<unknown>] => {
    const value = anyValue(field, depth);
    if (field.map)
      return [field.name, fc.dictionary(fc.string({ minLength: 1 }), value, { maxKeys: 2 })];
    if (field.repeated) return [field.name, fc.array(value, { maxLength: 2 })];
    const optional = field.resolvedType !== null || field.options?.['proto3_optional'] === true;
    return [field.name, optional ? fc.option(value, { nil: undefined }) : value];
  });
  return fc.record(Object.fromEntries(fields));
}

function anyValue(field: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  if (field.resolvedType instanceof protobuf.Type) {
    return depth > 0 ? anyMessage(field.resolvedType, depth - 1) : fc.constant({});
  }
  switch (field.type) {
    case 'int32':
      return fc.integer();
    case 'int64':
      return fc.maxSafeInteger();
    case 'bool':
      return fc.boolean();
    case 'bytes':
      return fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes));
    case 'double':
      return fc.double({ noNaN: true });
    default:
      return fc.constantFrom(...(wordsOf(field) ?? ['', 'a', 'größer', '🚢', '\u0000']));
  }
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(entries.map(([key, part]) => [key, withoutUndefined(part)]));
}

const messages = (protoRoot().lookup('berth.v1') as protobuf.Namespace).nestedArray
  .filter((item) => item instanceof protobuf.Type)
  .map((type) => type.name as MessageName);

describe('codec', () => {
  it('reads back what it wrote, for every message', () => {
    for (const name of messages) {
      const { encode, decode, type } = codec(name);
      fc.assert(
        fc.property(anyMessage(type, 3), (value) => {
          const whole = complete(name, value);
          assert.deepEqual(withoutUndefined(decode(encode(whole))), withoutUndefined(whole));
        }),
        { numRuns: 10 },
      );
    }
  });

  it('fills in what a partial value lacks, and nothing optional', () => {
    assert.deepEqual(complete('EventRecord', { id: 'x' }), {
      id: 'x',
      cluster: '',
      createdAt: 0,
      kind: '',
      subject: '',
      message: '',
      resources: [],
      sequence: 0,
    });
  });

  it('keeps integers up to 2^53 - 1 and refuses those beyond', () => {
    const record = complete('EventRecord', { createdAt: Number.MAX_SAFE_INTEGER });
    const { encode, decode } = codec('EventRecord');
    assert.equal(decode(encode(record)).createdAt, Number.MAX_SAFE_INTEGER);
    assert.throws(() => decode(encode({ ...record, createdAt: 2 ** 53 })), /createdAt.*2\^53/);
    assert.throws(() => complete('EventRecord', { createdAt: 2 ** 53 }), /createdAt/);
  });
});
