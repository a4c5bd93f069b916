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
});
