import assert from 'node:assert/strict';

import type { RuleRecord } from '@berth/model/generated/messages.ts';
import * as records from '@berth/model/routing/testing.ts';

import type { RequestSummary } from './request-summary.ts';
import { phasesOf } from './requests/record.ts';
import {
  type BackEnd,
  TestProxy,
  balancer,
  group,
  startBackEnd,
  targetAt,
} from './testing/data-path.ts';
import { rawClient, statuses } from './testing/raw.ts';

interface Setting {
  /** Attributes. */
  readonly balancer?: Readonly<Record<string, string>>;
  readonly listener?: Readonly<Record<string, string>>;
  readonly group?: Readonly<Record<string, string>>;
  readonly rules?: Parameters<TestProxy['route']>[0]['rules'];
}

const get = (path: string, ...lines: readonly string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: a.test', ...lines, 'Connection: close', '\r\n'].join('\r\n');

describe('dispatching', () => {
  const closers: (() => Promise<void>)[] = [];
  const summaries: RequestSummary[] = [];
  afterEach(async () => {
    summaries.length = 0;
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** Answers each request with its head as it came; `/late` never. */
  async function start(setting: Setting = {}): Promise<{ proxy: TestProxy; backEnd: BackEnd }> {
    const backEnd = await startBackEnd('echo', (message, response) => {
      message.resume();
      if (message.url === '/late') return;
      response.setHeader('Server', 'mine');
      const lines = message.rawHeaders.reduce<string[]>((pairs, text, i, all) => {
        if (i % 2 === 0) pairs.push(`${text}: ${all[i + 1] ?? ''}`);
        return pairs;
      }, []);
      message.on('end', () => {
        response.end([`${message.method ?? ''} ${message.url ?? ''}`, ...lines, ''].join('\n'));
      });
    });
    closers.push(() => backEnd.close());
    const proxy = new TestProxy({
      observer: { onRequestEnd: (summary) => summaries.push(summary) },
    });
    closers.push(() => proxy.stop());
    proxy.route({
      balancers: [balancer(setting.balancer ?? {})],
      listeners: [
        {
          ...records.listener(0, records.forward('web')),
          loadBalancer: 'web',
          attributes: setting.listener ?? {},
        },
      ],
      rules: setting.rules ?? [],
      groups: [group('web', setting.group ?? {})],
      targets: [targetAt('web', backEnd.port)],
    });
    await proxy.open();
    return { proxy, backEnd };
  }

  async function ask(proxy: TestProxy, send: string): Promise<string> {
    return await rawClient(proxy.port, send).answer();
  }

  describe('by the attributes of a load balancer', () => {
    const FROM = 'X-Forwarded-For: 192.0.2.1';
    for (const [name, attributes, lines, found] of [
      ['appends to X-Forwarded-For', {}, [FROM], /X-Forwarded-For: 192\.0\.2\.1, 127\.0\.0\.1\n/],
      [
        'appends the port of the client too',
        { 'routing.http.xff_client_port.enabled': 'true' },
        [FROM],
        /X-Forwarded-For: 192\.0\.2\.1, 127\.0\.0\.1:[0-9]+\n/,
      ],
      [
        'leaves X-Forwarded-For as it came',
        { 'routing.http.xff_header_processing.mode': 'preserve' },
        [FROM],
        /X-Forwarded-For: 192\.0\.2\.1\n/,
      ],
      [
        'adds no X-Forwarded-For where it is to be left as it came',
        { 'routing.http.xff_header_processing.mode': 'preserve' },
        [],
        /^(?![^]*X-Forwarded-For)/,
      ],
      [
        'removes X-Forwarded-For',
        { 'routing.http.xff_header_processing.mode': 'remove' },
        [FROM],
        /^(?![^]*X-Forwarded-For)/,
      ],
      ['states the port in Host', {}, [], /Host: a\.test:[0-9]+\n/],
      [
        'leaves Host as it came',
        { 'routing.http.preserve_host_header.enabled': 'true' },
        [],
        /Host: a\.test\n/,
      ],
      ['forwards names with other characters', {}, ['X_Odd.Name: 1'], /X_Odd\.Name: 1\n/],
      [
        'drops names with other characters',
        { 'routing.http.drop_invalid_header_fields.enabled': 'true' },
        ['X_Odd.Name: 1', 'X-Fine: 1'],
        /^(?![^]*X_Odd)[^]*X-Fine: 1\n/,
      ],
    ] as const) {
      it(name, async () => {
        const { proxy } = await start({ balancer: attributes });
        assert.match(await ask(proxy, get('/x', ...lines)), found);
      });
    }

    const LENGTH_ZERO = get('/x', 'Content-Length: 0');
    const WITH_BODY = 'GET /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi';
    for (const [mode, send, status, classification] of [
      ['defensive', LENGTH_ZERO, 200, 'Acceptable'],
      ['strictest', LENGTH_ZERO, 400, 'Acceptable'],
      ['strictest', get('/x', 'X: caf\xe9'), 400, 'Acceptable'],
      ['strictest', get('/x'), 200, undefined],
      ['defensive', WITH_BODY, 200, 'Ambiguous'],
      ['strictest', WITH_BODY, 400, 'Ambiguous'],
    ] as const) {
      it(`answers ${status} to ${JSON.stringify(send)} when ${mode}`, async () => {
        const { proxy } = await start({
          balancer: { 'routing.http.desync_mitigation_mode': mode },
        });
        assert.deepEqual(statuses(await ask(proxy, send)), [status]);
        assert.equal(summaries[0]?.desync?.classification, classification);
      });
    }

    it('closes both connections after an ambiguous request, unless it only monitors', async () => {
      const { proxy, backEnd } = await start();
      await ask(proxy, WITH_BODY);
      await ask(proxy, get('/x'));
      assert.equal(backEnd.connections.size, 2);
      const lenient = await start({
        balancer: { 'routing.http.desync_mitigation_mode': 'monitor' },
      });
      const both = await ask(lenient.proxy, WITH_BODY + get('/y'));
      assert.deepEqual(statuses(both), [200, 200]);
      assert.equal(lenient.backEnd.connections.size, 1);
    });
  });

  it('changes answers as the listener says', async () => {
    const { proxy } = await start({
      listener: {
        'routing.http.response.server.enabled': 'false',
        'routing.http.response.x_frame_options.header_value': 'DENY',
      },
    });
    const answer = await ask(proxy, get('/x'));
    assert.match(answer, /\r\nx-frame-options: DENY\r\n/i);
    assert.doesNotMatch(answer, /\r\nServer:/);
  });

  it('refuses too long a body, stated or not', async () => {
    const { proxy, backEnd } = await start({ group: { 'berth.request.max_body_bytes': '4' } });
    const post = (...rest: readonly string[]): string =>
      ['POST /x HTTP/1.1', 'Host: a.test', ...rest].join('\r\n');
    const stated = await ask(proxy, post('Content-Length: 5', '', 'hello'));
    assert.deepEqual(statuses(stated), [413]);
    assert.equal(backEnd.requests, 0);
    const chunked = post('Transfer-Encoding: chunked', '', '5', 'hello', '0', '', '');
    assert.deepEqual(statuses(await ask(proxy, chunked)), [413]);
    const fits = post('Connection: close', 'Content-Length: 4', '', 'four');
    assert.deepEqual(statuses(await ask(proxy, fits)), [200]);
  });

  it('answers 504 to a request whose time is over', async () => {
    const { proxy } = await start({ group: { 'berth.timeouts.request_ms': '60' } });
    assert.deepEqual(statuses(await ask(proxy, get('/late'))), [504]);
    assert.equal(proxy.inFlight, 0);
  });

  it('rewrites host and URL before it forwards, and answers 500 where that fails', async () => {
    const rule = (priority: number, path: string, regex: string, replace: string): RuleRecord => ({
      ...records.rule(
        'l0',
        priority,
        [records.condition('path-pattern', [path])],
        records.forward('web'),
      ),
      transforms: [
        { type: 'url-rewrite', rewrites: [{ regex, replace }] },
        { type: 'host-header-rewrite', rewrites: [{ regex: '^a\\.test$', replace: 'b.test' }] },
      ],
    });
    const { proxy } = await start({
      rules: [
        rule(1, '/api/*', '^/api/(.*)$', '/v2/$1'),
        rule(2, '/bad/*', '^/bad/.*$', 'no path'),
        rule(3, '/wide/*', '^/wide/(.*)$', '/\u010d\u010a$1'),
      ],
    });
    const answer = await ask(proxy, get('/api/x?y=1'));
    assert.match(answer, /\r\n\r\nGET \/v2\/x\?y=1\nHost: b\.test:[0-9]+\n|GET \/v2\/x\?y=1\n/);
    assert.match(answer, /Host: b\.test:[0-9]+\n/);
    assert.equal(summaries[0]?.transformedUri, '/v2/x?y=1');
    assert.deepEqual(statuses(await ask(proxy, get('/bad/x'))), [500]);
    assert.deepEqual(statuses(await ask(proxy, get('/wide/x'))), [500]);
    assert.equal(summaries[2]?.transformStatus, 'TransformError');
  });

  it('finds rules by the plain path where that is asked for, headers and all', async () => {
    const { proxy } = await start({
      listener: { 'berth.path.normalization': 'normalize' },
      rules: [
        records.rule(
          'l0',
          1,
          [
            records.condition('path-pattern', ['/plain']),
            records.condition('http-header', ['1'], { httpHeaderName: 'X-Mine' }),
          ],
          records.fixed('299', 'found'),
        ),
      ],
    });
    assert.match(await ask(proxy, get('/a/../plain', 'X-Mine: 1')), /found$/);
  });

  it('tells how long a head took that did not come at once', async () => {
    const { proxy } = await start({
      rules: [
        records.rule('l0', 7, [records.condition('path-pattern', ['/f'])], records.fixed('299')),
      ],
    });
    const whole = 'GET /f HTTP/1.1\r\nHost: a.test\r\n\r\n';
    const client = rawClient(proxy.port, `${whole}${whole.slice(0, 12)}`);
    while (summaries.length < 1) await new Promise((resolve) => setImmediate(resolve));
    client.socket.write(whole.slice(12).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    await client.answer();
    client.socket.destroy();
    const half = rawClient(proxy.port, `${whole}GET /f HTT`);
    while (summaries.length < 3) await new Promise((resolve) => setImmediate(resolve));
    half.socket.end();
    await half.answer();
    const [atOnce, inParts, , cut] = summaries.map(phasesOf);
    assert.notEqual(atOnce?.[0]?.name, 'head');
    for (const phases of [inParts, cut]) {
      assert.equal(phases?.[0]?.name, 'head');
      assert.ok(phases[0].micros > 0);
    }
  });

  it('tells its observer of each request, once, with what became of it', async () => {
    const { proxy, backEnd } = await start({
      rules: [
        records.rule(
          'l0',
          7,
          [records.condition('path-pattern', ['/fixed'])],
          records.fixed('404'),
        ),
      ],
    });
    await ask(proxy, get('/x', 'X-Amzn-Trace-Id: Root=1-a-b'));
    await ask(proxy, get('/fixed'));
    await ask(proxy, 'no HTTP\r\n\r\n');
    const gone = rawClient(proxy.port, get('/late'));
    while (backEnd.requests < 2) await new Promise((resolve) => setImmediate(resolve));
    gone.socket.resetAndDestroy();
    while (summaries.length < 4) await new Promise((resolve) => setImmediate(resolve));
    const [forwarded, fixed, refused, lost] = summaries;
    assert.ok(forwarded && fixed && refused && lost);
    assert.equal(forwarded.status, 200);
    assert.equal(forwarded.targetStatus, 200);
    assert.equal(forwarded.group, 'web');
    assert.equal(forwarded.target?.record.port, backEnd.port);
    assert.deepEqual(forwarded.actions, ['forward']);
    assert.deepEqual(
      forwarded.attempts.map(({ outcome, reused }) => [outcome, reused]),
      [['answered', false]],
    );
    assert.match(forwarded.trace, /^Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-a-b$/);
    assert.match(forwarded.requestId, /^1-[0-9a-f]{8}-[0-9a-f]{24}$/);
    const times = [
      forwarded.startedAt,
      forwarded.chosenAt,
      forwarded.connectedAt,
      forwarded.sentAt,
      forwarded.answeredAt,
      forwarded.endedAt,
    ];
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    const sent = get('/x', 'X-Amzn-Trace-Id: Root=1-a-b');
    assert.equal(forwarded.receivedBytes, sent.length);
    assert.ok(forwarded.sentBytes > 100);
    assert.equal(fixed.status, 404);
    assert.equal(fixed.route?.priority, 7);
    assert.deepEqual(fixed.actions, ['fixed-response']);
    assert.equal(refused.status, 400);
    assert.equal(refused.head, undefined);
    assert.equal(refused.desync?.classification, 'Severe');
    assert.equal(lost.status, 460);
    assert.equal(lost.targetStatus, 0);
  });
});
