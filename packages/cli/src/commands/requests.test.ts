// What `berth requests` and `berth explain request` print, from answers of an api.
import assert from 'node:assert/strict';

import type { RequestRecord } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';

import { CommandError } from '../failure.ts';
import { NOW, testContext, testTerminal } from '../testing/context.ts';
import { matchesGolden } from '../testing/golden.ts';
import { handlers as explain } from './explain.ts';
import { handlers as requests } from './requests.ts';

const phases = (
  choose: number,
  connect: number,
  send: number,
  wait: number,
  answer: number,
): object => [
  { name: 'choose', micros: choose },
  { name: 'connect', micros: connect },
  { name: 'send', micros: send },
  { name: 'wait', micros: wait },
  { name: 'answer', micros: answer },
];

function record(partial: object = {}): RequestRecord {
  return complete('RequestRecord', {
    requestId: '1-58337281-1d84f3d73c47ec4e58577259',
    proxy: 'edge-1',
    at: NOW - 3_000,
    client: '203.0.113.9:2817',
    protocol: 'https',
    method: 'GET',
    url: 'https://www.example.com:443/shop/items?page=2',
    listenerId: '50dc6c495c0c9188',
    ruleId: '9683b2d02a6cabee',
    priority: 20,
    targetGroup: 'hello',
    target: '10.0.0.1:20001',
    taskId: 'a1'.repeat(16),
    routingRevision: 1234,
    status: 200,
    targetStatus: 200,
    receivedBytes: 312,
    sentBytes: 12_057,
    phases: phases(125, 375, 500, 48_000, 250),
    attempts: [{ target: '10.0.0.1:20001', outcome: 'answered', reusedConnection: true }],
    traceId: 'Root=1-58337281-1d84f3d73c47ec4e58577259',
    ...partial,
  });
}

const failed = record({
  requestId: '1-58337281-000000000000000000000002',
  traceId: 'Root=1-58337281-000000000000000000000002',
  at: NOW - 61_000,
  method: 'POST',
  url: 'http://www.example.com:8080/a/rather/long/path/that/does/not/fit/into/the/line',
  protocol: 'http',
  status: 504,
  targetStatus: undefined,
  ruleId: 'default',
  priority: undefined,
  errorReason: 'no answer in time',
  phases: phases(90, 2_000_000, 0, 60_000_000, 120),
  attempts: [
    { target: '10.0.0.2:20001', outcome: 'no connection within 2000 ms' },
    { target: '10.0.0.1:20001', outcome: 'timeout' },
  ],
});
const refused = record({
  requestId: '',
  traceId: undefined,
  method: '-',
  url: 'http://-:80-',
  protocol: 'http',
  status: 400,
  listenerId: '',
  ruleId: undefined,
  priority: undefined,
  targetGroup: undefined,
  target: undefined,
  taskId: undefined,
  targetStatus: undefined,
  phases: [{ name: 'answer', micros: 480 }],
  attempts: [],
});

describe('requests', () => {
  async function* batches(): AsyncGenerator<object> {
    yield { requests: [failed, refused, record()], skipped: 0, missing: ['p2: no answer'] };
    yield { requests: [], skipped: 3, missing: [] };
    await Promise.resolve();
  }
  const asked: object[] = [];
  const operations = {
    WatchRequests: (request: object) => {
      asked.push(request);
      return batches();
    },
  };

  it('are lines, or JSON', async () => {
    const context = testContext(['requests', '--status', '5xx', '-n', '5'], { operations });
    await requests['requests']?.(context);
    assert.deepEqual(asked.at(-1), {
      limit: 5,
      follow: false,
      status: '5xx',
      targetGroup: undefined,
    });
    matchesGolden('requests.txt', context.terminal.output());
    assert.deepEqual(context.terminal.complaints(), [
      'berth: requests are missing of p2: no answer',
      'berth: 3 requests came too fast to be shown',
    ]);
    const json = testContext(['requests', '--json', '--follow'], { operations });
    await requests['requests']?.(json);
    assert.equal(json.terminal.output().trim().split('\n').length, 3);
  });

  it('are told with the time when they are followed', async () => {
    const context = testContext(
      ['requests', '--follow'],
      { operations },
      testTerminal({ width: 140 }),
    );
    await requests['requests']?.(context);
    matchesGolden('requests-follow.txt', context.terminal.output());
  });

  it('are explained', async () => {
    const listener = { id: '50dc6c495c0c9188', port: 443, protocol: 'HTTPS' };
    const answer = complete('ExplainRequestResponse', {
      requests: [
        {
          request: record(),
          listener,
          rule: {
            id: '9683b2d02a6cabee',
            listenerId: '50dc6c495c0c9188',
            priority: 20,
            conditions: [
              { field: 'host-header', values: ['www.example.com', '*.example.org'] },
              { field: 'path-pattern', values: [], regexValues: ['^/shop/'] },
              { field: 'query-string', queryString: [{ key: 'page', value: '2' }] },
            ],
          },
          changed: true,
          target: { group: 'hello', id: 't', cluster: 'default', service: 'hello' },
        },
        { request: failed, listener },
        { request: refused },
      ],
    });
    const context = testContext(['explain', 'request', 'x'], {
      operations: { ExplainRequest: () => Promise.resolve(answer) },
    });
    await explain['explain request']?.(context);
    matchesGolden('explain-request.txt', context.terminal.output());
  });

  it('say that nobody remembers one', async () => {
    const answer = complete('ExplainRequestResponse', { missing: ['p2: no answer'] });
    const context = testContext(['explain', 'request', 'x'], {
      operations: { ExplainRequest: () => Promise.resolve(answer) },
    });
    await assert.rejects(
      async () => explain['explain request']?.(context),
      (error) => error instanceof CommandError && error.message.includes('remembers a request x'),
    );
    assert.deepEqual(context.terminal.complaints(), ['berth: not asked: p2: no answer']);
  });
});
