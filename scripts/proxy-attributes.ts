// Writes the tables of attributes into docs/proxy.md. With --check it writes nothing and fails if what is committed differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { withAttributeTables } from '../packages/model/src/routing/attribute-tables.ts';

const FILE = fileURLToPath(new URL('../docs/proxy.md', import.meta.url));

const before = readFileSync(FILE, 'utf8');
const text = withAttributeTables(before);
if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (before !== text) {
  console.error('docs/proxy.md is not up to date. Run: node scripts/proxy-attributes.ts');
  process.exitCode = 1;
}
