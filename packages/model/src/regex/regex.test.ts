import assert from 'node:assert/strict';

import fc from 'fast-check';

import { parseRegex } from './regex.ts';
import type { Regex } from './regex.ts';

function regex(pattern: string): Regex {
  const result = parseRegex(pattern);
  if (!result.ok) throw new Error(`${pattern}: column ${result.column}: ${result.problem}`);
  return result.regex;
}

describe('regular expressions', () => {
  const cases: { pattern: string; yes: string[]; no: string[] }[] = [
    { pattern: 't2.*', yes: ['t2.micro', 't2.', 't2'], no: ['at2.micro', 't3.micro', ''] },
    { pattern: '^t2.*$', yes: ['t2.micro'], no: ['xt2.micro'] },
    { pattern: 'a|bc', yes: ['a', 'bc'], no: ['ac', 'abc'] },
    { pattern: '(a|b)+?c{2,3}', yes: ['acc', 'abaccc'], no: ['cc', 'acccc', 'ac'] },
    { pattern: '[a-c\\d_-]*', yes: ['', 'a-1_'], no: ['d', 'a b'] },
    { pattern: '[^a-c]', yes: ['d', '\n', '\u{1F600}'], no: ['a', '', 'dd'] },
    { pattern: '.', yes: ['x', '\u{1F600}'], no: ['\n', ''] },
    { pattern: '\\w+\\.\\w+\\s?', yes: ['a.b', 'a.b '], no: ['a,b'] },
    { pattern: '(?:ab){0}', yes: [''], no: ['ab'] },
    { pattern: '(a*)*', yes: ['', 'aaa'], no: ['b'] },
    { pattern: 'a$b|c', yes: ['c'], no: ['ab', 'a$b'] },
    { pattern: '', yes: [''], no: ['x'] },
  ];
  for (const { pattern, yes, no } of cases) {
    it(`/${pattern}/ matches whole texts`, () => {
      for (const text of yes) assert.ok(regex(pattern).matches(text), `should match "${text}"`);
      for (const text of no) assert.ok(!regex(pattern).matches(text), `should not match "${text}"`);
    });
  }

  const refusals: { pattern: string; column: number; problem: RegExp }[] = [
    { pattern: 'a(?=b)', column: 2, problem: /look-ahead/ },
    { pattern: '(?!b)', column: 1, problem: /negative look-ahead/ },
    { pattern: '(?<=b)', column: 1, problem: /look-behind/ },
    { pattern: '(?<!b)', column: 1, problem: /negative look-behind/ },
    { pattern: '(?<n>b)', column: 1, problem: /named group/ },
    { pattern: '(?>b)', column: 1, problem: /atomic group/ },
    { pattern: '(?i)b', column: 1, problem: /inline flags/ },
    { pattern: '(a)\\1', column: 4, problem: /back-reference "\\1"/ },
    { pattern: '\\k<n>', column: 1, problem: /named back-reference/ },
    { pattern: '\\bx', column: 1, problem: /word boundary/ },
    { pattern: '\\p{L}', column: 1, problem: /escape "\\p"/ },
    { pattern: 'a*+', column: 3, problem: /possessive/ },
    { pattern: 'a**', column: 3, problem: /quantifier follows/ },
    { pattern: '*a', column: 1, problem: /nothing before/ },
    { pattern: '^*', column: 2, problem: /anchor/ },
    { pattern: 'a{2', column: 2, problem: /expected \{m\}/ },
    { pattern: 'a{3,2}', column: 2, problem: /less often/ },
    { pattern: 'a{1001}', column: 2, problem: /more than 1000/ },
    { pattern: '(a{1000}){9}', column: 1, problem: /states/ },
    { pattern: '((((){1000}){1000}){1000}){1000}', column: 1, problem: /states/ },
    { pattern: '(a', column: 1, problem: /not closed/ },
    { pattern: 'a)', column: 2, problem: /closes no group/ },
    { pattern: '[a', column: 1, problem: /not closed/ },
    { pattern: '[]', column: 2, problem: /empty class/ },
    { pattern: '[z-a]', column: 2, problem: /backwards/ },
    { pattern: '[\\d-z]', column: 2, problem: /character at each end/ },
    { pattern: '[a[b]]', column: 3, problem: /class in a class/ },
    { pattern: '[a&&b]', column: 3, problem: /intersection/ },
    { pattern: 'a\\', column: 2, problem: /escapes nothing/ },
    { pattern: '('.repeat(60) + ')'.repeat(60), column: 52, problem: /deeper/ },
    { pattern: 'a'.repeat(2001), column: 1, problem: /at most 2000/ },
  ];
  for (const { pattern, column, problem } of refusals) {
    it(`refuses /${pattern.slice(0, 32)}/`, () => {
      const result = parseRegex(pattern);
      assert.ok(!result.ok);
      assert.match(result.problem, problem);
      assert.equal(result.column, column);
    });
  }

  it('agrees with JavaScript on the safe subset', () => {
    const atom = fc.constantFrom(
      'a',
      'b',
      '.',
      '\\d',
      '\\W',
      '[ab]',
      '[^a]',
      '[0-9b]',
      '\\.',
      '1',
      '^',
      '$',
    );
    const { pattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
      part: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        atom,
        fc.tuple(tie('part'), tie('part')).map(([left, right]) => left + right),
        fc.tuple(tie('part'), tie('part')).map(([left, right]) => `(${left}|${right})`),
        fc
          .tuple(tie('part'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{0,}', '*?'))
          .map(([item, quantifier]) => `(?:${item})${quantifier}`),
      ),
      pattern: tie('part'),
    }));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', '.', ' ', '\n'), maxLength: 6 });
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 3, maxLength: 3 }), (source, texts) => {
        // A lone anchor in a group can't be repeated here; JavaScript allows it.
        const ours = parseRegex(source);
        fc.pre(ours.ok);
        const theirs = new RegExp(`^(?:${source})$`, 'u');
        for (const item of texts) assert.equal(ours.regex.matches(item), theirs.test(item), item);
      }),
      { numRuns: 500 },
    );
  });

  for (const pattern of ['(a|a)*b', '(a*)*b', '(a+)+b', '(a|aa)*b', '(.*)*(.*)*x']) {
    it(`works on /${pattern}/ in proportion to the text`, () => {
      const work = (length: number): number => {
        const fresh = regex(pattern);
        assert.ok(!fresh.matches('a'.repeat(length)));
        return fresh.work;
      };
      assert.ok(work(10_000) <= 10 * work(1000) + 100);
      assert.ok(work(10_000) <= 10_000 * 20);
    });
  }

  it('stays linear when the remembered sets are forgotten again and again', () => {
    const fresh = regex('.*(a|b).{12}');
    let text = '';
    for (let index = 0; index < 20_000; index += 1)
      text += (index * 7919) % 13 < 6 ? 'a' : '\u{4e00}';
    assert.ok(!fresh.matches(`${text}c\n`));
    assert.ok(fresh.work < text.length * 100);
  });
});
