// Texts that people see are compared with files, so that a change of them is seen as one: UPDATE_GOLDEN=1 writes them.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export function matchesGolden(name: string, text: string): void {
  const file = fileURLToPath(new URL(`../../golden/${name}`, import.meta.url));
  if (process.env['UPDATE_GOLDEN']) writeFileSync(file, text);
  assert.equal(text, readFileSync(file, 'utf8'), `${file} differs; UPDATE_GOLDEN=1 accepts it`);
}
