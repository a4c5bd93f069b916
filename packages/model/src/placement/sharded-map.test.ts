import assert from 'node:assert/strict';

import fc from 'fast-check';

import { ShardedMap } from './sharded-map.ts';

describe('a map in shards', () => {
  it('holds what a map would', () => {
    const deed = fc.record({
      key: fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('a', 'load-1', 'load-2')),
      put: fc.boolean(),
      value: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 60 }), (deeds) => {
        const [sharded, plain] = [new ShardedMap<number>(), new Map<string, number>()];
        for (const { key, put, value } of deeds) {
          if (put) {
            sharded.set(key, value);
            plain.set(key, value);
          } else {
            sharded.delete(key);
            plain.delete(key);
          }
          assert.equal(sharded.get(key), plain.get(key));
        }
        assert.deepEqual(new Map(sharded.entries()), plain);
        assert.deepEqual([...sharded.values()].sort(), [...plain.values()].sort());
      }),
    );
  });
});
