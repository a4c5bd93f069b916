import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { Member } from '../models/model.ts';
import { elbv2, structureOf } from '../models/services.ts';
import { violationsOf } from './constraints.ts';
import { Fault } from './fault.ts';
import type { Plain } from './json-input.ts';
import { parseParameters, readQuery } from './query-input.ts';

const read = (structure: string, text: string): Plain =>
  readQuery(elbv2, structure, parseParameters(text));

describe('reading the Query protocol', () => {
  it('orders lists by number, whatever gaps there are', () => {
    const text = 'Names.member.10=j&Names.member.2=b&Names.member.7=g&Names.member.x=n';
    assert.deepEqual(read('DescribeLoadBalancersInput', text), { Names: ['b', 'g', 'j'] });
  });

  it('takes an empty value as an empty list', () => {
    assert.deepEqual(read('DescribeLoadBalancersInput', 'Names='), { Names: [] });
  });

  it('reads nested structures and maps', () => {
    const text =
      'DefaultActions.member.1.Type=forward&DefaultActions.member.1.ForwardConfig.TargetGroups.member.2.Weight=30' +
      '&DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.1.key=display' +
      '&DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.1.value=page+one';
    assert.deepEqual(read('CreateListenerInput', text), {
      DefaultActions: [
        {
          Type: 'forward',
          ForwardConfig: { TargetGroups: [{ Weight: 30 }] },
          AuthenticateOidcConfig: { AuthenticationRequestExtraParams: { display: 'page one' } },
        },
      ],
    });
  });

  it('leaves out what it does not know, and names that objects have', () => {
    const text = 'Action=X&Nobody.member.1=a&__proto__.x=1&constructor=1&Name=a';
    assert.deepEqual(read('CreateLoadBalancerInput', text), { Name: 'a' });
  });

  it('refuses what is no number, no boolean', () => {
    const refuses = (structure: string, text: string, message: RegExp): void => {
      assert.throws(
        () => read(structure, text),
        (error: Fault) => error.code === 'ValidationError' && message.test(error.message),
      );
    };
    refuses(
      'CreateRuleInput',
      'Priority=first',
      /^Value 'first' at 'Priority' can not be read as integer/,
    );
    refuses('CreateRuleInput', 'Priority=1.5', /Priority/);
    refuses('CreateRuleInput', 'Priority=99999999999', /Priority/);
    refuses('CreateRuleInput', 'Priority=', /Priority/);
    refuses('CreateTargetGroupInput', 'HealthCheckEnabled=yes', /boolean/);
  });

  it('refuses too many, too deep, and twice', () => {
    const many = Array.from({ length: 5_001 }, (_, index) => `a${index}=`).join('&');
    assert.throws(() => parseParameters(many), Fault);
    assert.throws(() => parseParameters('Name=a&Name=b'), Fault);
    assert.throws(() => read('CreateRuleInput', `${'a.'.repeat(1_000)}a=1`), Fault);
  });

  it('reads back what a serialiser of the protocol writes', () => {
    fc.assert(
      fc.property(inputOf('CreateRuleInput', 4), (input) => {
        const text = new URLSearchParams(written(input, '')).toString();
        assert.deepEqual(read('CreateRuleInput', text), input);
      }),
      { numRuns: 300 },
    );
  });

  it('answers anything with an input or a fault', () => {
    const inputs = Object.values(elbv2.operations).map(({ input }) => input);
    const part = fc.constantFrom(
      'member',
      'entry',
      'key',
      'value',
      '1',
      '2',
      '-1',
      '',
      '__proto__',
      'Tags',
      'Key',
    );
    const name = fc
      .tuple(
        fc.constantFrom('Conditions', 'Actions', 'Name', 'Tags', 'Priority', 'x'),
        fc.array(part, { maxLength: 6 }),
      )
      .map(([first, rest]) => [first, ...rest].join('.'));
    fc.assert(
      fc.property(
        fc.constantFrom(...inputs),
        fc.oneof(
          fc.string(),
          fc
            .array(fc.tuple(name, fc.string()))
            .map((pairs) => new URLSearchParams(pairs).toString()),
        ),
        (structure, text) => {
          try {
            violationsOf(elbv2, structure, read(structure, text));
          } catch (error) {
            assert.ok(error instanceof Fault, String(error));
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

/** Any input of that structure, its lists without holes. */
function inputOf(structure: string, depth: number): fc.Arbitrary<Plain> {
  const members = Object.entries(structureOf(elbv2, structure).members).map(
    ([name, shape]): [string, fc.Arbitrary<unknown>] => [name, valueOf(shape, depth)],
  );
  return fc.record(Object.fromEntries(members), { requiredKeys: [], noNullPrototype: true });
}

function valueOf(shape: Member, depth: number): fc.Arbitrary<unknown> {
  switch (shape.type) {
    case 'structure':
      return depth === 0 ? fc.constant({}) : inputOf(shape.structure ?? '', depth - 1);
    case 'list':
      return fc.array(valueOf(shape.item as Member, depth), { maxLength: 3 });
    case 'map':
      return fc.dictionary(fc.string({ minLength: 1 }), fc.string(), {
        maxKeys: 3,
        noNullPrototype: true,
      });
    case 'integer':
    case 'long':
      return fc.integer();
    case 'boolean':
      return fc.boolean();
    default:
      return fc.string();
  }
}

/** As the SDK's serialiser writes it; a structure without members has one empty value. */
function written(value: unknown, name: string): [string, string][] {
  const at = (part: string): string => (name === '' ? part : `${name}.${part}`);
  if (Array.isArray(value)) {
    if (value.length === 0) return [[name, '']];
    return value.flatMap((item, index) => written(item, at(`member.${index + 1}`)));
  }
  if (typeof value !== 'object' || value === null) return [[name, String(value)]];
  const entries = Object.entries(value);
  if (entries.length === 0) return name === '' ? [] : [[name, '']];
  if (name.endsWith('AuthenticationRequestExtraParams')) {
    return entries.flatMap(([key, item], index) => [
      [at(`entry.${index + 1}.key`), key] as [string, string],
      [at(`entry.${index + 1}.value`), String(item)] as [string, string],
    ]);
  }
  return entries.flatMap(([member, item]) => written(item, at(member)));
}
