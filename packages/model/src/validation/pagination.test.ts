import assert from 'node:assert/strict';

import fc from 'fast-check';

import { type PageRequest, pageOf, pageOfOrdered } from './pagination.ts';
import { assertRefused } from './refusals.test.ts';

const request = (fields: Partial<PageRequest> = {}): PageRequest => ({
  question: ['List', 'default'],
  nextToken: undefined,
  maxResults: undefined,
  defaultResults: 100,
  ...fields,
});

const text = (item: string): string => item;

function collect(
  items: () => Iterable<string>,
  fields: Partial<PageRequest>,
): { readonly all: string[]; readonly pages: number } {
  const all: string[] = [];
  let nextToken: string | undefined;
  let pages = 0;
  do {
    const page = pageOf(items(), text, request({ ...fields, nextToken }));
    all.push(...page.items);
    nextToken = page.nextToken;
    pages += 1;
  } while (nextToken !== undefined && pages < 1000);
  return { all, pages };
}

const names = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_: -]{0,12}$/), { maxLength: 40 });
const sizes = fc.integer({ min: 1, max: 100 });

describe('pages', () => {
  it('cover everything exactly once, in order', () => {
    fc.assert(
      fc.property(names, sizes, fc.boolean(), (items, maxResults, descending) => {
        const { all, pages } = collect(() => items, { maxResults, descending });
        const sorted = [...items].sort((a, b) => (a < b ? -1 : 1));
        assert.deepEqual(all, descending ? sorted.reverse() : sorted);
        assert.equal(pages, Math.max(1, Math.ceil(items.length / maxResults)));
      }),
    );
  });

  it('have what is there all the time exactly once, whatever comes and goes between them', () => {
    fc.assert(
      fc.property(names, fc.array(names), sizes, (stay, others, maxResults) => {
        const fixed = new Set(stay);
        let turn = 0;
        const { all } = collect(
          () => {
            const passing = others[turn % Math.max(1, others.length)] ?? [];
            turn += 1;
            return new Set([...passing, ...stay]);
          },
          { maxResults },
        );
        assert.deepEqual(all.filter((name) => fixed.has(name)).sort(), [...stay].sort());
        assert.equal(new Set(all).size, all.length);
      }),
    );
  });

  it('of what comes in order are the same, and look at no more than they must', () => {
    const matches = (name: string): boolean => name.length % 2 === 0;
    fc.assert(
      fc.property(
        names,
        sizes,
        fc.option(names, { nil: undefined }),
        (items, maxResults, after) => {
          const sorted = [...items].sort((a, b) => (a < b ? -1 : 1));
          const first = pageOf(
            [...items, ...(after ?? [])].filter(matches),
            text,
            request({ maxResults }),
          );
          const asked = request({ maxResults, nextToken: first.nextToken });
          let looked = 0;
          const from = function* (key: string | undefined): Generator<string> {
            for (const name of sorted) {
              if (key !== undefined && name <= key) continue;
              looked += 1;
              yield name;
            }
          };
          const page = pageOfOrdered(from, text, matches, asked);
          assert.deepEqual(page, pageOf(items.filter(matches), text, asked));
          if (page.items.length === 0) return;
          const last = sorted.indexOf(page.items.at(-1) ?? '');
          if (page.nextToken !== undefined) {
            const next = sorted.findIndex((name, index) => index > last && matches(name));
            assert.ok(looked <= next + 1);
          }
        },
      ),
    );
  });

  it('have the default size', () => {
    const items = Array.from({ length: 11 }, (_, index) => String(index));
    assert.equal(pageOf(items, text, request({ defaultResults: 10 })).items.length, 10);
  });

  it('of a size out of range are refused', () => {
    for (const maxResults of [0, 101]) {
      assertRefused(
        () => pageOf([], text, request({ maxResults })),
        'InvalidParameterException',
        `maxResults is ${maxResults}; expected a whole number from 1 to 100.`,
      );
    }
  });

  it('refuse a token that is none, one that was changed, and one for another question', () => {
    const { nextToken = '' } = pageOf(['a', 'b'], text, request({ maxResults: 1 }));
    const made = 'Invalid nextToken: it was not given by this API; begin again without one.';
    const changed = nextToken.slice(0, -1) + (nextToken.endsWith('1') ? '2' : '1');
    for (const token of ['x', 'abcd', changed, nextToken.slice(4)]) {
      assertRefused(
        () => pageOf(['a', 'b'], text, request({ nextToken: token })),
        'InvalidParameterException',
        made,
      );
    }
    assertRefused(
      () => pageOf(['a', 'b'], text, request({ nextToken, question: ['List', 'other'] })),
      'InvalidParameterException',
      'Invalid nextToken: it was given for other arguments; begin again without one.',
    );
  });
});
