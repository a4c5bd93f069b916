import assert from 'node:assert/strict';

import fc from 'fast-check';

import { isBerthError } from '../errors.ts';
import { type AccessRequest, decide, missingKeys, nearMisses } from './evaluate.ts';
import { JsonError, readJson } from './json-text.ts';
import { parsePolicy } from './policy.ts';
import type { NamedPolicy } from './principal.ts';
import { arnFits } from './template.ts';

const VERSION = '2012-10-17';
const TASK = 'arn:aws:ecs:us-east-1:000000000000:task/default/abc';

const contextOf = (values: Record<string, string | readonly string[]>): AccessRequest['context'] =>
  new Map(Object.entries(values).map(([key, value]) => [key.toLowerCase(), [value].flat()]));

function policy(name: string, ...statements: object[]): NamedPolicy {
  return {
    name,
    document: parsePolicy(JSON.stringify({ Version: VERSION, Statement: statements }), 'identity'),
  };
}

function outcome(
  statement: object | object[],
  request: Partial<AccessRequest> & { context?: AccessRequest['context'] } = {},
): string {
  const policies = [policy('p', ...[statement].flat())];
  return decide(
    { policies, sessionPolicy: undefined },
    { action: 'ecs:StopTask', resource: TASK, context: new Map(), ...request },
  ).outcome;
}

const all = { Effect: 'Allow', Action: '*', Resource: '*' };

describe('policies', () => {
  it('are refused with the element that is wrong', () => {
    const cases: readonly (readonly [unknown, RegExp])[] = [
      ['{"Statement": [}', /^The policy is no JSON: line 1, column 16: expected a value/],
      [
        '{\n "Version": "x",\n "Version": "y"}',
        /line 3, column 2: the member "Version" is there twice/,
      ],
      [[], /^The policy is \[\]; expected an object\./],
      [{ Version: '2020-01-01', Statement: all }, /Version is "2020-01-01"/],
      [{ Version: VERSION }, /Statement is missing/],
      [{ Statement: [] }, /Statement is empty/],
      [{ Statement: all, Statements: [] }, /unknown element "Statements"; expected Version, Id/],
      [{ Statement: [all, { ...all, Effect: 'allow' }] }, /Statement 2: Effect is "allow"/],
      [
        { Statement: { ...all, Resources: '*' } },
        /Statement 1 has the unknown element "Resources"/,
      ],
      [{ Statement: { ...all, Principal: '*' } }, /unknown element "Principal"/],
      [{ Statement: { ...all, Action: undefined } }, /Action or NotAction is missing/],
      [{ Statement: { ...all, NotAction: '*' } }, /Action or NotAction are both there/],
      [{ Statement: { ...all, Action: 'RunTask' } }, /action "RunTask" is not SERVICE:NAME/],
      [{ Statement: { ...all, Action: [] } }, /Action is empty/],
      [{ Statement: { ...all, Resource: 'task/x' } }, /resource "task\/x" is no ARN/],
      [{ Statement: { ...all, Sid: 'a b' } }, /Sid is "a b"/],
      [
        {
          Statement: [
            { ...all, Sid: 'a' },
            { ...all, Sid: 'a' },
          ],
        },
        /Sid "a" is there twice/,
      ],
      [
        { Statement: { ...all, Condition: { StringEqual: {} } } },
        /"StringEqual" is no condition op/,
      ],
      [
        { Statement: { ...all, Condition: { Bool: { k: 'yes' } } } },
        /Bool.k is "yes"; expected true/,
      ],
      [{ Statement: { ...all, Condition: { NumericEquals: { k: 'x' } } } }, /expected a number/],
      [
        { Statement: { ...all, Condition: { IpAddress: { k: '1.2.3' } } } },
        /an IP address or a block/,
      ],
      [{ Statement: { ...all, Condition: { DateLessThan: { k: 'soon' } } } }, /a time of ISO 8601/],
      [{ Statement: { ...all, Condition: { Null: { k: 'x' } } } }, /Null.k is "x"/],
      [
        { Statement: { ...all, Condition: { NullIfExists: { k: 'true' } } } },
        /no condition operator/,
      ],
      [{ Statement: { ...all, Condition: { StringEquals: { k: { a: 1 } } } } }, /expected texts/],
    ];
    for (const [document, message] of cases) {
      const text = typeof document === 'string' ? document : JSON.stringify(document);
      assert.throws(
        () => parsePolicy(text, 'identity'),
        (error: Error) =>
          isBerthError(error, 'MalformedPolicyDocument') && message.test(error.message),
        text,
      );
    }
    const long = JSON.stringify({
      Statement: { ...all, Resource: `arn:aws:ecs:::${'x'.repeat(6200)}` },
    });
    assert.throws(() => parsePolicy(long, 'identity'), { name: 'LimitExceeded' });
  });

  it('for trust name whom they are about', () => {
    const trust = (Principal: unknown): string =>
      JSON.stringify({ Statement: { Effect: 'Allow', Principal, Action: 'sts:AssumeRole' } });
    const read = parsePolicy(
      trust({ Service: 'ecs-tasks.amazonaws.com', AWS: ['1', '2'] }),
      'trust',
    );
    assert.deepEqual(
      read.statements[0]?.principals?.map(({ kind, value }) => `${kind} ${value}`),
      ['AWS 1', 'AWS 2', 'Service ecs-tasks.amazonaws.com'],
    );
    assert.throws(() => parsePolicy(trust(undefined), 'trust'), /Principal is missing/);
    assert.throws(
      () => parsePolicy(trust({ Somebody: 'x' }), 'trust'),
      /unknown element "Somebody"/,
    );
  });

  it('read JSON exactly as JSON.parse does, or refuse it as it does', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        const wanted: unknown = JSON.parse(text);
        if (!text.includes('__proto__')) assert.deepEqual(readJson(text), wanted);
      }),
    );
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '1',
      '-',
      '.5',
      'e3',
      'true',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (list) => {
        const text = list.join('');
        let wanted: unknown;
        try {
          wanted = JSON.parse(text);
        } catch {
          assert.throws(() => readJson(text), JsonError);
          return;
        }
        try {
          assert.deepEqual(readJson(text), wanted);
        } catch (error) {
          assert.match(String(error), /there twice/);
        }
      }),
      { numRuns: 2000 },
    );
    assert.throws(() => readJson('['.repeat(100)), /nested deeper/);
  });
});

describe('decisions of policies', () => {
  it('deny wins over allow, wherever it stands', () => {
    const deny = { Effect: 'Deny', Action: 'ecs:Stop*', Resource: '*' };
    assert.equal(outcome(all), 'allowed');
    assert.equal(outcome([all, deny]), 'explicitDeny');
    assert.equal(outcome([deny, all]), 'explicitDeny');
    assert.equal(outcome({ ...all, Action: 'ecs:RunTask' }), 'implicitDeny');
    const decision = decide(
      {
        policies: [policy('a', all), policy('b', { ...deny, Sid: 'no' })],
        sessionPolicy: undefined,
      },
      { action: 'ecs:StopTask', resource: TASK, context: new Map() },
    );
    assert.deepEqual(decision.by, { policy: 'b', statement: 0, sid: 'no' });
  });

  it('compare actions whatever their case, and resources with theirs', () => {
    assert.equal(outcome({ ...all, Action: 'ECS:stoptas?' }), 'allowed');
    assert.equal(outcome({ ...all, Action: 'ecs:StopTas' }), 'implicitDeny');
    assert.equal(outcome({ ...all, NotAction: 'ecs:Stop*', Action: undefined }), 'implicitDeny');
    assert.equal(outcome({ ...all, NotAction: 'ecs:Run*', Action: undefined }), 'allowed');
    assert.equal(
      outcome({ ...all, Resource: TASK.toUpperCase().replace('ARN', 'arn') }),
      'implicitDeny',
    );
    assert.equal(outcome({ ...all, NotResource: TASK, Resource: undefined }), 'implicitDeny');
  });

  it('compare ARNs part by part', () => {
    const fits = (pattern: string, arn = TASK): boolean | undefined =>
      arnFits(pattern, true, new Map(), arn);
    assert.ok(fits('arn:aws:ecs:*:*:task/*'));
    assert.ok(fits('arn:aws:ecs:us-east-?:*:task/default/a*c'));
    assert.equal(fits('arn:aws:*:task/default/abc'), false);
    assert.equal(fits('arn:aws:ecs:*:task/*'), false);
    assert.ok(fits('arn:aws:ecs:*:*:*', 'arn:aws:ecs:r:a:task-definition/web:3'));
    assert.ok(fits('*', '*'));
    assert.equal(fits('arn:aws:ecs:*:*:*', '*'), false);
  });

  it('put variables into resources, as text without wildcards', () => {
    const own = { ...all, Resource: 'arn:aws:ecs:*:*:task/${aws:username}/*' };
    const of = (user: string, resource: string): string =>
      outcome(own, { resource, context: contextOf({ 'aws:username': user }) });
    assert.equal(of('ada', 'arn:aws:ecs:r:a:task/ada/1'), 'allowed');
    assert.equal(of('*', 'arn:aws:ecs:r:a:task/ada/1'), 'implicitDeny');
    assert.equal(of('a:b', 'arn:aws:ecs:r:a:task/a:b/1'), 'allowed');
    assert.equal(
      outcome(own, { resource: 'arn:aws:ecs:r:a:task/${aws:username}/1' }),
      'implicitDeny',
    );
    const otherwise = {
      ...all,
      Resource: "arn:aws:ecs:*:*:task/${aws:PrincipalTag/team, 'none'}/${*}",
    };
    assert.equal(outcome(otherwise, { resource: 'arn:aws:ecs:r:a:task/none/*' }), 'allowed');
    assert.equal(outcome(otherwise, { resource: 'arn:aws:ecs:r:a:task/none/x' }), 'implicitDeny');
    const old = parsePolicy(JSON.stringify({ Statement: own }), 'identity');
    const decision = decide(
      { policies: [{ name: 'old', document: old }], sessionPolicy: undefined },
      {
        action: 'ecs:StopTask',
        resource: 'arn:aws:ecs:r:a:task/ada/1',
        context: contextOf({ 'aws:username': 'ada' }),
      },
    );
    assert.equal(decision.outcome, 'implicitDeny');
  });

  interface Case {
    readonly condition: Record<string, Record<string, unknown>>;
    readonly yes: readonly Record<string, string | string[]>[];
    readonly no: readonly Record<string, string | string[]>[];
  }
  const cases: readonly Case[] = [
    {
      condition: { StringEquals: { K: ['a', 'b'] } },
      yes: [{ k: 'b' }],
      no: [{ k: 'A' }, { k: 'a*' }, {}],
    },
    { condition: { StringNotEquals: { k: ['a', 'b'] } }, yes: [{ k: 'c' }, {}], no: [{ k: 'a' }] },
    { condition: { StringEqualsIgnoreCase: { k: 'aB' } }, yes: [{ k: 'Ab' }], no: [{ k: 'a' }] },
    {
      condition: { StringLike: { k: 'a?c*' } },
      yes: [{ k: 'abc' }, { k: 'abcd' }],
      no: [{ k: 'ac' }],
    },
    { condition: { StringNotLike: { k: 'a*' } }, yes: [{ k: 'b' }, {}], no: [{ k: 'a' }] },
    { condition: { StringEqualsIfExists: { k: 'a' } }, yes: [{ k: 'a' }, {}], no: [{ k: 'b' }] },
    {
      condition: { NumericLessThan: { k: '256' } },
      yes: [{ k: '255' }],
      no: [{ k: '256' }, { k: 'x' }, {}],
    },
    { condition: { NumericGreaterThanEquals: { k: 1.5 } }, yes: [{ k: '1.5' }], no: [{ k: '1' }] },
    { condition: { NumericNotEquals: { k: 1 } }, yes: [{ k: '2' }, {}], no: [{ k: '1.0' }] },
    {
      condition: { DateGreaterThan: { k: '2026-01-01T00:00:00Z' } },
      yes: [{ k: '2026-01-01T00:00:01Z' }, { k: '1798761600' }],
      no: [{ k: '2026-01-01T00:00:00' }, { k: '2025-12-31' }, {}],
    },
    { condition: { Bool: { k: true } }, yes: [{ k: 'true' }], no: [{ k: 'false' }, {}] },
    {
      condition: { IpAddress: { k: ['203.0.113.0/24', '2001:db8::/32'] } },
      yes: [{ k: '203.0.113.7' }, { k: '2001:db8::1' }, { k: '::ffff:203.0.113.7' }],
      no: [{ k: '203.0.114.7' }, { k: 'x' }, {}],
    },
    {
      condition: { NotIpAddress: { k: '10.0.0.0/8' } },
      yes: [{ k: '11.0.0.1' }],
      no: [{ k: '10.1.1.1' }],
    },
    {
      condition: { ArnLike: { k: 'arn:aws:ecs:*:*:cluster/p*' } },
      yes: [{ k: 'arn:aws:ecs:r:a:cluster/prod' }],
      no: [{ k: 'arn:aws:ecs:r:a:cluster/dev' }, {}],
    },
    { condition: { Null: { k: 'true' } }, yes: [{}], no: [{ k: 'a' }] },
    { condition: { Null: { k: 'false' } }, yes: [{ k: 'a' }], no: [{}] },
    {
      condition: { 'ForAllValues:StringEquals': { k: ['a', 'b'] } },
      yes: [{ k: ['a', 'b'] }, { k: ['a'] }, {}],
      no: [{ k: ['a', 'c'] }],
    },
    {
      condition: { 'ForAnyValue:StringEquals': { k: ['a', 'b'] } },
      yes: [{ k: ['a', 'c'] }],
      no: [{ k: ['c'] }, {}],
    },
    {
      condition: { 'ForAnyValue:StringNotEquals': { k: 'a' } },
      yes: [{ k: ['a', 'c'] }],
      no: [{ k: ['a'] }, {}],
    },
    {
      condition: { StringEquals: { k: '${aws:username}' } },
      yes: [{ k: 'ada', 'aws:username': 'ada' }],
      no: [{ k: 'ada' }, { k: '${aws:username}' }],
    },
    {
      condition: { StringNotEquals: { k: '${aws:username}' } },
      yes: [{ k: 'ada', 'aws:username': 'bob' }],
      no: [{ k: 'ada' }],
    },
    {
      condition: { StringEquals: { a: '1', b: '2' }, Bool: { c: 'false' } },
      yes: [{ a: '1', b: '2', c: 'false' }],
      no: [
        { a: '1', b: '2' },
        { a: '1', c: 'false' },
      ],
    },
  ];
  for (const { condition, yes, no } of cases) {
    it(`hold the condition ${JSON.stringify(condition)}`, () => {
      const statement = { ...all, Condition: condition };
      for (const values of yes) {
        assert.equal(
          outcome(statement, { context: contextOf(values) }),
          'allowed',
          JSON.stringify(values),
        );
      }
      for (const values of no) {
        assert.equal(
          outcome(statement, { context: contextOf(values) }),
          'implicitDeny',
          JSON.stringify(values),
        );
      }
    });
  }

  it('let a session do only what its own policy allows too', () => {
    const request: AccessRequest = { action: 'ecs:StopTask', resource: TASK, context: new Map() };
    const narrowed = decide(
      {
        policies: [policy('p', all)],
        sessionPolicy: policy('s', { ...all, Action: 'ecs:RunTask' }),
      },
      request,
    );
    assert.deepEqual([narrowed.outcome, narrowed.source], ['implicitDeny', 'session']);
  });

  it('explain what a request lacks', () => {
    const policies = [
      policy('p', {
        ...all,
        Sid: 'env',
        Condition: { StringEquals: { 'aws:ResourceTag/env': 'dev' } },
      }),
    ];
    const request: AccessRequest = { action: 'ecs:StopTask', resource: TASK, context: new Map() };
    assert.deepEqual(missingKeys(policies, request), ['aws:ResourceTag/env']);
    assert.deepEqual(nearMisses(policies, request), [
      { policy: 'p', statement: 0, sid: 'env', conditions: ['StringEquals aws:ResourceTag/env'] },
    ]);
  });

  it('agree with a naive reading of the rules', () => {
    const word = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '?', '*b', 'a?');
    const action = word.map((name) => `s:${name}`);
    const resource = word.map((name) => `arn:aws:s:::${name}`);
    const statement = fc.record({
      Effect: fc.constantFrom('Allow', 'Deny'),
      actions: fc.tuple(
        fc.constantFrom('Action', 'NotAction'),
        fc.array(action, { minLength: 1, maxLength: 2 }),
      ),
      resources: fc.tuple(
        fc.constantFrom('Resource', 'NotResource'),
        fc.array(resource, { minLength: 1, maxLength: 2 }),
      ),
      tag: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
    });
    const glob = (pattern: string, text: string): boolean => {
      const source = pattern
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.');
      return new RegExp(`^${source}$`).test(text);
    };
    const name = fc.constantFrom('a', 'b', 'ab', 'bb', 'abc');
    fc.assert(
      fc.property(
        fc.array(statement, { minLength: 1, maxLength: 4 }),
        name,
        name,
        fc.option(name),
        (list, act, res, tag) => {
          const applies = list.filter((item) => {
            const wanted = (list: [string, string[]], text: string): boolean =>
              list[1].some((pattern) => glob(pattern, text)) !== list[0].startsWith('Not');
            return (
              wanted(item.actions, `s:${act}`) &&
              wanted(item.resources, `arn:aws:s:::${res}`) &&
              (item.tag === undefined || item.tag === tag)
            );
          });
          const naive = applies.some(({ Effect }) => Effect === 'Deny')
            ? 'explicitDeny'
            : applies.length > 0
              ? 'allowed'
              : 'implicitDeny';
          const documents = list.map(({ Effect, actions, resources, tag: wanted }) => ({
            Effect,
            [actions[0]]: actions[1],
            [resources[0]]: resources[1],
            ...(wanted === undefined ? {} : { Condition: { StringEquals: { tag: wanted } } }),
          }));
          const context = contextOf(tag === null ? {} : { tag });
          const request = { action: `s:${act}`, resource: `arn:aws:s:::${res}`, context };
          assert.equal(outcome(documents, request), naive);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
