import assert from 'node:assert/strict';

import fc from 'fast-check';

import { endOf, isMark, MARKS } from './etcd-keys.ts';
import { collections, keyOf, parseKey, prefixOf, ROOT } from './keys.ts';

const part = fc.string({ minLength: 1 }).filter((text) => !text.includes('/'));

describe('keys', () => {
  it('are parsed back into what they were built from', () => {
    for (const of of Object.values(collections)) {
      fc.assert(
        fc.property(fc.array(part, { minLength: of.depth, maxLength: of.depth }), (parts) => {
          assert.deepEqual(parseKey(keyOf(of, ...parts)), { collection: of, parts });
        }),
        { numRuns: 30 },
      );
    }
  });

  it('lie below the prefixes of their parts, and no other record of another collection does', () => {
    const key = keyOf(collections.targetHealth, 'g', 'x', 'p');
    for (const parts of [[], ['g'], ['g', 'x']]) {
      assert.ok(key.startsWith(prefixOf(collections.targetHealth, ...parts)));
    }
    assert.ok(!key.startsWith(prefixOf(collections.targets)));
  });

  it('are refused with a part that is empty or holds a slash, or with too many', () => {
    for (const parts of [['', 'x'], ['a/b', 'x'], ['a'], ['a', 'b', 'c']]) {
      assert.throws(() => keyOf(collections.tasks, ...parts));
    }
    for (const key of ['/other/v1/tasks/a/b', `${ROOT}tasks/a`, `${ROOT}nothing/a`]) {
      assert.equal(parseKey(key), undefined);
    }
  });

  it('do not meet the marks of commits', () => {
    assert.ok(MARKS.startsWith(ROOT) && isMark(`${MARKS}x`));
    for (const of of Object.values(collections)) assert.ok(!isMark(prefixOf(of)));
  });

  it('of a prefix end where the range of the prefix ends', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), bytes, (prefix, tail) => {
        const end = endOf(prefix);
        const key = Buffer.concat([Buffer.from(prefix), tail]);
        assert.ok(Buffer.compare(key, end) < 0);
        assert.ok(!end.subarray(0, Buffer.from(prefix).length).equals(Buffer.from(prefix)));
      }),
    );
  });
});
