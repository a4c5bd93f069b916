import assert from 'node:assert/strict';

import fc from 'fast-check';

import { ecs, scaling } from '../models/services.ts';
import { violationsOf } from './constraints.ts';
import { Fault } from './fault.ts';
import { readJson } from './json-input.ts';
import { writeJson } from './json-output.ts';

const refuses = (structure: string, body: string, message: RegExp): void => {
  assert.throws(
    () => readJson(ecs, structure, body),
    (error: Fault) => error.code === 'SerializationException' && message.test(error.message),
  );
};

describe('reading AWS JSON', () => {
  it('keeps the members of the model, leaves out others and those that are null', () => {
    const body =
      '{"cluster":"a","count":2,"group":null,"nobody":{"knows":[1]},"__proto__":{"x":1}}';
    assert.deepEqual(readJson(ecs, 'RunTaskRequest', body), { cluster: 'a', count: 2 });
  });

  it('takes no body for an empty structure', () => {
    assert.deepEqual(readJson(ecs, 'ListClustersRequest', ''), {});
  });

  it('refuses wrong types as AWS does, and says where', () => {
    refuses(
      'RunTaskRequest',
      '{"count":"2"}',
      /^STRING_VALUE can not be converted to an Integer \(count\)$/,
    );
    refuses('RunTaskRequest', '{"count":2.5}', /^DECIMAL_VALUE can not be converted to an Integer/);
    refuses('RunTaskRequest', '{"count":2147483648}', /^NUMBER_VALUE/);
    refuses('RunTaskRequest', '{"cluster":5}', /^NUMBER_VALUE can not be converted to a String/);
    refuses('RunTaskRequest', '{"tags":{}}', /^START_OBJECT can not be converted to a list/);
    refuses(
      'RunTaskRequest',
      '{"tags":[null]}',
      /^NULL_VALUE can not be converted .* \(tags\[0\]\)$/,
    );
    refuses('RunTaskRequest', '{"enableExecuteCommand":"true"}', /^STRING_VALUE .* a Boolean/);
    refuses('RunTaskRequest', '[]', /^START_ARRAY/);
    const target = '{"TargetTrackingScalingPolicyConfiguration":{"TargetValue":1e999}}';
    assert.throws(
      () => readJson(scaling, 'PutScalingPolicyRequest', target),
      (error: Fault) => /^DECIMAL_VALUE can not be converted to a Double/.test(error.message),
    );
    refuses('RunTaskRequest', '"text"', /^STRING_VALUE/);
    refuses('RunTaskRequest', '{"cluster":', /no JSON/);
  });

  it('reads times as seconds, with or without a fraction', () => {
    const read = (text: string): unknown =>
      readJson(ecs, 'ListServiceDeploymentsRequest', `{"createdAt":{"after":${text}}}`);
    assert.deepEqual(read('1712345678.123'), { createdAt: { after: 1712345678123 } });
    assert.deepEqual(read('"2024-04-05T19:34:38.123Z"'), { createdAt: { after: 1712345678123 } });
    assert.throws(() => read('"yesterday"'), Fault);
    assert.throws(() => read('1e300'), Fault);
    // A whole number still, and beyond what a Date can be: whoever shows it would fail.
    assert.throws(() => read('8640000000001'), Fault);
    assert.deepEqual(read('8640000000000'), { createdAt: { after: 8.64e15 } });
  });

  it('refuses depth before it walks, but not brackets inside of texts', () => {
    refuses('RunTaskRequest', '['.repeat(500_000), /nested deeper/);
    refuses('RunTaskRequest', '{"a":'.repeat(100), /nested deeper/);
    const cluster = '[{'.repeat(1_000) + '\\"';
    assert.deepEqual(readJson(ecs, 'RunTaskRequest', `{"cluster":"${cluster}"}`), {
      cluster: '[{'.repeat(1_000) + '"',
    });
  });

  it('gives a map the keys that it was sent, whatever they are called', () => {
    const body = '{"containerDefinitions":[{"dockerLabels":{"__proto__":"a","constructor":"b"}}]}';
    const read = readJson(ecs, 'RegisterTaskDefinitionRequest', body) as {
      containerDefinitions: { dockerLabels: object }[];
    };
    const labels = read.containerDefinitions[0]?.dockerLabels ?? {};
    assert.deepEqual(Object.entries(labels), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    assert.equal(Object.getPrototypeOf(labels), Object.prototype);
  });

  const inputs = [
    ...Object.values(ecs.operations).map(({ input }) => [ecs, input] as const),
    ...Object.values(scaling.operations).map(({ input }) => [scaling, input] as const),
  ];

  it('answers anything with an input or a fault, and what it read can be checked and written', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...inputs),
        fc.oneof(
          fc.json(),
          fc.string(),
          fc
            .dictionary(fc.constantFrom(...MEMBERS), fc.jsonValue())
            .map((value) => JSON.stringify(value)),
        ),
        ([model, structure], body) => {
          try {
            const input = readJson(model, structure, body);
            violationsOf(model, structure, input);
            JSON.parse(writeJson(model, structure, input));
          } catch (error) {
            assert.ok(error instanceof Fault, String(error));
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

/** Names that inputs have, and names that objects have. */
const MEMBERS = [
  ...new Set(
    Object.values(ecs.operations).flatMap(({ input }) =>
      Object.keys(ecs.structures[input]?.members ?? {}),
    ),
  ),
  '__proto__',
  'constructor',
  'toString',
];
