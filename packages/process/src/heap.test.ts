import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

/** Holds 190 MiB of buffers, and passes 2 GiB through them. */
const PASS_BUFFERS = `
  const held = [];
  for (let count = 0; count < 32_000; count += 1) {
    held.push(new ArrayBuffer(65_536));
    if (held.length > 3_000) held.shift();
    if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }`;

function fullCollections(preparation: string): number {
  const flags = ['--disable-warning=ExperimentalWarning', '--trace-gc', '--input-type=module'];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...flags, '--eval', preparation + PASS_BUFFERS],
    { encoding: 'utf8', timeout: 30_000 },
  );
  assert.equal(status, 0, stderr);
  return stdout.match(/Mark-Compact/g)?.length ?? 0;
}

describe('countBuffersAsHeap', () => {
  it('makes the passing of buffers no reason to collect everything each time', () => {
    const { href } = new URL('heap.ts', import.meta.url);
    const usual = fullCollections('');
    const counted = fullCollections(
      `const { countBuffersAsHeap } = await import('${href}'); countBuffersAsHeap();`,
    );
    assert.ok(counted < usual / 2, `${counted} full collections, ${usual} without it`);
  }).timeout(60_000);
});
