import assert from 'node:assert/strict';

import { exampleOf } from './example.ts';

describe('an example of a pattern', () => {
  const cases: [pattern: string, text: string | undefined][] = [
    ['t2.*', 't2'],
    ['(prod|pre-prod)-[0-9]+', 'prod-0'],
    ['\\d{3}\\.x?', '000.'],
    ['[^a-z]', '0'],
    ['^a$', 'a'],
    ['a^b', undefined],
    ['(', undefined],
  ];
  for (const [pattern, text] of cases) {
    it(`of ${pattern} is ${text ?? 'not found'}`, () => {
      assert.equal(exampleOf(pattern), text);
    });
  }
});
