import assert from 'node:assert/strict';

import { compileConstraints } from './constraints.ts';
import { parseStrategies, SERVICE_DEFAULT } from './strategies.ts';
import { distinct, memberOf } from './testing.ts';

describe('placement strategies', () => {
  it('are read in the spellings of ECS', () => {
    assert.deepEqual(
      parseStrategies(
        [
          { type: 'spread', field: 'attribute:ecs.availability-zone' },
          { type: 'spread', field: 'instanceId' },
          { type: 'spread', field: 'host' },
          { type: 'binpack', field: 'MEMORY' },
          { type: 'random' },
        ],
        true,
      ),
      [
        { kind: 'spread', attribute: 'ecs.availability-zone' },
        { kind: 'spread' },
        { kind: 'spread' },
        { kind: 'binpack', resource: 'memory' },
        { kind: 'random' },
      ],
    );
  });

  it('default to spread for services and to random for tasks of their own', () => {
    assert.equal(parseStrategies([], true), SERVICE_DEFAULT);
    assert.deepEqual(parseStrategies([], false), [{ kind: 'random' }]);
  });

  const refused = [
    { strategy: [{ type: 'random', field: 'cpu' }], problem: 'random takes no field, found "cpu"' },
    {
      strategy: [{ type: 'spread', field: 'zone' }],
      problem: 'spread takes the field instanceId, host or attribute:NAME, found "zone"',
    },
    { strategy: [{ type: 'binpack' }], problem: 'binpack takes the field cpu or memory, found ""' },
    { strategy: Array(6).fill({ type: 'random' }), problem: 'found 6, at most 5 are allowed' },
  ] as const;
  for (const { strategy, problem } of refused) {
    it(`are refused: ${problem}`, () => {
      assert.throws(() => parseStrategies(strategy, true), {
        code: 'InvalidParameterException',
        message: `Invalid placement strategies: ${problem}.`,
      });
    });
  }
});

describe('placement constraints', () => {
  const refused = [
    { constraints: [memberOf('')], problem: 'a memberOf placement constraint needs an expression' },
    {
      constraints: [{ type: 'distinctInstance', expression: 'attribute:x exists' }],
      problem: 'a distinctInstance placement constraint takes no expression',
    },
    {
      constraints: [memberOf('attribute:x ==')],
      problem:
        'the expression "attribute:x ==" can\'t be read: column 15: expected a value; put it in quotes if it holds spaces, brackets, commas or parentheses, found the end',
    },
    {
      constraints: Array(11).fill(distinct),
      problem: 'found 11 placement constraints, at most 10 are allowed',
    },
  ] as const;
  for (const { constraints, problem } of refused) {
    it(`are refused: ${problem}`, () => {
      assert.throws(() => compileConstraints(constraints), {
        code: 'InvalidParameterException',
        message: `Invalid placement constraints: ${problem}.`,
      });
    });
  }
});
