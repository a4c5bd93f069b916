import assert from 'node:assert/strict';

import { explainRoute } from './explain.ts';
import { EMPTY_TABLE, updateTable } from './table.ts';
import { condition, fixed, forward, listener, request, rule, update } from './testing.ts';

const table = updateTable(
  EMPTY_TABLE,
  update(1, {
    listeners: [listener(80, fixed('404'))],
    rules: [
      rule('l80', 1, [condition('host-header', ['*.b.com'])], forward('b')),
      rule(
        'l80',
        2,
        [
          condition('path-pattern', ['/api/*']),
          condition('http-header', ['yes'], { httpHeaderName: 'X-Beta' }),
        ],
        forward('beta'),
      ),
      {
        ...rule('l80', 3, [condition('path-pattern', ['/api/*'])], forward('api')),
        transforms: [{ type: 'url-rewrite', rewrites: [{ regex: '^/api/(.*)$', replace: '/$1' }] }],
      },
      rule('l80', 4, [condition('source-ip', ['10.0.0.0/8'])], forward('inside')),
    ],
  }),
);

describe('explaining a route', () => {
  it('names the rule, and for each earlier one what did not hold', () => {
    const found = explainRoute(table, {
      ...request({ host: 'a.com', path: '/api/x', query: 'q=1', headers: ['x-beta', 'no'] }),
      port: 80,
    });
    assert.deepEqual(found, {
      listenerId: 'l80',
      protocol: 'HTTP',
      key: 'l80/r3',
      priority: 3,
      conditions: [{ condition: 'path-pattern /api/*', holds: true, compared: 'path "/api/x"' }],
      authentication: undefined,
      action: 'forward api:1',
      transformed: 'a.com/x?q=1',
      passed: [
        {
          key: 'l80/r1',
          priority: 1,
          failed: { condition: 'host-header *.b.com', holds: false, compared: 'host "a.com"' },
        },
        {
          key: 'l80/r2',
          priority: 2,
          failed: {
            condition: 'http-header x-beta: yes',
            holds: false,
            compared: 'header x-beta "no"',
          },
        },
      ],
    });
  });

  it('falls to the default rule when nothing holds', () => {
    const found = explainRoute(table, { ...request({ path: '/' }), port: 80 });
    assert.equal(found?.priority, 'default');
    assert.deepEqual(
      found.passed.map(({ failed }) => failed.compared),
      ['host "example.com"', 'path "/"', 'path "/"', 'source address "192.0.2.7"'],
    );
  });

  it('sees paths as the listener wants them', () => {
    const [record] = table.records.listeners.values();
    assert.ok(record);
    const tableWith = (mode: string): typeof table =>
      updateTable(
        table,
        update(2, {
          listeners: [{ ...record, attributes: { 'berth.path.normalization': mode } }],
        }),
      );
    const ask = (mode: string, path: string): unknown => {
      const found = explainRoute(tableWith(mode), { ...request({ path }), port: 80 });
      return [found?.priority, found?.action];
    };
    assert.deepEqual(ask('off', '/x/../api/y'), [
      'default',
      'fixed-response 404 text/plain (0 characters)',
    ]);
    assert.deepEqual(ask('normalize', '/x/../api/y'), [3, 'forward api:1']);
    assert.deepEqual(ask('reject', '/x/../api/y'), [
      'default',
      'refused with 400: its path has no plain form',
    ]);
  });

  it('knows no port that nothing listens on', () => {
    assert.equal(explainRoute(table, { ...request(), port: 81 }), undefined);
  });
});
