// Clients of HTTP/2 that ask and never read.
import assert from 'node:assert/strict';

import * as records from '@berth/model/routing/testing.ts';

import { TestProxy } from '../testing/data-path.ts';
import { ERROR, FRAME, type Fields, GET, RawHttp2, u32 } from '../testing/http2-frames.ts';
import { place } from '../testing/secure.ts';

const INITIAL_WINDOW_SIZE = 4;

const but = (fields: Fields, name: string, value: string): Fields =>
  fields.map((field) => (field[0] === name ? ([name, value] as const) : field));

describe('clients of HTTP/2 that do not read', () => {
  it('lose their stream, also when its answer was handed over whole', async () => {
    const proxy = new TestProxy({ settings: { idleTimeoutMs: 100 } });
    await place(proxy, { action: records.fixed('200', 'an answer that nobody takes') });
    await proxy.open();
    const noWindow = Buffer.concat([Buffer.of(0, INITIAL_WINDOW_SIZE), u32(0)]);
    const client = await RawHttp2.overTls(proxy.port, noWindow);
    client.request(1, GET);
    assert.equal(await client.fate(1), 'status 200');
    // One that the front refuses by itself.
    client.request(3, but(GET, ':method', 'TRACE'));
    for (const stream of [1, 3]) {
      const reset = await client.find(
        `the reset of stream ${stream}`,
        (frame) => frame.type === FRAME.reset && frame.stream === stream,
      );
      assert.notEqual(reset?.payload.readUInt32BE(0), ERROR.none);
    }
    client.close();
    await proxy.stop();
  });
});
