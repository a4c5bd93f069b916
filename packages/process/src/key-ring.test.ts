import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';

import { createKeyRing, readKeyRing, replaceKeyRing } from './key-ring-file.ts';
import { KeyRing } from './key-ring.ts';

const reread = (ring: KeyRing): KeyRing => KeyRing.parse(ring.print(), 'test');

describe('key ring', () => {
  it('opens what it sealed, for the same purpose, also after a rotation and from its file', () => {
    const ring = KeyRing.create();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (plain, purpose) => {
        const sealed = ring.seal(plain, purpose);
        assert.deepEqual(new Uint8Array(ring.open(sealed, purpose)), plain);
        assert.deepEqual(new Uint8Array(reread(ring.rotated()).open(sealed, purpose)), plain);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses what was altered anywhere, and another purpose', () => {
    const ring = KeyRing.create();
    const sealed = ring.seal(Buffer.from('a secret'), 'users/ada');
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = Uint8Array.from(sealed);
      altered[at] = (altered[at] ?? 0) ^ 1;
      assert.throws(() => ring.open(altered, 'users/ada'), /Can't open the secret of users\/ada/);
    }
    assert.throws(() => ring.open(sealed, 'users/bob'), /for another purpose/);
    assert.throws(() => ring.open(sealed.subarray(0, 20), 'users/ada'), /it is no sealed secret/);
  });

  it('seals with its first key and says which key a secret needs', () => {
    const old = KeyRing.create();
    const ring = old.rotated();
    const [first, second] = ring.keyIds;
    const sealed = ring.seal(Buffer.from('x'), 'p');
    assert.equal(ring.keyIdOf(sealed), first);
    assert.deepEqual(old.keyIds, [second]);
    assert.throws(
      () => old.open(sealed, 'p'),
      new RegExp(`sealed with key ${first}, .* ${second}`),
    );
    assert.deepEqual(ring.pruned().keyIds, [first]);
    const prepared = old.prepared();
    const [, next] = prepared.keyIds;
    assert.deepEqual(prepared.keyIds, [second, next]);
    assert.deepEqual(prepared.switched().keyIds, [next, second]);
    assert.deepEqual(old.switched().keyIds, [second]);
  });

  it('names the line that is no key, without showing it', () => {
    assert.throws(() => KeyRing.parse('# none\n\n', 'k'), /k holds no key/);
    assert.throws(
      () => KeyRing.parse('secretish', 'k'),
      (error: Error) => /line 1 of k/.test(error.message) && !error.message.includes('secretish'),
    );
    const [line = ''] = KeyRing.create().print().split('\n').slice(2);
    assert.throws(() => KeyRing.parse(`${line}\n${line}`, 'k'), /twice/);
  });

  it('is made once, for its owner only, and replaced whole', () => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-ring-'));
    try {
      const path = join(directory, 'tls/secrets.key');
      assert.throws(() => readKeyRing(path), /berth secrets init/);
      const made = createKeyRing(path);
      assert.ok(made);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      const text = readFileSync(path, 'utf8');
      assert.equal(createKeyRing(path), undefined);
      assert.equal(readFileSync(path, 'utf8'), text);
      replaceKeyRing(path, made.rotated());
      assert.equal(readKeyRing(path).keyIds[1], made.keyIds[0]);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.deepEqual(readdirSync(join(directory, 'tls')), ['secrets.key']);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
