import assert from 'node:assert/strict';

import type { RuleTransform } from '../generated/messages.ts';
import { type Transformed, compileTransforms, transformRequest } from './transforms.ts';

function transform(
  records: readonly RuleTransform[],
  authority: string,
  target: string,
): Transformed {
  const made = compileTransforms(records);
  assert.ok(made.ok);
  assert.ok(made.transforms);
  return transformRequest(made.transforms, { authority, target });
}

const url = (regex: string, replace: string): RuleTransform => ({
  type: 'url-rewrite',
  rewrites: [{ regex, replace }],
});
const host = (regex: string, replace: string): RuleTransform => ({
  type: 'host-header-rewrite',
  rewrites: [{ regex, replace }],
});

describe('transforms', () => {
  const cases: readonly (readonly [string, RuleTransform[], string, string, string])[] = [
    ['strip a prefix', [url('^/api/(.*)$', '/$1')], 'a.com', '/api/x?y=1', 'a.com /x?y=1'],
    ['leave what does not match', [url('^/api/', '/')], 'a.com', '/web', 'a.com /web'],
    ['keep percent-encoding', [url('^/a', '/b')], 'a.com', '/a%2Fb%20c', 'a.com /b%2Fb%20c'],
    ['see the query', [url('\\?x=(\\d+)$', '/$1')], 'a.com', '/p?x=12', 'a.com /p/12'],
    ['rewrite the host', [host('^(.+)\\.old\\.com$', '$1.new.com')], 'A.OLD.com', '/', 'A.new.com /'],
    ['keep the port', [host('^old$', 'new')], 'old:8080', '/', 'new:8080 /'],
    ['set the port', [host('^old$', 'new:81')], 'old:8080', '/', 'new:81 /'],
    ['do both', [host('a', 'b'), url('a', 'b')], 'a.com', '/a', 'b.com /b'],
    ['fail without a leading slash', [url('^/', '')], 'a.com', '/x', 'the rewritten URL is no path'],
    ['fail on a fragment', [url('x', '#')], 'a.com', '/x', 'the rewritten URL is no path'],
    ['fail on a space', [url('x', ' ')], 'a.com', '/x', 'the rewritten URL is no path'],
    ['fail on an empty host', [host('.*', '')], 'a.com', '/x', 'the rewritten host is no host'],
    ['fail on a host with a line break', [host('a', 'a\r\nX: y')], 'a.com', '/', 'the rewritten host is no host'],
  ]; // prettier-ignore
  for (const [name, records, authority, target, expected] of cases) {
    it(name, () => {
      const found = transform(records, authority, target);
      assert.equal(found.ok ? `${found.authority} ${found.target}` : found.problem, expected);
    });
  }

  it('say what they changed', () => {
    const found = transform([host('a', 'b'), url('q', 'r')], 'a.com', '/x');
    assert.deepEqual(found, {
      ok: true,
      authority: 'b.com',
      target: '/x',
      hostChanged: true,
      urlChanged: false,
    });
  });

  it('are refused with an expression that can not be read', () => {
    const made = compileTransforms([url('(?=x)', '')]);
    assert.deepEqual(made, {
      ok: false,
      problem: 'the expression of url-rewrite at character 1: look-ahead "(?=" is not supported',
    });
  });

  it('are none without records', () => {
    assert.deepEqual(compileTransforms([]), { ok: true, transforms: undefined });
  });
});
