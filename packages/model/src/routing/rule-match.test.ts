import assert from 'node:assert/strict';

import type { RuleCondition } from '../generated/messages.ts';
import type { RequestView } from './conditions.ts';
import { matchRule } from './rule-match.ts';
import { EMPTY_TABLE, updateTable } from './table.ts';
import { condition, fixed, listener, request, rule, update } from './testing.ts';

/** The priority of the rule that a request falls to. */
function matched(
  rules: readonly (readonly RuleCondition[])[],
  view: Partial<RequestView>,
): number | 'default' | undefined {
  const table = updateTable(
    EMPTY_TABLE,
    update(1, {
      snapshot: true,
      listeners: [listener(80, fixed('404'))],
      rules: rules.map((conditions, index) => rule('l80', index + 1, conditions, fixed('200'))),
    }),
  );
  const routes = table.listeners.get(80);
  assert.ok(routes);
  return matchRule(routes, request(view)).priority;
}

interface Case {
  readonly name: string;
  readonly condition: RuleCondition;
  readonly matching: readonly Partial<RequestView>[];
  readonly others: readonly Partial<RequestView>[];
}

const header = (name: string, ...values: string[]): RuleCondition =>
  condition('http-header', values, { httpHeaderName: name });
const query = (...pairs: { key?: string; value: string }[]): RuleCondition =>
  condition('query-string', [], { queryString: pairs });

const cases: readonly Case[] = [
  {
    name: 'a host ignores case and a star crosses dots',
    condition: condition('host-header', ['*.Example.com']),
    matching: [{ host: 'a.example.COM' }, { host: 'a.b.example.com' }],
    others: [{ host: 'example.com' }, { host: 'a.example.org' }],
  },
  {
    name: 'a path counts case, is anchored, and is taken as sent',
    condition: condition('path-pattern', ['/img/*', '/exact']),
    matching: [{ path: '/img/' }, { path: '/img/a/../b' }, { path: '/exact' }],
    others: [{ path: '/img' }, { path: '/IMG/a' }, { path: '//img/a' }, { path: '/%69mg/a' }],
  },
  {
    name: 'a header ignores case and is searched line by line',
    condition: header('X-Stage', 'beta*'),
    matching: [
      { headers: ['x-stage', 'BETA-2'] },
      { headers: ['X-Stage', 'prod', 'X-Other', 'y', 'X-STAGE', 'beta'] },
    ],
    others: [{}, { headers: ['X-Stage', 'prod, beta'] }, { headers: ['X-Other', 'beta'] }],
  },
  {
    name: 'a method is exact, and GET does not stand for HEAD',
    condition: condition('http-request-method', ['GET']),
    matching: [{ method: 'GET' }],
    others: [{ method: 'HEAD' }, { method: 'get' }],
  },
  {
    name: 'a query pair ignores case and is not decoded',
    condition: query({ key: 'Version', value: 'v?' }),
    matching: [{ query: 'version=V1' }, { query: 'a=b&version=v2&c' }],
    others: [{}, { query: 'version=%76' }, { query: 'version=v10' }, { query: 'v1' }],
  },
  {
    name: 'a query value without a key is looked for under any key',
    condition: query({ value: '*magic*' }),
    matching: [{ query: 'x=somemagic!' }],
    others: [{ query: 'magic=1' }],
  },
  {
    name: 'a query key without = has the empty value',
    condition: query({ key: 'debug', value: '' }),
    matching: [{ query: 'debug' }, { query: 'debug=&x' }],
    others: [{ query: 'debug=1' }],
  },
  {
    name: 'a source is the peer, never what the client claims',
    condition: condition('source-ip', ['192.0.2.0/24', '2001:db8::/32']),
    matching: [{ sourceAddress: '192.0.2.9' }, { sourceAddress: '::ffff:192.0.2.9' }],
    others: [{ sourceAddress: '10.0.0.1', headers: ['X-Forwarded-For', '192.0.2.9'] }],
  },
];

describe('rules', () => {
  for (const { name, condition: only, matching, others } of cases) {
    it(name, () => {
      for (const view of matching) assert.equal(matched([[only]], view), 1, JSON.stringify(view));
      for (const view of others) {
        assert.equal(matched([[only]], view), 'default', JSON.stringify(view));
      }
    });
  }

  it('are tried by priority, the first that holds wins', () => {
    const rules = [[condition('path-pattern', ['/a'])], [condition('path-pattern', ['/*'])]];
    assert.equal(matched(rules, { path: '/a' }), 1);
    assert.equal(matched(rules, { path: '/b' }), 2);
    assert.equal(matched(rules, { path: '*' }), 'default');
  });

  it('need all of their conditions; two on one header are both needed', () => {
    const both = [[header('Accept', '*json*'), header('Accept', '*v2*')]];
    assert.equal(matched(both, { headers: ['Accept', 'application/json;v2'] }), 1);
    assert.equal(matched(both, { headers: ['Accept', 'application/json'] }), 'default');
  });
});
