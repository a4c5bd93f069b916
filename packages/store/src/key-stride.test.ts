import assert from 'node:assert/strict';

import fc from 'fast-check';

import { after, endOf } from './etcd-keys.ts';
import { KeyStride } from './key-stride.ts';

const PREFIX = '/berth/v1/';
const PAGE = 100;
const MOST_PAGES = 10_000;

interface Listed {
  readonly keys: readonly string[];
  readonly pages: number;
  /** Keys that etcd goes through, over all pages. */
  readonly passed: number;
}

/** List the keys page by page, as `EtcdStore` does, of an etcd that is a sorted list. */
function list(sorted: readonly string[], size = PAGE): Listed {
  const stride = new KeyStride();
  const end = endOf(PREFIX);
  const found: string[] = [];
  let start: Buffer = Buffer.from(PREFIX);
  let bound = end;
  let [passed, pages] = [0, 0];
  for (;;) {
    const range = sorted.filter((key) => {
      const bytes = Buffer.from(key);
      return bytes.compare(start) >= 0 && bytes.compare(bound) < 0;
    });
    const page = range.slice(0, size);
    const more = range.length > page.length;
    found.push(...page);
    passed += range.length;
    pages += 1;
    assert.ok(pages < MOST_PAGES, 'the list does not end');
    if (bound === end && !more) return { keys: found, pages, passed };
    const last = page.at(-1);
    start = more && last !== undefined ? after(last) : bound;
    bound = stride.next(
      page.map((key) => ({ key })),
      start,
      size,
      end,
    );
  }
}

describe('the stride of a list', () => {
  it('comes by every key once, whatever keys there are', () => {
    const name = fc.constantFrom('', 'a/', 'tasks/default/', 'task-status/default/', 'zz/deep/er/');
    const id = fc.oneof(fc.stringMatching(/^[0-9a-f]{1,12}$/), fc.string({ minLength: 1 }));
    const part = fc.tuple(name, id).map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        fc.uniqueArray(part, { maxLength: 300, size: 'max' }),
        fc.integer({ min: 1, max: PAGE }),
        (parts, size) => {
          const keys = parts.map((each) => Buffer.from(PREFIX + each));
          const sorted = keys.sort((a, b) => a.compare(b)).map((key) => key.toString());
          assert.deepEqual(list(sorted, size).keys, sorted);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('knows nothing of where shorter keys follow', () => {
    const page = ['1', '2'].map((id) => ({ key: `${PREFIX}with-a-long-name/default/${id}` }));
    const end = endOf(PREFIX);
    assert.equal(new KeyStride().next(page, Buffer.from(`${PREFIX}x`), PAGE, end), end);
  });

  it('passes few keys more than there are, also where some collections are large and others small', () => {
    const ids = Array.from({ length: 4_000 }, (_, at) =>
      ((at * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0').repeat(4),
    );
    const keys = [
      ...ids.map((id) => `${PREFIX}tasks/default/${id}`),
      ...ids.map((id) => `${PREFIX}task-status/default/${id}`),
      ...ids.slice(0, 30).map((id) => `${PREFIX}services/default/${id}`),
      `${PREFIX}clusters/default`,
      `${PREFIX}trust-stores/one`,
    ].sort();
    const { keys: found, passed, pages } = list(keys);
    assert.deepEqual(found, keys);
    // Page by page of all that is left would pass 40 times as many as there are.
    assert.ok(passed < 8 * keys.length, `${passed} keys passed of ${keys.length}`);
    assert.ok(pages < 4 * (keys.length / PAGE), `${pages} pages`);
  });
});
