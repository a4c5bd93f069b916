// Two queries with the same signature must say the same.
import assert from 'node:assert/strict';

import fc from 'fast-check';

import { canonicalQuery } from '../sigv4/canonical.ts';
import { Fault } from './fault.ts';
import { parseSignedQuery } from './query-input.ts';

function said(query: string): unknown {
  try {
    return [...parseSignedQuery(query)].sort();
  } catch (error) {
    assert.ok(error instanceof Fault);
    return error.code;
  }
}

describe('the query of a signed GET', () => {
  const pairs: readonly (readonly [string, string])[] = [
    ['Names.member.1=a+b', 'Names.member.1=a%2Bb'],
    ['Name=\u00c3\u00a9', 'Name=%C3%A9'],
    ['Name=%zz', 'Name=%25zz'],
    ['?Action=X', '%3FAction=X'],
    ['Name=a%20b', 'Name=a b'],
  ];
  for (const [one, other] of pairs) {
    it(`says the same as ${one} and as ${other}, which are signed alike`, () => {
      assert.equal(canonicalQuery(one), canonicalQuery(other));
      assert.deepEqual(said(one), said(other));
    });
  }

  it('says what its canonical form says, whatever it is', () => {
    const piece = fc.constantFrom('a', 'A', '%', '2', 'B', '+', '=', '&', '?', '#', '\u00e9', '~');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const query = pieces.join('');
        assert.deepEqual(said(query), said(canonicalQuery(query)));
      }),
      { numRuns: 2_000 },
    );
  });
});
