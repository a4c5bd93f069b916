import assert from 'node:assert/strict';

import fc from 'fast-check';

import { facts, table } from './table.ts';
import { age, count, duration, grouped, lastOf, parseDuration, shortener } from './text.ts';

describe('tables', () => {
  const columns = [
    { title: 'NAME', value: ([name]: readonly [string, number]) => name, shrinksTo: 6 },
    { title: 'N', value: ([, n]: readonly [string, number]) => n, align: 'right' as const },
  ];

  it('align columns and leave no trailing spaces', () => {
    const rows = [
      ['web', 3],
      ['a-longer-name', 12],
    ] as const;
    assert.deepEqual(table(columns, rows, { width: 79, color: false }), [
      'NAME            N',
      'web             3',
      'a-longer-name  12',
    ]);
  });

  it('keep to the width by cutting the columns that may shrink', () => {
    const lines = table(columns, [['a-name-that-is-far-too-long', 7]], { width: 12, color: false });
    assert.deepEqual(lines, ['NAME       N', 'a-name-t…  7']);
  });

  it('have the same shape with colour as without', () => {
    const plain = table(columns, [['web', 1]], { width: 79, color: false });
    const colored = table(columns, [['web', 1]], { width: 79, color: true });

    assert.deepEqual(
      colored.map((line) => line.replace(/\u001b\[\d+m/g, '').trimEnd()),
      plain,
    );
  });

  it('leave out facts that are not known', () => {
    assert.deepEqual(
      facts(
        [
          ['A', 1],
          ['B', undefined],
          ['Long name', 'x'],
        ],
        false,
      ),
      ['A:         1', 'Long name: x'],
    );
  });
});

describe('times', () => {
  it('are short for people', () => {
    const s = 1000;
    const cases: readonly (readonly [number, string])[] = [
      [-5, '0s'],
      [4.9 * s, '4s'],
      [60 * s, '1m'],
      [150 * s, '2m30s'],
      [59 * 60 * s, '59m'],
      [2.25 * 3600 * s, '2h15m'],
      [30 * 3600 * s, '1d6h'],
      [40 * 86_400 * s, '40d'],
    ];
    for (const [ms, text] of cases) assert.equal(age(ms), text);
    assert.equal(duration(312), '0.31 s');
    assert.equal(duration(4210), '4.2 s');
    assert.equal(duration(9990), '10 s');
    assert.equal(duration(125_000), '2 min 5 s');
    assert.equal(duration(120_000), '2 min');
  });

  it('of flags are read with their units, and nothing else is', () => {
    assert.equal(parseDuration('500ms'), 500);
    assert.equal(parseDuration('90s'), 90_000);
    assert.equal(parseDuration('1h30m'), 5_400_000);
    assert.equal(parseDuration('15'), 15_000);
    for (const text of ['', '5 minutes', '-1s', '1x', 's', '1m30']) {
      assert.equal(parseDuration(text), undefined, text);
    }
  });
});

describe('ids', () => {
  const id = fc.stringMatching(/^[0-9a-f]{32}$/);

  it('are shortened to prefixes that tell them apart', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(id, { maxLength: 50 }),
        fc.integer({ min: 1, max: 8 }),
        (ids, least) => {
          const short = shortener(ids, least);
          assert.equal(new Set(ids.map(short)).size, ids.length);
          for (const one of ids) {
            assert.ok(one.startsWith(short(one)));
            assert.ok(short(one).length >= least);
          }
        },
      ),
    );
  });
});

it('numbers are grouped and counted', () => {
  assert.equal(grouped(1_234_567), '1,234,567');
  assert.equal(grouped(999), '999');
  assert.equal(count(1, 'task'), '1 task');
  assert.equal(count(1200, 'task'), '1,200 tasks');
  assert.equal(lastOf('arn:aws:ecs:us-east-1:0:task/default/abc'), 'abc');
});
