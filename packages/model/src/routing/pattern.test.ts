import assert from 'node:assert/strict';

import fc from 'fast-check';

import { compilePattern, coversPattern, matchesPattern } from './pattern.ts';

/** The definition of the wildcards, exponential and obviously right. */
function reference(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const rest = pattern.slice(1);
  if (pattern.startsWith('*')) {
    return reference(rest, text) || (text !== '' && reference(pattern, text.slice(1)));
  }
  if (text === '') return false;
  return (pattern.startsWith('?') || pattern[0] === text[0]) && reference(rest, text.slice(1));
}

const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
const texts = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
const plain = (text: string): ReturnType<typeof compilePattern> =>
  compilePattern(text, { fold: false });

describe('patterns', () => {
  const cases: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
    ['/img', '/img/', false],
    ['/img/*', '/img', false],
    ['/img/*', '/img/', true],
    ['/img/*', '/img/a/b', true],
    ['/img/*', '//img/a', false],
    ['/a?c', '/abc', true],
    ['/a?c', '/ac', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a*a', 'a', false],
    ['*ab*ab', 'ab', false],
    ['*ab*ab', 'abab', true],
    ['*.html', '/x.html', true],
    ['/HELLO', '/hello', false],
  ];
  for (const [pattern, text, matches] of cases) {
    it(`${pattern} ${matches ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () => {
      assert.equal(matchesPattern(plain(pattern), text), matches);
    });
  }

  it('ignore case only where told to', () => {
    const host = compilePattern('*.Example.com', { fold: true });
    assert.ok(matchesPattern(host, 'A.b.EXAMPLE.com'));
    assert.ok(!matchesPattern(host, 'example.com'));
  });

  it('take an escaped wildcard as itself only where escapes exist', () => {
    const escaped = compilePattern('a\\*\\?\\\\', { fold: true, escapes: true });
    assert.ok(matchesPattern(escaped, 'a*?\\'));
    assert.ok(!matchesPattern(escaped, 'abc\\'));
    assert.ok(matchesPattern(plain('a\\*'), 'a\\bc'));
  });

  it('mean what the definition says', () => {
    fc.assert(
      fc.property(patterns, texts, (pattern, text) => {
        assert.equal(matchesPattern(plain(pattern), text), reference(pattern, text));
      }),
      { numRuns: 2000 },
    );
  });

  it('settle hostile texts without backtracking', () => {
    const hostile = plain('*a?a*b?b*c');
    assert.equal(matchesPattern(hostile, 'a'.repeat(16_000)), false);
    assert.equal(matchesPattern(plain(`${'*a'.repeat(60)}b`), 'a'.repeat(16_000)), false);
  });

  it('cover another only if they match all that it matches', () => {
    fc.assert(
      fc.property(patterns, patterns, texts, (outer, inner, text) => {
        if (!coversPattern(plain(outer), plain(inner)) || !reference(inner, text)) return;
        assert.ok(reference(outer, text), `${outer} was said to cover ${inner}, but not ${text}`);
      }),
      { numRuns: 5000 },
    );
  });

  it('are known to cover the usual narrower ones', () => {
    for (const [outer, inner] of [
      ['*', '/a/*'],
      ['/a/*', '/a/b'],
      ['/a/*', '/a/b/*'],
      ['/a/*', '/a/?c*'],
      ['/a?', '/ab'],
    ] as const) {
      assert.ok(coversPattern(plain(outer), plain(inner)), `${outer} covers ${inner}`);
      assert.ok(!coversPattern(plain(inner), plain(outer)), `${inner} does not cover ${outer}`);
    }
  });
});
