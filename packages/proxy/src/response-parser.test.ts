import assert from 'node:assert/strict';

import fc from 'fast-check';

import { headerPairs } from './header-lines.ts';
import type { ResponseHead } from './response-head.ts';
import { ResponseParser } from './response-parser.ts';

interface Read {
  readonly statuses: number[];
  readonly headers: readonly string[];
  /** As its head states it; -1 when it does not. */
  readonly length: number;
  readonly body: string;
  readonly complete: boolean;
  readonly upgraded: string | undefined;
  readonly extra: boolean;
  readonly wrong: string | undefined;
}

/** Feeds the parts one by one; `closed` ends the stream. */
function read(
  parts: readonly string[],
  options: { method?: string; upgrade?: boolean; closed?: boolean } = {},
): Read {
  const parser = new ResponseParser();
  const result = {
    statuses: [] as number[],
    headers: [] as readonly string[],
    length: -1,
    body: '',
    complete: false,
    upgraded: undefined as string | undefined,
  };
  const sink = {
    onInformational: (head: ResponseHead): void => {
      result.statuses.push(head.status);
    },
    onHead: (head: ResponseHead): void => {
      result.statuses.push(head.status);
      result.headers = headerPairs(head.lines);
      result.length = head.contentLength;
    },
    onBody: (chunk: Buffer): void => {
      assert.ok(chunk.length > 0);
      assert.ok(!result.complete);
      result.body += chunk.toString('latin1');
    },
    onComplete: (chunk: Buffer | undefined): void => {
      assert.ok(!result.complete);
      result.complete = true;
      result.body += chunk?.toString('latin1') ?? '';
    },
    onUpgrade: (_head: unknown, rest: Buffer): void => {
      result.upgraded = rest.toString('latin1');
    },
  };
  parser.begin(options.method ?? 'GET', options.upgrade ?? false);
  let wrong: string | undefined;
  for (const part of parts) wrong ??= parser.feed(Buffer.from(part, 'latin1'), sink);
  if (options.closed === true && wrong === undefined) parser.finish(sink);
  return { ...result, extra: parser.extra, wrong };
}

const OK = 'HTTP/1.1 200 OK\r\n';

describe('response parser', () => {
  const whole: readonly (readonly [
    name: string,
    text: string,
    body: string,
    headers?: readonly string[],
    length?: number,
  ])[] = [
    ['a length', `${OK}Content-Length: 5\r\n\r\nhello`, 'hello', [], 5],
    ['a length with leading zeros', `${OK}Content-Length: 005\r\n\r\nhello`, 'hello', [], 5],
    [
      'chunks',
      `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x="y"\r\nlo\r\n0\r\n\r\n`,
      'hello',
      [],
    ],
    [
      'chunks and trailers',
      `${OK}Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n`,
      'a',
      [],
    ],
    ['no body', `${OK}Content-Length: 0\r\n\r\n`, ''],
    ['204', 'HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n', '', ['X', '1'], -1],
    [
      '204 with a length',
      'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX: 1\r\n\r\n',
      '',
      ['X', '1'],
      -1,
    ],
    ['304 with a length', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', '', [], 9],
    [
      'interim responses',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}Content-Length: 1\r\n\r\na`,
      'a',
    ],
    ['no reason', 'HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na', 'a'],
    [
      'hop-by-hop headers',
      `${OK}Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nTE: x\r\nServer: s\r\nContent-Length: 0\r\n\r\n`,
      '',
      ['Server', 's'],
      0,
    ],
    [
      'values with blanks and high bytes',
      `${OK}X: \t a \xe9 b \t\r\nContent-Length: 0\r\n\r\n`,
      '',
      ['X', 'a \xe9 b'],
      0,
    ],
  ];
  for (const [name, text, body, headers, length] of whole) {
    it(`reads ${name}, wherever the bytes are cut`, () => {
      fc.assert(
        fc.property(fc.uniqueArray(fc.nat(text.length), { maxLength: 6 }), (cuts) => {
          const at = [0, ...cuts.sort((a, b) => a - b), text.length];
          const found = read(at.slice(1).map((end, index) => text.slice(at[index], end)));
          assert.equal(found.wrong, undefined);
          assert.ok(found.complete);
          assert.equal(found.body, body);
          assert.ok(!found.extra);
          if (headers !== undefined) assert.deepEqual(found.headers, headers);
          if (length !== undefined) assert.equal(found.length, length);
        }),
        { numRuns: 60 },
      );
      assert.ok(read(Array.from(text)).complete, 'byte by byte');
    });
  }

  const malformed: readonly (readonly [name: string, text: string])[] = [
    ['another protocol', 'SSH-2.0-OpenSSH_9\r\n\r\n'],
    ['HTTP/2 in text', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['a bare LF in the head', 'HTTP/1.1 200 OK\nX: y\r\n\r\n'],
    ['a bare LF in a value', `${OK}X: y\nZ: 1\r\n\r\n`],
    ['a bare CR in a value', `${OK}X: y\rZ\r\n\r\n`],
    ['NUL in a value', `${OK}X: y\0\r\n\r\n`],
    ['a blank before the colon', `${OK}X : y\r\n\r\n`],
    ['an empty name', `${OK}: y\r\n\r\n`],
    ['a folded line', `${OK}X: y\r\n z\r\n\r\n`],
    ['a line without a colon', `${OK}nonsense\r\n\r\n`],
    ['length and chunks', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['two lengths', `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`],
    ['two equal lengths', `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
    ['a list of lengths', `${OK}Content-Length: 5, 5\r\n\r\n`],
    ['a negative length', `${OK}Content-Length: -1\r\n\r\n`],
    ['a signed length', `${OK}Content-Length: +1\r\n\r\n`],
    ['a length beyond a double', `${OK}Content-Length: 9007199254740993\r\n\r\n`],
    ['an unknown coding', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`],
    ['chunked twice', `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['an unasked 101', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['a chunk size that is none', `${OK}Transfer-Encoding: chunked\r\n\r\n0x5\r\n`],
    ['a signed chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n-5\r\n`],
    ['an empty chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n\r\n`],
    ['a chunk size with a bare LF', `${OK}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n`],
    ['a chunk size of 17 digits', `${OK}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF1\r\n`],
    ['a chunk size beyond a double', `${OK}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFF\r\n`],
    ['a chunk longer than its size', `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n`],
    ['an endless chunk line', `${OK}Transfer-Encoding: chunked\r\n\r\n5;${'x'.repeat(400)}`],
    ['a malformed trailer', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n`],
    ['endless trailers', `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${'X: y\r\n'.repeat(4000)}`],
    ['a head over 32 KiB', `${OK}X: ${'y'.repeat(33_000)}`],
    ['endless interim responses', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(20)],
  ];
  for (const [name, text] of malformed) {
    it(`refuses ${name}`, () => {
      const found = read([text]);
      assert.notEqual(found.wrong, undefined);
      assert.ok(!found.complete);
    });
  }

  it('expects no body after HEAD, whatever the head says', () => {
    const found = read([`${OK}Content-Length: 500\r\n\r\n`], { method: 'HEAD' });
    assert.ok(found.complete);
    assert.equal(found.length, 500);
  });

  it('without a length reads until the end of the connection', () => {
    const found = read([`${OK}\r\nhel`, 'lo'], { closed: true });
    assert.equal(found.body, 'hello');
    assert.ok(found.complete && found.extra, 'and the connection is not used again');
  });

  it('does not take a truncated response for a whole one', () => {
    assert.ok(!read([`${OK}Content-Length: 5\r\n\r\nhell`], { closed: true }).complete);
    assert.ok(
      !read([`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`], { closed: true }).complete,
    );
    assert.ok(!read([OK], { closed: true }).complete);
  });

  it('knows of bytes beyond the response', () => {
    assert.ok(read([`${OK}Content-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n`]).extra);
    assert.ok(read([`${OK}Content-Length: 0\r\n\r\n`, 'x']).extra);
    assert.ok(read([`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nx`]).extra);
  });

  it('hands over what follows a 101 that was asked for', () => {
    const found = read(['HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfirst'], {
      upgrade: true,
    });
    assert.equal(found.upgraded, 'first');
  });
});
