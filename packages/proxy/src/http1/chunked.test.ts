import assert from 'node:assert/strict';

import fc from 'fast-check';

import { ChunkedDecoder } from './chunked.ts';

interface Decoded {
  readonly body: string;
  readonly done: boolean;
  readonly trailers: string;
  /** Bytes that were not read. */
  readonly rest: string;
  readonly problem: string | undefined;
}

function decode(parts: readonly string[]): Decoded {
  const decoder = new ChunkedDecoder();
  decoder.begin();
  let body = '';
  let rest = '';
  for (const part of parts) {
    const bytes = Buffer.from(part, 'latin1');
    const end = decoder.feed(bytes, 0, {
      onBody: (chunk) => {
        assert.ok(chunk.length > 0);
        body += chunk.toString('latin1');
      },
    });
    if (end < 0) return { body, done: false, trailers: '', rest, problem: decoder.problem };
    rest += bytes.toString('latin1', end);
  }
  return { body, done: decoder.done, trailers: decoder.trailers, rest, problem: undefined };
}

const chunk = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 30 })
  .map((text) => Buffer.from(text).toString('latin1'));

describe('chunked decoder', () => {
  it('gives back what was cut into chunks, wherever the bytes are cut, and leaves what follows', () => {
    fc.assert(
      fc.property(
        fc.array(chunk, { maxLength: 5 }),
        fc.constantFrom('', ';a', ';a=b', ';a="b;\\"c"'),
        fc.constantFrom('', 'X: y\r\n', 'X:y \r\nZ:\r\n'),
        fc.array(fc.nat(400), { maxLength: 8 }),
        (chunks, extension, trailers, cuts) => {
          const text = `${chunks.map((data) => `${data.length.toString(16)}${extension}\r\n${data}\r\n`).join('')}0${extension}\r\n${trailers}\r\n`;
          const all = `${text}GET / HTTP/1.1`;
          const at = [
            0,
            ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b),
            all.length,
          ];
          const found = decode(at.slice(1).map((end, index) => all.slice(at[index], end)));
          assert.equal(found.problem, undefined);
          assert.equal(found.body, chunks.join(''));
          assert.ok(found.done);
          assert.equal(found.rest, 'GET / HTTP/1.1');
          assert.equal(found.trailers.split('\r\n').length, trailers.split('\r\n').length);
        },
      ),
    );
  });

  for (const [name, text] of [
    ['a bare LF after the size', '5\nhello\r\n0\r\n\r\n'],
    ['a bare CR after the size', '5\rhello\r\n0\r\n\r\n'],
    ['a bare LF after the data', '5\r\nhello\n0\r\n\r\n'],
    ['a bare CR after the data', '5\r\nhello\r0\r\n\r\n'],
    ['other bytes after the data', '5\r\nhelloXX0\r\n\r\n'],
    ['a bare LF in an extension', '5;\nxx\r\nhello\r\n'],
    ['a line break in a quoted extension', '5;a="\r\n"\r\nhello\r\n'],
    ['a control character in an extension', '5;a=\x01\r\nhello\r\n'],
    ['an extension without a name', '5;\r\nhello\r\n'],
    ['a blank before an extension', '5 ;a\r\nhello\r\n'],
    ['a blank after the size', '5 \r\nhello\r\n'],
    ['a tab after the size', '5\t\r\nhello\r\n'],
    ['a sign', '+5\r\nhello\r\n'],
    ['a prefix', '0x5\r\nhello\r\n'],
    ['an underscore', '5_0\r\nhello\r\n'],
    ['no size', '\r\nhello\r\n'],
    ['more than 16 digits', '00000000000000005\r\nhello\r\n'],
    ['more than a double holds', 'FFFFFFFFFFFFFFF\r\n'],
    ['too long an extension', `5;${'a'.repeat(300)}\r\nhello\r\n`],
    ['too many extensions', `1;${'a'.repeat(200)}\r\nx\r\n`.repeat(90)],
    ['a trailer without a colon', '0\r\nnonsense\r\n\r\n'],
    ['a folded trailer', '0\r\nX: y\r\n z\r\n\r\n'],
    ['a trailer with a bare CR', '0\r\nX: y\rz\r\n\r\n'],
    ['a trailer that frames', '0\r\nContent-Length: 5\r\n\r\n'],
    ['too long trailers', `0\r\n${'X: y\r\n'.repeat(3_000)}\r\n`],
    ['a bare LF at the end', '0\r\n\n'],
  ] as const) {
    it(`refuses ${name}, at once and byte by byte`, () => {
      assert.notEqual(decode([text]).problem, undefined);
      assert.notEqual(decode(Array.from(text)).problem, undefined);
    });
  }

  it('is not done before the last line break', () => {
    for (const text of [
      '',
      '5',
      '5\r\nhel',
      '5\r\nhello\r\n',
      '0\r\n',
      '0\r\nX: y\r\n',
      '0\r\n\r',
    ]) {
      assert.ok(!decode([text]).done, JSON.stringify(text));
    }
  });
});
