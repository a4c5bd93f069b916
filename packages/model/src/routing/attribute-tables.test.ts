import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { attributeTables, withAttributeTables } from './attribute-tables.ts';
import { ATTRIBUTES } from './attributes.ts';

describe('the tables of attributes', () => {
  it('are those that people read', () => {
    const file = new URL('../../../../docs/proxy.md', import.meta.url);
    const text = readFileSync(file, 'utf8');
    assert.equal(text, withAttributeTables(text), 'run: node scripts/proxy-attributes.ts');
  });

  it('have a line for each attribute, of five cells', () => {
    const rows = attributeTables()
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    assert.equal(rows.length, ATTRIBUTES.length);
    for (const row of rows) assert.equal(row.split(/(?<!\\)\|/).length, 7, row);
  });

  it('need a place in the document', () => {
    assert.throws(() => withAttributeTables('# No marks'), RangeError);
  });
});
