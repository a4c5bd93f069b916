import assert from 'node:assert/strict';

import fc from 'fast-check';

import { parseRegex } from './regex.ts';
import { parseReplacer } from './replace.ts';

function replace(
  pattern: string,
  template: string,
  text: string,
  fold = false,
): string | undefined {
  const made = parseReplacer(pattern, template, { fold });
  if (!made.ok) throw new Error(`${pattern}: column ${made.column}: ${made.problem}`);
  return made.replacer.replaceFirst(text);
}

describe('replacing by a regular expression', () => {
  const cases: readonly (readonly [string, string, string, string | undefined])[] = [
    ['^/api/(.*)$', '/$1', '/api/users?x=1', '/users?x=1'],
    ['^/api/(.*)$', '/$1', '/web/users', undefined],
    ['/v(\\d+)/', '/version-$1/', '/a/v12/b/v3/', '/a/version-12/b/v3/'],
    ['^/(\\w+)/(\\w+)', '/$2/$1', '/a/b/c', '/b/a/c'],
    ['(a)|(b)', '[$1$2]', 'xb', 'x[b]'],
    ['a*', '-', 'baa', '-baa'],
    ['a+?', '-', 'aaa', '-aa'],
    ['(a+?)(a*)', '$2|$1', 'aaa', 'aa|a'],
    ['(?:ab)+', '', 'xababy', 'xy'],
    ['ab|abc', '-', 'abcd', '-cd'],
    ['(.)$', '<$1>', 'x\u{1F600}', 'x<\u{1F600}>'],
    ['^$', '/', '', '/'],
    ['x', '$0 $a $', 'x', '$0 $a $'],
  ];
  for (const [pattern, template, text, expected] of cases) {
    it(`/${pattern}/ in "${text}" by "${template}"`, () => {
      assert.equal(replace(pattern, template, text), expected);
    });
  }

  it('may take upper and lower case as the same', () => {
    assert.equal(replace('^API\\.([^a]*)$', '$1.b', 'api.X', true), 'X.b');
    assert.equal(replace('^API\\.([^a]*)$', '$1.b', 'api.A', true), undefined);
  });

  it('refuses what matching refuses, and automata that are large', () => {
    assert.equal(parseReplacer('(a)\\1', '').ok, false);
    assert.equal(parseReplacer('a{700}', '').ok, false);
  });

  it('does as the engine of JavaScript does, in linear time', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '(a)', '(b|ab)', '(?:a|b)');
    const quantifier = fc.constantFrom('', '*', '+', '?', '*?', '+?', '{1,2}');
    const pattern = fc
      .array(fc.tuple(atom, quantifier), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.map(([one, times]) => one + times).join(''));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 });
    fc.assert(
      fc.property(pattern, text, (source, subject) => {
        const native = new RegExp(source, 's');
        const expected = native.test(subject)
          ? subject.replace(native, (...found: unknown[]) => `<${String(found[0])}>`)
          : undefined;
        const made = parseReplacer(`(${source})`, '<$1>');
        assert.ok(made.ok);
        assert.equal(made.replacer.replaceFirst(subject), expected);
        const part = parseRegex(source, { part: true });
        assert.ok(part.ok);
        assert.equal(part.regex.matches(subject), expected !== undefined);
      }),
    );
  });
});
