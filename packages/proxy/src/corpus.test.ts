// The request-smuggling and robustness corpus of the ALB reference, section 6, in bytes against a real listener. What reaches the
// back end is recorded: a request that is refused never does, and none brings a second one with it.
import assert from 'node:assert/strict';

import fc from 'fast-check';

import * as records from '@berth/model/routing/testing.ts';

import { type CorpusBackEnd, nginxBackEnd, nodeBackEnd } from './testing/corpus-back-ends.ts';
import { TestProxy, until } from './testing/data-path.ts';
import { rawClient, statuses } from './testing/raw.ts';

interface Case {
  /** Number in the reference's table, and what is sent. */
  readonly name: string;
  readonly send: string;
  /** Statuses of the answers, in order. */
  readonly expect: readonly number[];
  /** How many requests reach the target. */
  readonly reach: number;
  /** Must be found in what the target gets. */
  readonly target?: RegExp;
  /** Must not. */
  readonly never?: RegExp;
  /** The client says FIN after its bytes. */
  readonly fin?: boolean;
}

const CRLF = '\r\n';
/** A head of lines and its end. */
const head = (...lines: readonly string[]): string => `${lines.join(CRLF)}${CRLF}${CRLF}`;
const post = (...lines: readonly string[]): string =>
  head('POST /p HTTP/1.1', 'Host: a.test', ...lines);
const get = (...lines: readonly string[]): string =>
  head('GET /g HTTP/1.1', 'Host: a.test', ...lines, 'Connection: close');
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked';
const EMPTY_CHUNKS = '0\r\n\r\n';

const refused = (name: string, send: string, ...expect: number[]): Case => ({
  name,
  send,
  expect: expect.length > 0 ? expect : [400],
  reach: 0,
});

const cases: readonly Case[] = [
  refused('1 CL.TE', `${post('Content-Length: 6', CHUNKED)}0\r\n\r\nG`),
  refused('2 TE.CL', `${post(CHUNKED, 'Content-Length: 3')}8\r\nSMUGGLED\r\n0\r\n\r\n`),
  refused('3 a space before the colon', `${post('Transfer-Encoding : chunked')}${EMPTY_CHUNKS}`),
  {
    name: '4 a tab before a legal value',
    send: `${post('Transfer-Encoding:\tchunked', 'Connection: close')}2\r\nhi\r\n${EMPTY_CHUNKS}`,
    expect: [200],
    reach: 1,
    target: /Transfer-Encoding: chunked\r\n[^]*2\r\nhi\r\n0\r\n\r\n$/,
  },
  refused(
    '4 a tab after a legal value, which some take for a part of it',
    `${post('Transfer-Encoding: chunked\t')}${EMPTY_CHUNKS}`,
  ),
  {
    name: '4 a space after a legal value',
    send: `${post('Transfer-Encoding: chunked  ', 'Connection: close')}2\r\nhi\r\n${EMPTY_CHUNKS}`,
    expect: [200],
    reach: 1,
    target: /Transfer-Encoding: chunked\r\n/,
  },
  ...['\x0bchunked', 'chunked\x0c', '\xa0chunked', '\x85chunked', 'chunked\xa0'].map((value) =>
    refused(`5 ${JSON.stringify(value)}`, `${post(`Transfer-Encoding: ${value}`)}${EMPTY_CHUNKS}`),
  ),
  refused(
    '6 obs-fold before the name',
    post('X: y', ' Transfer-Encoding: chunked', 'Content-Length: 0'),
  ),
  refused('6 obs-fold in the value', `${post('Transfer-Encoding:', ' chunked')}${EMPTY_CHUNKS}`),
  ...['xchunked', 'chunke', 'gzip', 'gzip, chunked', 'x, chunked'].map((value) =>
    refused(`7 ${value}`, `${post(`Transfer-Encoding: ${value}`)}${EMPTY_CHUNKS}`, 501),
  ),
  ...['"chunked"', 'chunked;q=1', 'chunked, foo'].map((value) =>
    refused(`7 ${value}`, `${post(`Transfer-Encoding: ${value}`)}${EMPTY_CHUNKS}`),
  ),
  ...['chunked, identity', 'chunked, gzip', 'chunked, chunked', ',chunked', 'chunked,', ''].map(
    (value) => refused(`8-10 "${value}"`, `${post(`Transfer-Encoding: ${value}`)}${EMPTY_CHUNKS}`),
  ),
  refused('9 two lines chunked', `${post(CHUNKED, CHUNKED)}${EMPTY_CHUNKS}`),
  refused('11 identity with CL', `${post('Transfer-Encoding: identity', 'Content-Length: 2')}hi`),
  refused('11 identity alone', post('Transfer-Encoding: identity')),
  {
    name: '12 CHUNKED',
    send: `${post('Transfer-Encoding: CHUNKED', 'Connection: close')}${EMPTY_CHUNKS}`,
    expect: [200],
    reach: 1,
    target: /Transfer-Encoding: chunked\r\n/,
  },
  refused(
    '13 two lines, the first unknown',
    `${post('Transfer-Encoding: x', CHUNKED)}${EMPTY_CHUNKS}`,
    501,
  ),
  refused(
    '13 two lines, the second unknown',
    `${post(CHUNKED, 'Transfer-Encoding: x')}${EMPTY_CHUNKS}`,
  ),
  refused(
    '13 a bare LF hides it',
    `${post('X: y\nTransfer-Encoding: chunked', 'Content-Length: 3')}abc`,
  ),
  ...[
    'Transfer_Encoding: chunked',
    'Transfer.Encoding: chunked',
    'TransferEncoding: chunked',
    'Transfer--Encoding: chunked',
    '-Content-Length: 5',
    'ContentLength: 5',
    'Transfer-Encoding\x0b: chunked',
    'Content_Length: 5',
    'Content Length: 5',
    // Letters that fold to s and i, in UTF-8.
    'Tran\xc5\xbffer-Encoding: chunked',
    'Transfer-Encod\xc4\xb1ng: chunked',
  ].map((line) => refused(`14 ${JSON.stringify(line)}`, post(line, 'Content-Length: 0'))),
  refused(
    '15 HTTP/1.0 with chunks',
    `${head('POST /p HTTP/1.0', 'Host: a.test', CHUNKED)}${EMPTY_CHUNKS}`,
  ),
  {
    name: '16 GET with chunks: forwarded whole, both connections end',
    send: `${head('GET /g HTTP/1.1', 'Host: a.test', CHUNKED)}${EMPTY_CHUNKS}`,
    expect: [200],
    reach: 1,
    target: /Transfer-Encoding: chunked\r\n[^]*0\r\n\r\n$/,
  },
  {
    name: '16 HEAD with chunks: forwarded whole, both connections end',
    send: `${head('HEAD /g HTTP/1.1', 'Host: a.test', CHUNKED)}${EMPTY_CHUNKS}${SMUGGLED}`,
    expect: [200],
    reach: 1,
    target: /Transfer-Encoding: chunked\r\n[^]*0\r\n\r\n$/,
  },
  refused('17 equal lengths', `${post('Content-Length: 5', 'Content-Length: 5')}hello`),
  refused('17 a list of lengths', `${post('Content-Length: 5, 5')}hello`),
  refused('18 different lengths', `${post('Content-Length: 5', 'Content-Length: 6')}hello!`),
  refused('18 a list of different lengths', `${post('Content-Length: 5, 6')}hello!`),
  ...[
    ...['-1', '+5', '0x5', '5e0', '5.0', '5_0', '1 0', '5;x', '5 abc', '"5"', '\xb2', ''],
    // A digit five of full width, in UTF-8.
    ...['\xef\xbc\x95', '5\t', '\x0b5'],
  ].map((value) =>
    refused(
      `19-20 Content-Length: ${JSON.stringify(value)}`,
      `${post(`Content-Length: ${value}`)}hello`,
    ),
  ),
  {
    name: '21 leading zeros are written anew',
    send: `${post('Content-Length: 00005', 'Connection: close')}hello`,
    expect: [200],
    reach: 1,
    target: /Content-Length: 5\r\n/,
  },
  refused('22 beyond 64 bits', `${post('Content-Length: 18446744073709551616')}hello`),
  refused('22 beyond a double', `${post('Content-Length: 9007199254740993')}hello`),
  {
    name: '23 POST without a length has no body',
    send: `${post()}${get()}`,
    expect: [200, 200],
    reach: 2,
    target: /POST \/p[^]*Content-Length: 0\r\n[^]*GET \/g/,
  },
  {
    name: '24 GET with a body: the body is a body',
    send: `${head('GET /g HTTP/1.1', 'Host: a.test', `Content-Length: ${SMUGGLED.length}`)}${SMUGGLED}`,
    expect: [200],
    reach: 1,
  },
  {
    name: '24 HEAD with a body: the body is a body',
    send: `${head('HEAD /g HTTP/1.1', 'Host: a.test', `Content-Length: ${SMUGGLED.length}`)}${SMUGGLED}`,
    expect: [200],
    reach: 1,
  },
  {
    name: '24 DELETE with a chunked body that holds a request (http-proxy 1720)',
    send: `${head('DELETE /d HTTP/1.1', 'Host: a.test', CHUNKED, 'Connection: close')}${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n${EMPTY_CHUNKS}`,
    expect: [200],
    reach: 1,
    target: /Transfer-Encoding: chunked/,
  },
  {
    name: '24 OPTIONS with a chunked body that holds a request',
    send: `${head('OPTIONS /o HTTP/1.1', 'Host: a.test', CHUNKED, 'Connection: close')}${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n${EMPTY_CHUNKS}`,
    expect: [200],
    reach: 1,
  },
  {
    name: '27 a body shorter than its length: the client says FIN',
    send: `${post('Content-Length: 10')}hello`,
    expect: [400],
    reach: 0,
    fin: true,
  },
  refused('28 a chunk line with a bare LF', `${post(CHUNKED)}5\nhello\r\n${EMPTY_CHUNKS}`, 400, -1),
  ...['\n', '\r', 'XX', '\r\r\n', '\n\r'].map((end) =>
    refused(
      `29 chunk data ended by ${JSON.stringify(end)}`,
      `${post(CHUNKED)}5\r\nhello${end}${EMPTY_CHUNKS}`,
      400,
      -1,
    ),
  ),
  {
    name: '30 a chunk extension is removed',
    send: `${post(CHUNKED, 'Connection: close')}5;a=b\r\nhello\r\n${EMPTY_CHUNKS}`,
    expect: [200],
    reach: 1,
    never: /a=b/,
  },
  refused(
    '30 a chunk extension of more than 256 bytes',
    `${post(CHUNKED)}5;a=${'b'.repeat(300)}\r\nhello\r\n${EMPTY_CHUNKS}`,
    400,
    -1,
  ),
  refused(
    '30 chunk extensions of more than 16 KB',
    `${post(CHUNKED)}${`1;a=${'b'.repeat(200)}\r\nx\r\n`.repeat(100)}${EMPTY_CHUNKS}`,
    400,
    -1,
  ),
  ...['5;\nxx', '5;a\rb', '5;a="\r\n"', '5;', '5;=b', '5;a b', '5;a="b'].map((line) =>
    refused(
      `31 the extension ${JSON.stringify(line)}`,
      `${post(CHUNKED)}${line}\r\nhello\r\n${EMPTY_CHUNKS}`,
      400,
      -1,
    ),
  ),
  ...['-5', '+5', '0x5', '5_0', '5 0', ' 5', '5 ', '5\t', ''].map((size) =>
    refused(
      `32 chunk size ${JSON.stringify(size)}`,
      `${post(CHUNKED)}${size}\r\nhello\r\n${EMPTY_CHUNKS}`,
      400,
      -1,
    ),
  ),
  refused(
    '33 an overflowing chunk size',
    `${post(CHUNKED)}FFFFFFFFFFFFFFFF1\r\nhello\r\n`,
    400,
    -1,
  ),
  refused(
    '33 a chunk size beyond a double',
    `${post(CHUNKED)}FFFFFFFFFFFFFFFF\r\nhello\r\n`,
    400,
    -1,
  ),
  refused(
    '33 many leading zeros',
    `${post(CHUNKED)}${'0'.repeat(16)}5\r\nhello\r\n${EMPTY_CHUNKS}`,
    400,
    -1,
  ),
  {
    name: '34 chunk data shorter than declared, then FIN',
    send: `${post(CHUNKED)}8\r\nhello\r\n`,
    expect: [400, -1],
    reach: 0,
    fin: true,
  },
  refused(
    '34 chunk data longer than declared',
    `${post(CHUNKED)}3\r\nhello\r\n${EMPTY_CHUNKS}`,
    400,
    -1,
  ),
  {
    name: '35 no last line break, then FIN',
    send: `${post(CHUNKED)}0\r\n`,
    expect: [400, -1],
    reach: 0,
    fin: true,
  },
  {
    name: '36 trailers are dropped',
    send: `${post(CHUNKED, 'Connection: close')}0\r\nX-Mine: 1\r\nAuthorization: x\r\nContent-Type: y\r\nCookie: z\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n`,
    expect: [200],
    reach: 1,
    never: /Authorization|X-Mine|Content-Type|Cookie|6\.6\.6\.6/,
  },
  ...['Content-Length: 5', 'Transfer-Encoding: chunked', 'Host: b.test'].map((line) =>
    refused(`36 the trailer ${line}`, `${post(CHUNKED)}0\r\n${line}\r\n\r\n`, 400, -1),
  ),
  refused('37 a malformed trailer', `${post(CHUNKED)}0\r\nno colon\r\n\r\n`, 400, -1),
  refused(
    '37 trailers over 16 KB',
    `${post(CHUNKED)}0\r\n${'X: y\r\n'.repeat(3_000)}\r\n`,
    400,
    -1,
  ),
  refused('38 bare LF ends lines', 'GET /g HTTP/1.1\nHost: a.test\n\n'),
  refused('38 bare LF ends one header', 'GET /g HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n'),
  refused('39 bare CR in a value', get('X: a\rb')),
  refused('39 bare CR in the request line', 'GET /g\rx HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('39 bare CR in a name', get('X\rY: z')),
  refused('39 bare CR ends a header', 'GET /g HTTP/1.1\r\nHost: a.test\rX: y\r\n\r\n'),
  refused('40 NUL in a value', get('X: a\0b')),
  refused('40 NUL in a name', get('X\0: ab')),
  refused('40 NUL in the target', 'GET /g\0 HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  ...['\x01', '\x08', '\x0b', '\x1f', '\x7f'].map((character) =>
    refused(`41 ${JSON.stringify(character)} in a value`, get(`X: a${character}b`)),
  ),
  {
    name: '41 obs-text is forwarded as bytes',
    send: get('X: caf\xe9'),
    expect: [200],
    reach: 1,
    target: /X: caf\xe9\r\n/,
  },
  ...['X Y: z', 'X\tY: z', 'X(: z', 'X/: z', 'X\xe9: z', ': z'].map((line) =>
    refused(`42 ${JSON.stringify(line)}`, get(line)),
  ),
  refused('43 a header without a colon', get('nonsense')),
  refused('44 a first header that begins with a blank', 'GET /g HTTP/1.1\r\n Host: a.test\r\n\r\n'),
  {
    name: '45 two line breaks before the request line',
    send: `\r\n\r\n${get()}`,
    expect: [200],
    reach: 1,
  },
  refused('45 more line breaks than that', `\r\n\r\n\r\n${get()}`),
  {
    name: '46 absolute form: its authority counts',
    send: head('GET http://b.test:81/x?y HTTP/1.1', 'Host: a.test', 'Connection: close'),
    expect: [200],
    reach: 1,
    target: /^GET \/x\?y HTTP\/1\.1\r\nHost: b\.test:81\r\n/,
    never: /a\.test/,
  },
  {
    name: '46 absolute form without a path',
    send: head('GET http://b.test HTTP/1.1', 'Host: a.test', 'Connection: close'),
    expect: [200],
    reach: 1,
    target: /^GET \/ HTTP\/1\.1/,
  },
  {
    name: '47 absolute form with https on a plain port',
    send: head('GET https://b.test/x HTTP/1.1', 'Host: a.test', 'Connection: close'),
    expect: [200],
    reach: 1,
    target: /^GET \/x HTTP\/1\.1\r\nHost: b\.test/,
  },
  refused('47 userinfo', head('GET http://u@b.test/ HTTP/1.1', 'Host: a.test')),
  refused(
    '47 a malformed authority (http-proxy crash)',
    head('GET http://[::1/x HTTP/1.1', 'Host: a.test'),
  ),
  refused('47 a malformed port', head('GET http://b.test:99999/ HTTP/1.1', 'Host: a.test')),
  refused('47 an encoded host', head('GET http://%00/ HTTP/1.1', 'Host: a.test')),
  refused('48 authority form without CONNECT', head('GET b.test:80 HTTP/1.1', 'Host: a.test')),
  refused('48 CONNECT', head('CONNECT b.test:443 HTTP/1.1', 'Host: b.test:443'), 405),
  refused('49 an asterisk without OPTIONS', head('GET * HTTP/1.1', 'Host: a.test')),
  {
    name: '49 OPTIONS *',
    send: head('OPTIONS * HTTP/1.1', 'Host: a.test', 'Connection: close'),
    expect: [200],
    reach: 1,
    target: /^OPTIONS \* HTTP/,
  },
  refused('50 no leading slash', head('GET g HTTP/1.1', 'Host: a.test')),
  refused('50 a backslash', head('GET /a\\b HTTP/1.1', 'Host: a.test')),
  refused('50 a fragment', head('GET /a#b HTTP/1.1', 'Host: a.test')),
  refused('50 a space', head('GET /a b HTTP/1.1', 'Host: a.test')),
  refused('51 overlong UTF-8 that is not encoded', head('GET /\xc0\xaf HTTP/1.1', 'Host: a.test')),
  ...[
    '/%00',
    '/%0d%0aX:%20y',
    '/%c0%ae%c0%af',
    '/%2e%2e%2fadmin',
    '/a/../admin',
    '/a/./b',
    '//a',
    '/a;x/..',
  ].map((path): Case => ({
    name: `51-52 ${path} is forwarded as it is`,
    send: head(`GET ${path} HTTP/1.1`, 'Host: a.test', 'Connection: close'),
    expect: [200],
    reach: 1,
    target: new RegExp(`^GET ${path.replace(/[.\\?]/g, '\\$&')} HTTP/1\\.1\r\n`),
  })),
  refused(
    '53 a target over 16 K',
    head(`GET /${'a'.repeat(17_000)} HTTP/1.1`, 'Host: a.test'),
    414,
  ),
  refused(
    '53 a target over 64 K',
    head(`GET /${'a'.repeat(70_000)} HTTP/1.1`, 'Host: a.test'),
    414,
  ),
  refused(
    '53 a query over 16 K',
    head(`GET /?${'a'.repeat(17_000)} HTTP/1.1`, 'Host: a.test'),
    414,
  ),
  refused('54 no Host', head('GET /g HTTP/1.1', 'X: y')),
  {
    name: '54 HTTP/1.0 without Host',
    send: head('GET /g HTTP/1.0'),
    expect: [200],
    reach: 1,
    target: /\r\nHost: 127\.0\.0\.1:[0-9]+\r\n/,
  },
  refused('55 two equal Hosts', get('Host: a.test')),
  refused('55 two Hosts', get('Host: b.test')),
  ...['a, b', 'a b', 'a/b', 'user@a', 'a:99999', 'a:b', '[::1', '.a', 'a.', ''].map((host) =>
    refused(`56 Host: ${JSON.stringify(host)}`, head('GET /g HTTP/1.1', `Host: ${host}`)),
  ),
  {
    name: '56 a Host that is an address',
    send: head('GET /g HTTP/1.1', 'Host: [::1]:8080', 'Connection: close'),
    expect: [200],
    reach: 1,
    target: /Host: \[::1\]:8080\r\n/,
  },
  ...['get', 'FOO'].map((method): Case => ({
    name: `57 ${method} goes on unchanged`,
    send: head(`${method} /g HTTP/1.1`, 'Host: a.test', 'Connection: close'),
    // What Node.js says of methods that it does not know.
    expect: [400],
    reach: -1,
    target: new RegExp(`^${method} /g HTTP/1\\.1\r\n`),
  })),
  refused('58 a method of 65 bytes', head(`${'M'.repeat(65)} /g HTTP/1.1`, 'Host: a.test')),
  refused('58 a malformed method', head('G(T /g HTTP/1.1', 'Host: a.test')),
  refused('59 TRACE', head('TRACE /g HTTP/1.1', 'Host: a.test'), 405),
  refused('59 TRACK', head('TRACK /g HTTP/1.1', 'Host: a.test'), 405),
  refused('60 HTTP/0.9', 'GET /g\r\n\r\n'),
  refused('60 HTTP/1.2', head('GET /g HTTP/1.2', 'Host: a.test')),
  refused('60 HTTP/2.0 in text', head('GET /g HTTP/2.0', 'Host: a.test'), 505),
  refused('60 HTTP/1.1x', head('GET /g HTTP/1.1x', 'Host: a.test')),
  refused('60 http/1.1', head('GET /g http/1.1', 'Host: a.test')),
  refused('60 a double space', head('GET  /g HTTP/1.1', 'Host: a.test', 'Connection: close')),
  refused('61 the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
  refused('81 more than 200 headers', get(...Array.from({ length: 201 }, (_, i) => `X-${i}: y`))),
  refused('81 a header line over 16 K', get(`X: ${'y'.repeat(17_000)}`)),
  refused(
    '81 a head over 64 K',
    get(...Array.from({ length: 10 }, (_, i) => `X-${i}: ${'y'.repeat(8_000)}`)),
  ),
  {
    name: '84 pipelined, the second malformed: the first is answered, then 400',
    send: `${head('GET /g HTTP/1.1', 'Host: a.test')}GET /x HTTP/1.1\r\nHost : a.test\r\n\r\n`,
    expect: [200, 400],
    reach: 1,
  },
  {
    name: '84 pipelined, both answered in order',
    send: `${head('GET /g?1 HTTP/1.1', 'Host: a.test')}${head('GET /g?2 HTTP/1.1', 'Host: a.test', 'Connection: close')}`,
    expect: [200, 200],
    reach: 2,
  },
  {
    name: '85 after Connection: close nothing is read',
    send: `${get()}${SMUGGLED}`,
    expect: [200],
    reach: 1,
    never: /smuggled/,
  },
  {
    name: '88 h2c is not switched to',
    send: get(
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
      'Connection: Upgrade, HTTP2-Settings',
    ),
    expect: [200],
    reach: 1,
    never: /h2c|HTTP2|Upgrade/i,
  },
  {
    name: '89 Connection can not remove what is protected',
    send:
      head(
        'POST /p HTTP/1.1',
        'Host: a.test',
        'Connection: close, X-Forwarded-For, Host, Content-Length, X-Secret, Authorization',
        'X-Secret: 1',
        'Authorization: me',
        'Content-Length: 2',
      ) + 'hi',
    expect: [200],
    reach: 1,
    target:
      /Host: a\.test:[0-9]+\r\n[^]*Authorization: me\r\n[^]*X-Forwarded-For: 127\.0\.0\.1\r\n[^]*Content-Length: 2\r\n/,
    never: /X-Secret/,
  },
  {
    name: '90 Expect is answered by the proxy and not forwarded',
    send: `${post('Expect: 100-continue', 'Content-Length: 2', 'Connection: close')}hi`,
    expect: [100, 200],
    reach: 1,
    never: /expect/i,
  },
  refused(
    '90 an unknown expectation',
    post('Expect: y', 'Content-Length: 0', 'Connection: close'),
    417,
  ),
  refused(
    '90 an obfuscated expectation',
    `${post('Expect: y 100-continue', 'Content-Length: 2', 'Connection: close')}hi`,
    417,
  ),
  {
    name: '91 what only a load balancer may say is replaced or removed',
    send: get(
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 1',
      'X-Forwarded-Host: evil',
      'X_Forwarded_For: 6.6.6.6',
      'X-Amzn-Oidc-Identity: root',
      'X-Amzn-Mtls-Clientcert: x',
      'X-Amzn-Tls-Version: x',
    ),
    expect: [200],
    reach: 1,
    target: /X-Forwarded-Proto: http\r\nX-Forwarded-Port: [0-9]+\r\n/,
    never: /https|evil|6\.6\.6\.6|root|X-Amzn-(?:Mtls|Oidc|Tls)/,
  },
  {
    name: '91 X-Forwarded-For is appended to',
    send: get('X-Forwarded-For: 192.0.2.1', 'X-Forwarded-For: 192.0.2.2'),
    expect: [200],
    reach: 1,
    target: /X-Forwarded-For: 192\.0\.2\.1, 192\.0\.2\.2, 127\.0\.0\.1\r\n/,
  },
  refused(
    '463 more than 30 addresses',
    get(`X-Forwarded-For: ${Array(31).fill('192.0.2.1').join(', ')}`),
    463,
  ),
  {
    name: '97 a client that half-closes gets its answer',
    send: head('GET /g HTTP/1.1', 'Host: a.test'),
    expect: [200],
    reach: 1,
    fin: true,
  },
];

/** Cases that need a time to pass: the proxy's patience is short here. */
const impatient: readonly Case[] = [
  {
    name: '26 a body shorter than its length: the client waits',
    send: `${post('Content-Length: 10')}hello`,
    expect: [408],
    reach: 0,
  },
  {
    name: '77 a head that does not end',
    send: 'GET /g HTTP/1.1\r\nHost: a.test\r\n',
    expect: [408],
    reach: 0,
  },
  {
    name: '78 a chunked body that does not go on',
    send: `${post(CHUNKED)}5\r\nhel`,
    expect: [408],
    reach: 0,
  },
  {
    name: '90 an expectation whose body never comes',
    send: post('Expect: 100-continue', 'Content-Length: 5'),
    expect: [100, 408],
    reach: 0,
  },
];

/** `Content-Length` and its like in what a back end gets, by heads. */
function framings(recorded: string): string[][] {
  return recorded
    .split(/(?=(?:[A-Za-z]+) [^ \r\n]+ HTTP\/1\.1\r\n)/)
    .map((text) => text.slice(0, text.indexOf('\r\n\r\n')))
    .map((head) => head.match(/^(?:content-length|transfer-encoding)[^\r]*/gim) ?? []);
}

for (const [who, start] of [
  ['Node.js', nodeBackEnd],
  ['nginx', nginxBackEnd],
] as const) {
  describe(`request corpus before ${who}`, () => {
    let proxy: TestProxy;
    let hasty: TestProxy;
    let backEnd: CorpusBackEnd;

    before(async function () {
      const made = await start();
      if (made === undefined) return void this.skip();
      backEnd = made;
      proxy = new TestProxy();
      await proxy.serve([backEnd], records.forward('web'));
      hasty = new TestProxy({ settings: { idleTimeoutMs: 60, headTimeoutMs: 60 } });
      await hasty.serve([backEnd], records.forward('web'));
    });

    after(async () => {
      await proxy?.stop();
      await hasty?.stop();
      await backEnd?.close();
    });

    async function run(
      port: number,
      { send, expect, reach, target, never, fin }: Case,
    ): Promise<void> {
      await backEnd.forget();
      const client = rawClient(port, send);
      if (fin === true) client.socket.end();
      const answer = await client.answer();
      const found = statuses(answer);
      const recorded = backEnd.recorded();
      if (reach === 0 || who === 'Node.js') {
        assert.deepEqual(
          found,
          expect.filter((status) => status > 0),
          answer,
        );
      } else assert.equal(found.length, expect.length, answer);
      const requests = await backEnd.requests();
      if (reach === 0 && !expect.includes(-1)) assert.deepEqual(requests, []);
      else if (who === 'Node.js' && reach >= 0 && !expect.includes(-1))
        assert.equal(requests.length, reach, recorded);
      else assert.ok(requests.length <= Math.max(reach, 1), requests.join(' | '));
      for (const line of requests) assert.doesNotMatch(line, /smuggled/);
      for (const framing of framings(recorded)) assert.ok(framing.length <= 1, recorded);
      if (target !== undefined) assert.match(recorded, target);
      if (never !== undefined) assert.doesNotMatch(recorded, never);
    }

    for (const each of cases) it(each.name, () => run(proxy.port, each));
    for (const each of impatient) it(each.name, () => run(hasty.port, each));

    it('80 what follows a body that came too late is no request', async () => {
      await backEnd.forget();
      const client = rawClient(hasty.port, post(`Content-Length: ${SMUGGLED.length}`));
      await until('it is refused', () => client.text().includes('408'));
      client.socket.write(SMUGGLED);
      assert.deepEqual(statuses(await client.answer()), [408]);
      for (const line of await backEnd.requests()) assert.doesNotMatch(line, /smuggled/);
    });

    it('survives whatever else is sent', async () => {
      const pieces = fc.oneof(
        fc.constantFrom(...cases.map(({ send }) => send)),
        fc.constantFrom(
          SMUGGLED,
          CRLF,
          'GET ',
          '/',
          ' HTTP/1.1',
          'Host: a',
          'Upgrade: websocket',
          ':',
          '\0',
          '0\r\n',
        ),
        fc.string({ unit: 'binary', maxLength: 40 }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(pieces, { minLength: 1, maxLength: 4 }), async (parts) => {
          const text = parts.join('');
          const cut = text.slice(0, text.length - (text.length % 3));
          const client = rawClient(proxy.port, Buffer.from(cut, 'utf8').toString('latin1'));
          client.socket.end();
          await client.answer();
        }),
        { numRuns: 300 },
      );
      await until('nothing is in flight', () => proxy.inFlight === 0);
    });

    it('leaves the proxy well: nothing in flight, and it still serves', async () => {
      assert.equal(proxy.inFlight, 0);
      const answer = await rawClient(proxy.port, get()).answer();
      assert.deepEqual(statuses(answer), [200]);
    });
  });
}
