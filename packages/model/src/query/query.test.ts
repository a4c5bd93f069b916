import assert from 'node:assert/strict';

import fc from 'fast-check';

import { evaluateQuery } from './evaluate.ts';
import type { Expression, HostFacts, Operator, Subject } from './expression.ts';
import { parseQuery } from './parser.ts';
import { printQuery } from './print.ts';
import { whyNot } from './why.ts';

function parsed(query: string): Expression {
  const result = parseQuery(query);
  if (!result.ok) throw new Error(`${query}: ${result.message}`);
  return result.expression;
}

const host: HostFacts = {
  id: 'c0ffee',
  attributes: new Map([
    ['ecs.availability-zone', 'us-east-1a'],
    ['ecs.instance-type', 't2.small'],
    ['stack', 'prod'],
    ['slots', '9'],
    ['ssd', ''],
  ]),
  agentConnected: true,
  agentVersion: '1.10.2-rc1',
  registeredAt: Date.parse('2018-06-18T22:28:28.500Z'),
  runningTasksCount: 3,
  groups: new Map([
    ['service:production', 2],
    ['database', 1],
  ]),
};

describe('the cluster query language', () => {
  const truths: [query: string, holds: boolean][] = [
    ['attribute:stack == prod', true],
    ['attribute:stack==prod', true],
    ["attribute:stack equals 'prod'", true],
    ['attribute:stack != prod', false],
    ['attribute:stack NOT_EQUALS test', true],
    ['attribute:ecs.instance-type =~ t2.*', true],
    ['attribute:ecs.instance-type =~ t2', false],
    ['attribute:ecs.instance-type =~ ^t2.*$', true],
    ['attribute:ecs.instance-type matches t3.*|t2.*', true],
    ['attribute:ecs.instance-type !~ "t[23].*"', false],
    ['attribute:ecs.availability-zone in [us-east-1a, us-east-1b]', true],
    ['attribute:ecs.availability-zone !in [us-east-1a,us-east-1b]', false],
    ['attribute:ecs.availability-zone not_in [us-east-1c]', true],
    ['attribute:stack exists', true],
    ['attribute:gpu exists', false],
    ['attribute:gpu !exists', true],
    ['attribute:gpu not_exists', true],
    ['attribute:ssd exists and attribute:ssd == ""', true],
    ['attribute:gpu == x', false],
    ['attribute:gpu != x', true],
    ['attribute:gpu < x', false],
    ['attribute:gpu in [x]', false],
    ['attribute:gpu not_in [x]', true],
    ['attribute:gpu =~ .*', false],
    ['attribute:gpu !~ .*', true],
    ['attribute:slots < 10', true],
    ['attribute:slots >= 9', true],
    ['attribute:stack greater_than abc', true],
    ['task:group == service:production', true],
    ['task:group != service:production', false],
    ['not(task:group == frontend)', true],
    ['task:group in [frontend, database]', true],
    ['task:group =~ service:.*', true],
    ['task:group !~ service:.*', false],
    ['agentConnected == true', true],
    ['agentConnected in [false]', false],
    ['agentVersion > 1.9', true],
    ['agentVersion == 1.10.2', true],
    ['agentVersion <= 1.10.1', false],
    ['ec2InstanceId == c0ffee', true],
    ['ec2InstanceId =~ c0.*', true],
    ['registeredAt == 2018-06-18', true],
    ['registeredAt > 2018-06-18', false],
    ['registeredAt >= 2018-06-18T22:28:28', true],
    ['registeredAt == 2018-06-18T22:28:28Z', true],
    ['registeredAt < 2018-06-18T22:28:28+00:00', false],
    ['registeredAt == 2018-06-19T00:28:28+02:00', true],
    ['runningTasksCount <= 3', true],
    ['runningTasksCount less_than 3', false],
    ['attribute:stack == test or attribute:slots == 9 and runningTasksCount == 0', false],
    ['(attribute:stack == test or attribute:slots == 9) and runningTasksCount == 3', true],
    ['attribute:stack == test || attribute:slots == 9', true],
    ['attribute:stack == test||attribute:slots == 9', true],
    ['attribute:stack == prod && !attribute:gpu exists', true],
    ['!(attribute:stack == prod) or agentConnected == true', true],
    ['not attribute:stack == test', true],
    ['NOT attribute:stack == test AND attribute:stack == prod', true],
    ["attribute:stack == 'and'", false],
    ['attribute:stack == and', false],
  ];
  for (const [query, holds] of truths) {
    it(`${query} is ${String(holds)}`, () => {
      assert.equal(evaluateQuery(parsed(query), host), holds);
      assert.equal(whyNot(parsed(query), host) === undefined, holds);
    });
  }

  const errors: [query: string, message: string][] = [
    ['', 'column 1: expected an expression, found the end'],
    [
      'attribute:a',
      'column 12: expected an operator (== != > >= < <= =~ !~ in !in exists !exists), found the end',
    ],
    [
      'attribute:a = b',
      'column 13: expected a word, a quoted value, a sign or a parenthesis, found "="',
    ],
    [
      'attribute:a ==',
      'column 15: expected a value; put it in quotes if it holds spaces, brackets, commas or parentheses, found the end',
    ],
    ['attribute:a == b c', 'column 18: expected "and", "or" or the end, found "c"'],
    [
      'attribute:a == (b)',
      'column 16: expected a value; put it in quotes if it holds spaces, brackets, commas or parentheses, found "("',
    ],
    ["attribute:a == 'b", "column 18: expected a closing ', found the end"],
    ['attribute:a in b', 'column 16: expected "[", found "b"'],
    ['attribute:a in [b', 'column 18: expected "," or "]", found the end'],
    ['attribute:a ! b', 'column 15: expected "in" or "exists", found "b"'],
    [
      'attribute: == b',
      'column 1: expected attribute: and a name of 1 to 128 letters, digits, "_", ".", "/" or "-", found "attribute:"',
    ],
    [
      'cpu > 3',
      'column 1: expected attribute:NAME, task:group, agentConnected, agentVersion, ec2InstanceId, registeredAt, runningTasksCount, found "cpu"',
    ],
    ['(attribute:a exists', 'column 20: expected "and", "or" or ")", found the end'],
    ['attribute:a exists)', 'column 19: expected "and", "or" or the end, found ")"'],
    ['attribute:a exists and', 'column 23: expected an expression, found the end'],
    [
      'not not attribute:a exists',
      'column 5: expected attribute:NAME, task:group, agentConnected, agentVersion, ec2InstanceId, registeredAt, runningTasksCount, found "not"',
    ],
    ['agentConnected == yes', 'column 19: expected "true" or "false", found "yes"'],
    [
      'agentConnected > true',
      'column 16: expected an operator of agentConnected (== != in not_in =~ !~), found ">"',
    ],
    ['agentVersion > new', 'column 16: expected a version like 1.2.3, found "new"'],
    [
      'registeredAt > 2018-13-01',
      'column 16: expected a date like 2018-06-18 or 2018-06-18T22:28:28Z, found "2018-13-01"',
    ],
    ['runningTasksCount < -1', 'column 21: expected a whole number, found "-1"'],
    [
      'runningTasksCount exists',
      'column 19: expected an operator of runningTasksCount (== != > >= < <=), found "exists"',
    ],
    [
      'attribute:a =~ a**',
      'column 18: expected a regular expression, found one where a quantifier follows a quantifier',
    ],
    [
      "attribute:a =~ 'x(?=y)'",
      'column 18: expected a regular expression, found one where look-ahead "(?=" is not supported',
    ],
    [
      'attribute:a =~ t[23].*',
      'column 17: expected quotes around a value that holds brackets or parentheses, found "["',
    ],
    [
      'attribute:a == ü',
      'column 16: expected a word, a quoted value, a sign or a parenthesis, found "ü"',
    ],
    ['x'.repeat(2001), 'column 2001: expected at most 2000 characters, found 2001'],
    ['('.repeat(51), 'column 51: expected at most 50 open parentheses, found "("'],
  ];
  for (const [query, message] of errors) {
    it(`refuses ${query.slice(0, 40)}`, () => {
      const result = parseQuery(query);
      assert.ok(!result.ok);
      assert.equal(result.message, message);
    });
  }

  it('says what about a host makes a query false', () => {
    const why = (query: string): string | undefined => whyNot(parsed(query), host);
    assert.equal(why('attribute:stack == test'), 'attribute:stack is "prod"');
    assert.equal(
      why('attribute:gpu exists and attribute:stack == test'),
      'attribute:gpu is missing',
    );
    assert.equal(
      why('attribute:gpu exists or attribute:stack == test'),
      'attribute:gpu is missing, attribute:stack is "prod"',
    );
    assert.equal(why('not(task:group == database)'), 'task:group == database holds');
    assert.equal(why('task:group == web'), 'task:group is database, service:production');
    assert.equal(why('registeredAt < 2018-01-01'), 'registeredAt is 2018-06-18T22:28:28.500Z');
  });

  it('reads what it prints as the same expression', () => {
    fc.assert(
      fc.property(expressions, (expression) => {
        const query = printQuery(expression);
        fc.pre(query.length <= 2000);
        assert.deepEqual(parsed(query), expression);
      }),
    );
  });

  it('prints what it reads in a form that stays the same', () => {
    const query = `attribute:a=='x y'&&(agentConnected equals true||!runningTasksCount>3)`;
    const printed =
      "attribute:a == 'x y' and (agentConnected == true or not runningTasksCount > 3)";
    assert.equal(printQuery(parsed(query)), printed);
    assert.equal(printQuery(parsed(printed)), printed);
  });

  it('reads any text without throwing', () => {
    const text = fc.string({
      unit: fc.constantFrom(
        'attribute:a',
        ' ',
        '==',
        '=~',
        'in',
        '[',
        ']',
        '(',
        ')',
        '!',
        'or',
        "'",
        '|',
        '\\',
      ),
    });
    fc.assert(fc.property(text, (query) => typeof parseQuery(query).ok === 'boolean'));
  });
});

const plain = { noNullPrototype: true } as const;

const words: fc.Arbitrary<string> = fc.oneof(
  fc.string({
    unit: fc.constantFrom('a', 'B', '1', '.', '|', ' ', '(', "'", ',', 'é'),
    maxLength: 8,
  }),
  fc.constantFrom('and', 'not', 'in', '"', '||', 'service:a'),
);
const texts = fc.constantFrom<Operator>('==', '!=');
const orders = fc.constantFrom<Operator>('==', '!=', '>', '>=', '<', '<=');
const subjectsOfText = fc.constantFrom<Subject>(
  { kind: 'attribute', name: 'ecs.availability-zone' },
  { kind: 'task:group' },
  { kind: 'ec2InstanceId' },
);

function comparisons(
  subject: fc.Arbitrary<Subject>,
  operator: fc.Arbitrary<Operator>,
  values: fc.Arbitrary<string[]>,
): fc.Arbitrary<Expression> {
  return fc.record({ kind: fc.constant('comparison' as const), subject, operator, values }, plain);
}

const one = (item: fc.Arbitrary<string>): fc.Arbitrary<string[]> => item.map((value) => [value]);

const comparison = fc.oneof(
  comparisons(subjectsOfText, texts, one(words)),
  comparisons(
    subjectsOfText,
    fc.constantFrom('in', 'not_in'),
    fc.array(words, { minLength: 1, maxLength: 3 }),
  ),
  comparisons(
    subjectsOfText,
    fc.constantFrom('=~', '!~'),
    one(fc.constantFrom('t2.*', 'a|b', '(a|b)c', '[ab]+', 'a b')),
  ),
  comparisons(
    fc.constant({ kind: 'attribute', name: 'x' }),
    fc.constantFrom('exists', 'not_exists'),
    fc.constant([]),
  ),
  comparisons(fc.constant({ kind: 'agentVersion' }), orders, one(fc.constantFrom('1', '1.2.3'))),
  comparisons(
    fc.constant({ kind: 'registeredAt' }),
    orders,
    one(fc.constantFrom('2018-06-18', '2018-06-18T22:28:28Z')),
  ),
  comparisons(fc.constant({ kind: 'runningTasksCount' }), orders, one(fc.nat(99).map(String))),
  comparisons(
    fc.constant({ kind: 'agentConnected' }),
    texts,
    one(fc.constantFrom('true', 'false')),
  ),
);

const { expression: expressions } = fc.letrec<{ expression: Expression; operands: Expression[] }>(
  (tie) => ({
    operands: fc.array(tie('expression'), { minLength: 2, maxLength: 3 }),
    expression: fc.oneof(
      { depthSize: 'small', maxDepth: 4 },
      comparison,
      fc.record(
        { kind: fc.constantFrom('and' as const, 'or' as const), operands: tie('operands') },
        plain,
      ),
      fc.record({ kind: fc.constant('not' as const), operand: tie('expression') }, plain),
    ),
  }),
);
