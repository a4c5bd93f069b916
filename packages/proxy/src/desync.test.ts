// How requests are classified, and what each mode of `routing.http.desync_mitigation_mode` does with them. Source: ALB reference, section 4.4.
// Where this proxy refuses in every mode it is stricter than ALB on purpose: such a request could not be written again without a guess.
import assert from 'node:assert/strict';

import * as records from '@berth/model/routing/testing.ts';

import type { RequestSummary } from './request-summary.ts';
import {
  type BackEnd,
  TestProxy,
  balancer,
  group,
  startBackEnd,
  targetAt,
} from './testing/data-path.ts';
import { rawClient, statuses } from './testing/raw.ts';

const MODES = ['monitor', 'defensive', 'strictest'] as const;

interface Case {
  readonly name: string;
  readonly send: string;
  /** Class and reason; none: compliant. */
  readonly finding?: readonly [classification: string, reason: string];
  /** In the order of `MODES`. */
  readonly statuses: readonly [monitor: number, defensive: number, strictest: number];
  /** The client says FIN after its bytes. */
  readonly fin?: boolean;
}

const head = (line: string, ...lines: readonly string[]): string =>
  [line, ...lines, '', ''].join('\r\n');
const get = (...lines: readonly string[]): string =>
  head('GET /g HTTP/1.1', 'Host: a.test', ...lines);
const post = (...lines: readonly string[]): string =>
  head('POST /p HTTP/1.1', 'Host: a.test', ...lines);
const CHUNKED = 'Transfer-Encoding: chunked';

function refused(
  [classification, reason]: readonly [string, string],
  name: string,
  send: string,
  status = 400,
): Case {
  return { name, send, finding: [classification, reason], statuses: [status, status, status] };
}

const FORWARDED: readonly Case[] = [
  { name: 'a plain request', send: get(), statuses: [200, 200, 200] },
  { name: 'a body', send: `${post('Content-Length: 2')}hi`, statuses: [200, 200, 200] },
  { name: 'chunks', send: `${post(CHUNKED)}0\r\n\r\n`, statuses: [200, 200, 200] },
  {
    name: 'bytes beyond ASCII in a value',
    send: get('X: caf\xe9'),
    finding: ['Acceptable', 'NonCompliantHeader'],
    statuses: [200, 200, 400],
  },
  ...['GET', 'HEAD'].flatMap((method): Case[] => [
    {
      name: `${method} with a length of nothing`,
      send: head(`${method} /g HTTP/1.1`, 'Host: a.test', 'Content-Length: 0'),
      finding: ['Acceptable', 'GetHeadZeroContentLength'],
      statuses: [200, 200, 400],
    },
    {
      name: `${method} with a body`,
      send: `${head(`${method} /g HTTP/1.1`, 'Host: a.test', 'Content-Length: 2')}hi`,
      finding: ['Ambiguous', 'UndefinedContentLengthSemantics'],
      statuses: [200, 200, 400],
    },
    {
      name: `${method} with chunks`,
      send: `${head(`${method} /g HTTP/1.1`, 'Host: a.test', CHUNKED)}0\r\n\r\n`,
      finding: ['Ambiguous', 'UndefinedTransferEncodingSemantics'],
      statuses: [200, 200, 400],
    },
  ]),
];

const REFUSED: readonly Case[] = [
  refused(['Acceptable', 'NonCompliantHeader'], 'a name that is no token', get('X(: y')),
  refused(['Acceptable', 'NonCompliantHeader'], 'a control character in a value', get('X: a\x01b')),
  refused(
    ['Acceptable', 'SpaceInUri'],
    'a space in the target',
    head('GET /a b HTTP/1.1', 'Host: a'),
  ),
  refused(['Acceptable', 'NonCompliantVersion'], 'HTTP/1.2', head('GET /g HTTP/1.2', 'Host: a')),
  refused(['Acceptable', 'NonCompliantVersion'], 'HTTP/0.9', head('GET /g HTTP/0.9', 'Host: a')),
  refused(
    ['Severe', 'BadHeader'],
    'a bare LF in a value, which some take for the end of a line',
    'GET /g HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n',
  ),
  refused(['Ambiguous', 'EmptyHeader'], 'an empty name', get(': y')),
  refused(
    ['Ambiguous', 'AmbiguousUri'],
    'a control character in the target',
    head('GET /\x01 HTTP/1.1', 'Host: a'),
  ),
  refused(
    ['Ambiguous', 'UndefinedTransferEncodingSemantics'],
    'chunks in HTTP/1.0',
    `${head('POST /p HTTP/1.0', 'Host: a', CHUNKED)}0\r\n\r\n`,
  ),
  refused(
    ['Ambiguous', 'DuplicateContentLength'],
    'equal lengths',
    `${post('Content-Length: 2', 'Content-Length: 2')}hi`,
  ),
  refused(
    ['Ambiguous', 'BothTeClPresent'],
    'a length and chunks',
    `${post('Content-Length: 5', CHUNKED)}0\r\n\r\n`,
  ),
  refused(
    ['Ambiguous', 'SuspiciousHeader'],
    'Transfer_Encoding',
    post('Transfer_Encoding: chunked'),
  ),
  refused(['Ambiguous', 'SuspiciousHeader'], 'ContentLength', post('ContentLength: 2')),
  refused(['Ambiguous', 'MultilineHeader'], 'a folded line', get('X: a', ' b')),
  refused(['Ambiguous', 'MissingHeaderColon'], 'a line without a colon', get('nonsense')),
  {
    ...refused(['Ambiguous', 'PartialHeaderLine'], 'a cut head', 'GET /g HTTP/1.1\r\nHos'),
    fin: true,
  },
  refused(['Ambiguous', 'MissingUri'], 'no target', head('GET HTTP/1.1', 'Host: a')),
  refused(['Severe', 'BadHeader'], 'NUL in a value', get('X: a\0b')),
  refused(['Severe', 'BadHeader'], 'a bare CR in a value', get('X: a\rb')),
  refused(['Severe', 'BadUri'], 'NUL in the target', head('GET /\0 HTTP/1.1', 'Host: a')),
  refused(['Severe', 'BadVersion'], 'a version that is none', head('GET /g HTTP/x', 'Host: a')),
  refused(['Severe', 'BadVersion'], 'a version above', head('GET /g HTTP/3.0', 'Host: a'), 505),
  refused(['Severe', 'BadMethod'], 'a method that is no token', head('G(T /g HTTP/1.1', 'Host: a')),
  refused(
    ['Severe', 'MultipleContentLength'],
    'different lengths',
    `${post('Content-Length: 2', 'Content-Length: 3')}hi`,
  ),
  ...['+2', '0x2', '2, 2', '2 2', '99999999999999999999', ''].map((length) =>
    refused(
      ['Severe', 'BadContentLength'],
      `the length ${JSON.stringify(length)}`,
      `${post(`Content-Length: ${length}`)}hi`,
    ),
  ),
  refused(
    ['Severe', 'MultipleTransferEncodingChunked'],
    'chunked twice',
    `${post('Transfer-Encoding: chunked, chunked')}0\r\n\r\n`,
  ),
  refused(
    ['Severe', 'MultipleTransferEncodingChunked'],
    'chunked in two lines',
    `${post(CHUNKED, CHUNKED)}0\r\n\r\n`,
  ),
  refused(
    ['Severe', 'BadTransferEncoding'],
    'an unknown coding',
    post('Transfer-Encoding: x'),
    501,
  ),
  refused(['Severe', 'BadTransferEncoding'], 'an odd coding', post('Transfer-Encoding: "chunked"')),
];

describe('desync mitigation', () => {
  let backEnd: BackEnd;
  let summaries: RequestSummary[] = [];

  before(async () => (backEnd = await startBackEnd('ok')));
  after(() => backEnd.close());

  for (const [index, mode] of MODES.entries()) {
    describe(`in mode ${mode}`, () => {
      let proxy: TestProxy;
      before(async () => {
        proxy = new TestProxy({ observer: { onRequestEnd: (summary) => summaries.push(summary) } });
        proxy.route({
          balancers: [balancer({ 'routing.http.desync_mitigation_mode': mode })],
          listeners: [{ ...records.listener(0, records.forward('web')), loadBalancer: 'web' }],
          groups: [group('web')],
          targets: [targetAt('web', backEnd.port)],
        });
        await proxy.open();
      });
      beforeEach(() => (summaries = []));
      after(() => proxy.stop());

      for (const each of [...FORWARDED, ...REFUSED]) {
        const status = each.statuses[index] ?? 0;
        it(`answers ${status} to ${each.name}: ${each.finding?.join(', ') ?? 'compliant'}`, async () => {
          const passes = status === 200;
          const reused = passes && (each.finding?.[0] !== 'Ambiguous' || mode === 'monitor');
          const before = backEnd.requests;
          const next = head('GET /next HTTP/1.1', 'Host: a.test', 'Connection: close');
          const client = rawClient(proxy.port, each.fin === true ? each.send : each.send + next);
          client.socket.end();
          const found = statuses(await client.answer());
          assert.deepEqual(found, reused ? [200, 200] : [status], 'what follows is read, or not');
          assert.equal(backEnd.requests - before, (passes ? 1 : 0) + (reused ? 1 : 0));
          const desync = summaries[0]?.desync;
          assert.deepEqual(desync && [desync.classification, desync.reason], each.finding);
        });
      }
    });
  }
});
