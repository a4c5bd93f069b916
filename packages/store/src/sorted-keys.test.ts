import assert from 'node:assert/strict';

import fc from 'fast-check';

import { SortedKeys } from './sorted-keys.ts';

describe('sorted keys', () => {
  it('are what a sorted set would be, whatever was added and deleted, from any key on', () => {
    const key = fc.string({ maxLength: 3 });
    const change = fc.record({ key, add: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change), fc.option(key, { nil: undefined }), (changes, from) => {
        const keys = new SortedKeys();
        const model = new Set<string>();
        for (const { key: each, add } of changes) {
          if (add) keys.add(each);
          else keys.delete(each);
          if (add) model.add(each);
          else model.delete(each);
        }
        const expected = [...model].sort().filter((each) => from === undefined || each > from);
        assert.deepEqual([...keys.after(from)], expected);
        assert.equal(keys.size, model.size);
      }),
    );
  });

  it('stay in order beyond one row, however they come and go', () => {
    const numbers = Array.from({ length: 5_000 }, (_, number) => number);
    const name = (number: number): string => String(number).padStart(5, '0');
    const mixed = numbers.map((number) => (number * 2_003) % 5_000);
    const isOdd = (number: number): boolean => number % 2 === 1;
    for (const order of [numbers, numbers.toReversed(), mixed]) {
      const keys = new SortedKeys();
      for (const number of order) keys.add(name(number));
      for (const number of order) if (isOdd(number)) keys.delete(name(number));
      for (const number of order) if (number < 1_000) keys.add(name(number));
      const expected = numbers
        .filter((number) => !isOdd(number) || number < 1_000)
        .map((number) => name(number));
      assert.deepEqual([...keys.after()], expected);
      assert.deepEqual([...keys.after(name(2_511))], expected.slice(expected.indexOf(name(2_512))));
      assert.equal(keys.size, expected.length);
    }
  });
});
