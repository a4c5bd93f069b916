// A bounded part of what `npm run fuzz:proxy` does for hours.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';

import { until } from '../testing/basics.ts';

import { ProxyFuzz } from './fuzz.ts';
import { runCase } from './fuzzing.ts';
import { requestsIn, responseIn } from './wire-text.ts';

const CASES = Number(process.env['BERTH_FUZZ_PROXY_CASES'] ?? 240);
const SEED = Number(process.env['BERTH_FUZZ_SEED'] ?? 1);
/** Of a case that waits for the proxy's patience to end. */
const SLOW_CASE_MS = 500;

const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('fuzzing the proxy as a whole', () => {
  it(`finds nothing in ${CASES} cases from seed ${SEED}, and leaves no socket open`, async () => {
    const before = openFiles();
    const fuzz = new ProxyFuzz(SEED);
    await fuzz.start();
    try {
      for (let number = 0; number < CASES; number += 1) await runCase(fuzz, number);
      assert.ok(fuzz.openToTargets < 20, `${fuzz.openToTargets} connections to targets`);
    } finally {
      await fuzz.stop();
    }
    await until('nothing is open to targets', () => fuzz.openToTargets === 0);
    await until('every file is closed', () => openFiles() <= before);
  }).timeout(60_000 + CASES * SLOW_CASE_MS);
});

describe('the reader of what the proxy writes', () => {
  const head = 'POST /p HTTP/1.1\r\nHost: a\r\n';

  it('knows where requests end', () => {
    const two = `${head}Content-Length: 2\r\n\r\nhi${head}Transfer-Encoding: chunked\r\n\r\n2\r\nho\r\n0\r\n\r\n`;
    assert.deepEqual(
      requestsIn(`${two}${head}Content-Length: 9\r\n\r\nshort`).map(({ body, complete }) => [
        body,
        complete,
      ]),
      [
        ['hi', true],
        ['ho', true],
        ['short', false],
      ],
    );
  });

  it('accepts nothing that is framed twice or oddly', () => {
    for (const lines of [
      'Content-Length: 2\r\nContent-Length: 2\r\n',
      'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n',
      'Content-Length: +2\r\n',
      'Transfer-Encoding: gzip, chunked\r\n',
      'Host: b\r\n',
      'X : y\r\n',
      'X: a\rb\r\n',
    ]) {
      assert.throws(() => requestsIn(`${head}${lines}\r\nhi`), lines);
    }
    assert.throws(() => requestsIn(`${head}Transfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n`));
    assert.throws(() => requestsIn('GET /a b HTTP/1.1\r\nHost: a\r\n\r\n'));
  });

  it('knows what follows an answer', () => {
    const { body, extra } = responseIn('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab', false);
    assert.deepEqual([body, extra], ['a', 'b']);
    assert.equal(responseIn('HTTP/1.1 204 \r\n\r\nx', false).extra, 'x');
  });
});
