// Writes docs/aws-compatibility.md. With --check it writes nothing and fails if what is committed differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { compatibilityDocument } from '../packages/aws/src/support/document.ts';

const FILE = fileURLToPath(new URL('../docs/aws-compatibility.md', import.meta.url));

const text = compatibilityDocument();
if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error(
    'docs/aws-compatibility.md is not up to date. Run: node scripts/aws-compatibility.ts',
  );
  process.exitCode = 1;
}
