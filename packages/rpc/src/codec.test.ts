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

  it('reads what protobufjs reads, also where a newer version wrote more', () => {
    const { decode, type } = codec('EventRecord');
    const unknown = protobuf.Writer.create()
      .uint32((99 << 3) | 2)
      .string('of a newer version')
      .uint32((100 << 3) | 0)
      .int64(7)
      .uint32((101 << 3) | 1)
      .double(0.5)
      .finish();
    fc.assert(
      fc.property(anyMessage(type, 3), (value) => {
        const written = type.encode(complete('EventRecord', value)).finish();
        const bytes = Buffer.concat([unknown, written, unknown]);
        assert.deepEqual(decode(bytes), complete('EventRecord', type.decode(bytes)));
      }),
    );
  });

  it('writes what protobufjs reads, for every message', () => {
    for (const name of messages) {
      const { encode, type } = codec(name);
      fc.assert(
        fc.property(anyMessage(type, 3), (value) => {
          const whole = complete(name, value);
          const found = complete(name, type.decode(encode(whole)));
          assert.deepEqual(withoutUndefined(found), withoutUndefined(whole));
        }),
        { numRuns: 10 },
      );
    }
  });

  it('writes texts of any length and alphabet, and nothing for what is zero', () => {
    const { encode, decode } = codec('EventRecord');
    for (const unit of ['x', 'ö', '🚢']) {
      for (const length of [1, 40, 127, 128, 20_000, 3_000_000]) {
        const message = unit.repeat(length);
        assert.equal(decode(encode(complete('EventRecord', { message }))).message, message);
      }
    }
    assert.equal(encode(complete('EventRecord', {})).length, 0);
  });

  it('is as good as new after a message that it could not write', () => {
    const { encode, decode } = codec('EventRecord');
    const wrong = { id: 'x', message: Symbol('no text') } as never;
    assert.throws(() => encode(wrong));
    assert.equal(decode(encode(complete('EventRecord', { id: 'y' }))).id, 'y');
  });

  it('takes integers of any size below 2^53, negative ones too, and a list of numbers in either form', () => {
    const { encode, decode } = codec('EventRecord');
    fc.assert(
      fc.property(fc.maxSafeInteger(), (createdAt) => {
        assert.equal(decode(encode(complete('EventRecord', { createdAt }))).createdAt, createdAt);
      }),
    );
    const ports = codec('Resources');
    const field = ports.type.fields['ports'] as protobuf.Field;
    const one = protobuf.Writer.create();
    for (const port of [22, 40_000]) one.uint32(field.id << 3).int32(port);
    assert.deepEqual(ports.decode(one.finish()).ports, [22, 40_000]);
    const packed = ports.encode(complete('Resources', { ports: [22, 40_000] }));
    assert.deepEqual(ports.decode(packed).ports, [22, 40_000]);
  });

  it('refuses bytes that end too early, and survives any others', () => {
    for (const name of messages) {
      const { encode, decode, type } = codec(name);
      fc.assert(
        fc.property(
          anyMessage(type, 2),
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
          (value, changes) => {
            const bytes = Buffer.from(encode(complete(name, value)));
            for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
            try {
              decode(bytes);
            } catch (error) {
              assert.ok(error instanceof Error && !/call stack/.test(error.message));
            }
          },
        ),
        { numRuns: 10 },
      );
    }
    const { encode, decode } = codec('EventRecord');
    const bytes = encode(complete('EventRecord', { id: 'abc', message: 'long enough' }));
    assert.throws(() => decode(bytes.subarray(0, 4)), RangeError);
  });
});
