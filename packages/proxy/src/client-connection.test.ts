import assert from 'node:assert/strict';

import type { Clock } from '@berth/control/clock.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock } from '@berth/process/real-clock.ts';

import {
  type BackEnd,
  type BackEndHandler,
  TestProxy,
  balancer,
  startBackEnd,
  until,
} from './testing/data-path.ts';
import { rawClient, statuses } from './testing/raw.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n\r\n`;
const CLOSE = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n';
const post = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx`;
const WEBSOCKET =
  'GET /socket HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n';

describe('requests of one client that do not wait for answers', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** A back end that answers when it is told to, and a proxy before it. */
  async function held(): Promise<{
    readonly proxy: TestProxy;
    readonly backEnd: BackEnd;
    readonly open: (() => void)[];
  }> {
    const open: (() => void)[] = [];
    const handler: BackEndHandler = (message, response) => {
      message.resume();
      open.push(() => response.end(`<${message.url ?? ''}>`));
    };
    const backEnd = await startBackEnd('held', handler);
    closers.push(() => backEnd.close());
    const proxy = new TestProxy();
    closers.push(() => proxy.stop());
    await proxy.serve([backEnd]);
    return { proxy, backEnd, open };
  }

  it('reach targets one after another, in their order', async () => {
    const { proxy, backEnd, open } = await held();
    const client = rawClient(proxy.port, post('/1') + post('/2') + post('/3'));
    for (let number = 1; number <= 3; number += 1) {
      await until(`request ${number} has come`, () => open.length === number);
      assert.equal(backEnd.requests, number);
      assert.equal(proxy.inFlight, 1);
      open[number - 1]?.();
    }
    const text = await client.answer((so) => so.includes('</3>'));
    assert.deepEqual(statuses(text), [200, 200, 200]);
  });

  it('may end with a WebSocket: it is opened after the answers before it', async () => {
    const { proxy, backEnd, open } = await held();
    backEnd.server.on('upgrade', (_message, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello',
      );
      socket.on('data', () => socket.end('bye'));
    });
    const client = rawClient(proxy.port, `${get('/1')}${WEBSOCKET}frame`);
    await until('the first has come', () => open.length === 1);
    open[0]?.();
    const text = await client.answer();
    assert.deepEqual(statuses(text), [200, 101]);
    assert.match(text, /<\/1>.*hellobye$/s);
  });

  it('may end with a CONNECT: it is refused after the answers before it', async () => {
    const { proxy, open } = await held();
    const connect = 'CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n';
    const client = rawClient(proxy.port, get('/1') + get('/2') + connect);
    for (const number of [1, 2]) {
      await until(`request ${number} has come`, () => open.length === number);
      open[number - 1]?.();
    }
    assert.deepEqual(statuses(await client.answer()), [200, 200, 405]);
  });

  it('are all answered before what can not be parsed is refused', async () => {
    const { proxy, open } = await held();
    const client = rawClient(proxy.port, `${get('/1')}${get('/2')}no HTTP\r\n\r\n`);
    for (const number of [1, 2]) {
      await until(`request ${number} has come`, () => open.length === number);
      open[number - 1]?.();
    }
    assert.deepEqual(statuses(await client.answer()), [200, 200, 400]);
  });

  it('are all answered, however many have come at once', async () => {
    const backEnd = await startBackEnd('quick');
    closers.push(() => backEnd.close());
    const proxy = new TestProxy();
    closers.push(() => proxy.stop());
    await proxy.serve([backEnd]);
    const client = rawClient(proxy.port, get('/').repeat(2_000));
    const text = await client.answer((so) => so.endsWith('quick') && statuses(so).length === 2_000);
    assert.equal(text.match(/Connection: close/g), null);
    assert.equal(backEnd.requests, 2_000);
  });

  it('are left with the operating system beyond a bound', async () => {
    const { proxy, open } = await held();
    const client = rawClient(proxy.port);
    const block = get('/').repeat(30_000);
    let written = 0;
    const more = (): void => {
      while (written < 64 && client.socket.write(block, () => (written += 1)));
    };
    client.socket.on('drain', more);
    more();
    await until('the first has come', () => open.length === 1);
    let last = -1;
    let still = 0;
    await until('nothing more is taken', () => {
      still = written === last ? still + 1 : 0;
      last = written;
      return still > 40;
    });
    assert.ok(written < 32, `${written} MB were taken from a client that waits for one answer`);
    client.socket.destroy();
  });

  it('are not begun after an answer that ends the connection', async () => {
    const { proxy, backEnd, open } = await held();
    const doubtful = 'GET /1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx';
    const client = rawClient(proxy.port, doubtful + post('/2'));
    await until('the first has come', () => open.length === 1);
    open[0]?.();
    assert.deepEqual(statuses(await client.answer()), [200]);
    await until('the connection is gone', () => proxy.path.listeners.connections === 0);
    assert.equal(backEnd.requests, 1);
  });

  it('are forgotten when the client goes', async () => {
    const { proxy, backEnd, open } = await held();
    const client = rawClient(proxy.port, get('/1') + get('/2'));
    await until('the first has come', () => open.length === 1);
    client.socket.resetAndDestroy();
    await until('the connection is gone', () => proxy.path.listeners.connections === 0);
    assert.equal(proxy.inFlight, 0);
    assert.equal(backEnd.requests, 1);
  });

  it('end with the age of their connection', async () => {
    let later = 0;
    const clock: Clock = { ...realClock, monotonic: () => realClock.monotonic() + later };
    const backEnd = await startBackEnd('x');
    closers.push(() => backEnd.close());
    const proxy = new TestProxy({ clock, settings: { clientKeepAliveMs: 1e9 } });
    closers.push(() => proxy.stop());
    proxy.route({
      balancers: [balancer({ 'client_keep_alive.seconds': '60' })],
      listeners: [{ ...records.listener(0, records.fixed('200', 'x')), loadBalancer: 'web' }],
    });
    await proxy.open();
    const client = rawClient(proxy.port, get('/1'));
    await until('the first is answered', () => client.text().endsWith('x'));
    assert.doesNotMatch(client.text(), /Connection: close/);
    later = 61_000;
    // The proxy looks at its clock at least when somebody connects.
    assert.deepEqual(statuses(await rawClient(proxy.port, CLOSE).answer()), [200]);
    client.socket.write(get('/2'));
    const text = await client.answer();
    assert.deepEqual(statuses(text), [200, 200]);
    assert.match(text.slice(text.lastIndexOf('HTTP/1.1')), /Connection: close/);
  });

  it('of HTTP/1.0 are kept alive only if they ask for it, and end with the connection where no length is known', async () => {
    const { proxy, backEnd } = await held();
    backEnd.server.removeAllListeners('request');
    backEnd.server.on('request', (message, response) => {
      if (message.url === '/chunks') response.write('chunk');
      response.end('end');
    });
    const old = (path: string, ...lines: readonly string[]): string =>
      [`GET ${path} HTTP/1.0`, 'Host: a.test', ...lines, '\r\n'].join('\r\n');
    const kept = rawClient(proxy.port, old('/', 'Connection: keep-alive') + old('/'));
    const text = await kept.answer();
    assert.deepEqual(statuses(text), [200, 200]);
    assert.match(text, /Connection: keep-alive\r\n[^]*Connection: close\r\n/);
    const open = await rawClient(proxy.port, old('/chunks', 'Connection: keep-alive')).answer();
    assert.match(open, /Connection: close\r\n\r\nchunkend$/);
    assert.doesNotMatch(open, /Transfer-Encoding/);
  });

  it('that are answered early end their connection, once the client could read the answer', async () => {
    const { proxy, backEnd } = await held();
    backEnd.server.removeAllListeners('request');
    backEnd.server.on('request', (_message, response) => {
      response.writeHead(403, { 'Content-Length': 2 });
      response.end('no');
    });
    const size = 8 * 1024 * 1024;
    const head = `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${size}\r\n\r\n`;
    const client = rawClient(proxy.port, head);
    client.socket.write(Buffer.alloc(size));
    const text = await client.answer();
    assert.deepEqual(statuses(text), [403]);
    assert.match(text, /Connection: close\r\n[^]*no$/);
    await until('nothing is left', () => proxy.path.listeners.connections === 0);
  });
});
