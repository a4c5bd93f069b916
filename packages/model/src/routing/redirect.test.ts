import assert from 'node:assert/strict';

import type { RedirectAction } from '../generated/messages.ts';
import { redirectLocation } from './redirect.ts';

const PARTS = {
  protocol: 'http',
  host: 'example.com',
  port: 8080,
  path: '/a/b',
  query: 'x=%20&y',
} as const;

interface Case {
  readonly name: string;
  readonly action: Partial<RedirectAction>;
  readonly parts?: Partial<typeof PARTS> | { query: string };
  readonly location: string;
}

const cases: readonly Case[] = [
  {
    name: 'keeps what it does not name, the explicit port and the encoding',
    action: { protocol: 'HTTPS', port: '443' },
    location: 'https://example.com:443/a/b?x=%20&y',
  },
  {
    name: 'yields no question mark without a query',
    action: { host: 'www.#{host}' },
    parts: { query: '' },
    location: 'http://www.example.com:8080/a/b',
  },
  {
    name: 'fills placeholders wherever they stand',
    action: { path: '/#{host}/#{port}/#{path}', query: 'from=#{protocol}&#{query}' },
    location: 'http://example.com:8080/example.com/8080/a/b?from=http&x=%20&y',
  },
  {
    name: 'drops the query when told the empty one',
    action: { path: '/new', query: '' },
    location: 'http://example.com:8080/new',
  },
];

describe('redirect', () => {
  for (const { name, action, parts, location } of cases) {
    it(name, () => {
      const found = redirectLocation({ statusCode: 'HTTP_301', ...action }, { ...PARTS, ...parts });
      assert.equal(found, location);
    });
  }

  it('does not fill what a request brought in', () => {
    const found = redirectLocation(
      { statusCode: 'HTTP_302', host: 'h' },
      { ...PARTS, path: '/#{host}', query: '#{port}' },
    );
    assert.equal(found, 'http://h:8080/#{host}?#{port}');
  });

  it('refuses a Location that is too long', () => {
    const parts = { ...PARTS, path: `/${'a'.repeat(8192)}` };
    assert.equal(redirectLocation({ statusCode: 'HTTP_301', host: 'h' }, parts), undefined);
  });
});
