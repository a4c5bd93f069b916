// Targets of HTTP/2 that say odd things before they serve anything.
import assert from 'node:assert/strict';

import { realClock } from '@berth/process/real-clock.ts';

import type { ConnectFailure } from '../exchange-sides.ts';
import { type RawBackEnd, startRawBackEnd } from '../testing/data-path.ts';
import { FRAME, frame, u32 } from '../testing/http2-frames.ts';
import { SessionPool } from './session-pool.ts';

const MAX_CONCURRENT_STREAMS = 3;

describe('odd targets of HTTP/2', () => {
  let target: RawBackEnd;
  let pool: SessionPool;
  let connections = 0;

  afterEach(async () => {
    pool.cut('the test is over');
    await target.close();
  });

  async function saying(bytes: Buffer): Promise<ConnectFailure | 'connected'> {
    connections = 0;
    target = await startRawBackEnd((socket) => {
      connections += 1;
      socket.write(bytes);
      socket.resume();
    });
    const { port } = target;
    const place = { address: '127.0.0.1', port, secure: false, connectTimeoutMs: 500 };
    pool = new SessionPool({ ...place, clock: realClock });
    return await new Promise((resolve) => {
      pool.connect({ onConnected: () => resolve('connected'), onRefused: resolve }, false);
    });
  }

  it('are not dialled again and again that take no streams at all', async () => {
    const none = Buffer.concat([Buffer.of(0, MAX_CONCURRENT_STREAMS), u32(0)]);
    const outcome = await saying(frame(FRAME.settings, 0, 0, none));
    assert.ok(outcome !== 'connected');
    assert.equal(outcome.kind, 'refused');
    assert.equal(connections, 1);
  });
});
