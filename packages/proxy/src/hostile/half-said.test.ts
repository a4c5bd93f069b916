// HTTP/2 connections that stop within a header block, which nghttp2 waits for as long as the connection is there. Found by fuzzing.
import assert from 'node:assert/strict';
import { connect } from 'node:net';

import * as records from '@berth/model/routing/testing.ts';

import {
  type BackEnd,
  TestProxy,
  group,
  startBackEnd,
  targetAt,
  until,
} from '../testing/data-path.ts';
import {
  END_HEADERS,
  END_STREAM,
  FRAME,
  GET,
  RawHttp2,
  frame,
  hpack,
} from '../testing/http2-frames.ts';

const KEEP_ALIVE_MS = 200;

describe('HTTP/2 connections that stop within a header block', () => {
  let backEnd: BackEnd;
  let proxy: TestProxy;
  let raws: RawHttp2[] = [];

  before(async () => {
    backEnd = await startBackEnd('ok');
    proxy = new TestProxy({ settings: { clientKeepAliveMs: KEEP_ALIVE_MS } });
    const listener = records.listener(0, records.forward('web'));
    proxy.route({
      listeners: [{ ...listener, attributes: { 'berth.h2c.enabled': 'true' } }],
      groups: [group('web')],
      targets: [targetAt('web', backEnd.port)],
    });
    await proxy.open();
  });
  afterEach(() => {
    for (const raw of raws) raw.close();
    raws = [];
  });
  after(async () => {
    await proxy.stop();
    await backEnd.close();
  });

  /** Its last frame says that it is longer than it is. */
  async function halfSaid(): Promise<RawHttp2> {
    const socket = connect(proxy.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const raw = new RawHttp2(socket);
    raws.push(raw);
    raw.send(frame(FRAME.settings, 0, 0));
    raw.request(1, GET);
    assert.equal(await raw.fate(1), 'status 200');
    raw.send(frame(FRAME.headers, END_HEADERS | END_STREAM, 3, hpack(GET)).subarray(0, -3));
    return raw;
  }

  it('end when the client has ended its side', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, halfSaid));
    for (const raw of made) raw.socket.end();
    await until('all have ended', () => made.every(({ closed }) => closed));
    await until('nothing is left', () => proxy.path.listeners.connections === 0);
  });

  it('end when they have been silent for too long', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, halfSaid));
    await until('all have ended', () => made.every(({ closed }) => closed));
    await until('nothing is left', () => proxy.path.listeners.connections === 0);
  });
});
