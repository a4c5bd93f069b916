import assert from 'node:assert/strict';

import fc from 'fast-check';

import { isPlainPath, plainPath } from './plain-path.ts';

describe('plain paths', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b/'],
    ['//a///b', '/a/b'],
    ['/a//', '/a/'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/..', '/'],
    ['/a/.', '/a/'],
    ['/..', undefined],
    ['/a/../../b', undefined],
    ['/%61dmin', '/admin'],
    ['/%2e%2e/a', undefined],
    ['/a/%2e%2e/b', '/b'],
    ['/a%2fb', undefined],
    ['/a%5Cb', undefined],
    ['/a\\b', undefined],
    ['/a%00', undefined],
    ['/a%2', undefined],
    ['/a%zz', undefined],
    ['/a%c3%a4', '/a%C3%A4'],
    ['/...', '/...'],
    ['*', '*'],
    ['a', undefined],
  ];
  for (const [path, expected] of cases) {
    it(`of ${path} is ${expected ?? 'none'}`, () => {
      assert.equal(plainPath(path), expected);
      assert.equal(isPlainPath(path), path === expected);
    });
  }

  it('stay as they are, and hold nothing that is taken apart', () => {
    const unit = fc.constantFrom('/', '.', 'a', '%2e', '%2F', '%', '5', 'c', '\\', '%41');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
        const plain = plainPath(`/${text}`);
        if (plain === undefined) return;
        assert.equal(plainPath(plain), plain);
        assert.doesNotMatch(plain, /\/\/|\/\.\.?(\/|$)|\\/);
      }),
    );
  });
});
