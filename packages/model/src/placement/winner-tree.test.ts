import assert from 'node:assert/strict';

import fc from 'fast-check';

import { WinnerTree } from './winner-tree.ts';

interface Leaf {
  key: readonly number[];
  weight: number;
}

/** What the tree must say, by looking at all leaves. */
function plainly(leaves: readonly Leaf[]): { leaf: number; ticket: number }[] {
  const rate = ({ key: [first = 0, second = 0] }: Leaf): number => first * 100 + second;
  const best = Math.min(...leaves.filter(({ weight }) => weight > 0).map(rate));
  return leaves.flatMap((leaf, index) =>
    rate(leaf) === best
      ? Array.from({ length: leaf.weight }, (_, ticket) => ({ leaf: index, ticket }))
      : [],
  );
}

describe('the winner tree', () => {
  it('knows the best leaves through any changes', () => {
    const leaf = fc.record({
      key: fc.tuple(fc.integer({ min: -2, max: 2 }), fc.nat(2)),
      weight: fc.nat(3),
    });
    const step = fc.oneof(fc.record({ insert: fc.nat() }), fc.record({ remove: fc.nat() }), {
      weight: 4,
      arbitrary: fc.record({ set: fc.nat(), to: leaf }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const tree = new WinnerTree(2);
        const leaves: Leaf[] = [];
        for (const one of steps) {
          if ('insert' in one) {
            const at = one.insert % (leaves.length + 1);
            tree.insert(at);
            leaves.splice(at, 0, { key: [0, 0], weight: 0 });
          } else if (leaves.length > 0 && 'remove' in one) {
            tree.remove(one.remove % leaves.length);
            leaves.splice(one.remove % leaves.length, 1);
          } else if (leaves.length > 0 && 'set' in one) {
            const at = one.set % leaves.length;
            tree.set(at, one.to.key, one.to.weight);
            leaves[at] = one.to;
          }
          const tickets = plainly(leaves);
          assert.equal(tree.size, leaves.length);
          assert.equal(tree.weight, tickets.length);
          assert.deepEqual(
            tickets.map((_, ticket) => tree.pick(ticket)),
            tickets,
          );
          const best = leaves[tickets[0]?.leaf ?? -1];
          if (best) assert.deepEqual([tree.key(0), tree.key(1)], best.key);
        }
      }),
    );
  });
});
