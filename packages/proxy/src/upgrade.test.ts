import assert from 'node:assert/strict';
import type { Socket } from 'node:net';

import * as records from '@berth/model/routing/testing.ts';

import {
  type RawBackEnd,
  TestProxy,
  group,
  startRawBackEnd,
  targetAt,
  until,
} from './testing/data-path.ts';
import { type RawClient, rawClient, statuses } from './testing/raw.ts';

const UPGRADE = [
  'GET /chat HTTP/1.1',
  'Host: a',
  'Connection: keep-alive, Upgrade',
  'Upgrade: WebSocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  '\r\n',
].join('\r\n');
const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n';

describe('upgrades', () => {
  const closers: (() => Promise<void>)[] = [];
  let heads: string[] = [];
  afterEach(async () => {
    heads = [];
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** Answers health checks; of other connections the first head is recorded and the rest is up to `speak`. */
  async function start(
    speak: (socket: Socket, rest: Buffer) => void,
    settings: { idleTimeoutMs?: number } = {},
  ): Promise<{ proxy: TestProxy; target: RawBackEnd }> {
    const target = await startRawBackEnd((socket) => {
      socket.once('data', (chunk) => {
        const end = chunk.indexOf('\r\n\r\n') + 4;
        const head = chunk.toString('latin1', 0, end);
        if (head.includes('/healthz')) {
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
          return;
        }
        heads.push(head);
        speak(socket, chunk.subarray(end));
      });
    });
    closers.push(() => target.close());
    const proxy = new TestProxy({ settings });
    closers.push(() => proxy.stop());
    await proxy.serve([target]);
    return { proxy, target };
  }

  const echo = (socket: Socket, rest: Buffer): void => {
    socket.write(SWITCHING);
    socket.write(rest);
    socket.pipe(socket);
  };

  async function opened(proxy: TestProxy): Promise<RawClient> {
    const client = rawClient(proxy.port, UPGRADE);
    await until('the tunnel is open', () => client.text().endsWith('\r\n\r\n'));
    return client;
  }

  it('carry bytes both ways after the target has agreed', async () => {
    const { proxy } = await start(echo);
    const client = await opened(proxy);
    assert.deepEqual(statuses(client.text()), [101]);
    assert.match(
      client.text(),
      /Sec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/,
    );
    assert.match(
      heads[0] ?? '',
      /Sec-WebSocket-Key: dGhl[^]*X-Forwarded-For: 127.0.0.1\r\n[^]*Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n$/,
    );
    assert.doesNotMatch(heads[0] ?? '', /keep-alive/);
    client.socket.write('one');
    await until('it comes back', () => client.text().endsWith('one'));
    client.socket.write('two');
    await until('it comes back', () => client.text().endsWith('onetwo'));
    assert.equal(proxy.inFlight, 1, 'an open tunnel is in flight');
    client.socket.end();
    await until('nothing is in flight', () => proxy.inFlight === 0);
    assert.match(await proxy.registry.metrics(), /outcome="target_1xx"\} 1/);
  });

  it('lose nothing that the client sends too early or the target at once', async () => {
    const { proxy } = await start((socket, rest) => {
      socket.write(`${SWITCHING}first`);
      socket.write(rest);
      socket.pipe(socket);
    });
    const client = rawClient(proxy.port, `${UPGRADE}early`);
    await until('both are there', () => client.text().endsWith('firstearly'));
    client.socket.destroy();
  });

  it('carry much in both directions, with a half-close', async () => {
    const { proxy } = await start(echo);
    const client = await opened(proxy);
    const size = 8 * 1024 * 1024;
    let received = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk) => (received += chunk.length));
    client.socket.end(Buffer.alloc(size));
    await until('all of it came back', () => received === size);
    await until('nothing is in flight', () => proxy.inFlight === 0);
  });

  it('end on the other side when one side resets', async () => {
    const { proxy, target } = await start(echo);
    const client = await opened(proxy);
    client.socket.resetAndDestroy();
    await until('the target is released', () => target.sockets.size === 0);
    await until('nothing is in flight', () => proxy.inFlight === 0);

    const other = await opened(proxy);
    for (const socket of target.sockets) socket.resetAndDestroy();
    await other.answer();
    await until('nothing is in flight', () => proxy.inFlight === 0);
  });

  it('survive clients that reset before the target has answered', async () => {
    const { proxy, target } = await start(() => undefined);
    const clients = Array.from({ length: 20 }, () => rawClient(proxy.port, UPGRADE));
    await until('the target has them', () => heads.length === clients.length);
    for (const client of clients) client.socket.resetAndDestroy();
    await until('nothing is in flight', () => proxy.inFlight === 0);
    await until('the target is released', () => target.sockets.size === 0);
  });

  it('that a target declines are ordinary answers', async () => {
    const { proxy } = await start((socket) => {
      socket.write(
        'HTTP/1.1 426 Upgrade Required\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
      );
    });
    const text = await rawClient(proxy.port, UPGRADE).answer();
    assert.deepEqual(statuses(text), [426]);
    assert.match(text, /Connection: close/);
    assert.match(text, /2\r\nno\r\n0\r\n\r\n$/);
    assert.equal(proxy.inFlight, 0);
  });

  it('to something else than asked for are refused', async () => {
    const { proxy } = await start((socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n',
      );
    });
    assert.deepEqual(statuses(await rawClient(proxy.port, UPGRADE).answer()), [502]);
  });

  for (const [name, request] of [
    ['a wrong version', UPGRADE.replace('Version: 13', 'Version: 12')],
    ['no key', UPGRADE.replace(/Sec-WebSocket-Key.*\r\n/, '')],
    ['POST', UPGRADE.replace('GET', 'POST').replace('\r\n\r\n', '\r\nContent-Length: 0\r\n\r\n')],
    ['a body', `${UPGRADE.replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\n')}hi`],
  ] as const) {
    it(`asked for with ${name} are ordinary requests`, async () => {
      const { proxy } = await start((socket) => {
        socket.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno');
      });
      const client = rawClient(proxy.port, request);
      assert.match(await client.answer((text) => text.endsWith('no')), /^HTTP\/1\.1 400/);
      assert.doesNotMatch(heads[0] ?? '', /\r\n(?:Upgrade|Connection):/i);
    });
  }

  it('are cut at the end of the deregistration delay', async () => {
    const { proxy, target } = await start(echo);
    const client = await opened(proxy);
    proxy.route({
      listeners: [records.listener(0, records.forward('web'))],
      groups: [group('web', { 'deregistration_delay.timeout_seconds': '0' })],
      targets: [targetAt('web', target.port, 'DRAINING')],
    });
    await client.answer();
    await until('nothing is in flight', () => proxy.inFlight === 0);
    assert.equal(proxy.targets()[0]?.drain.phase, 'drained');
  });

  it('are closed when nothing passes for too long', async () => {
    const { proxy } = await start(echo, { idleTimeoutMs: 100 });
    const client = await opened(proxy);
    await client.answer();
    await until('nothing is in flight', () => proxy.inFlight === 0);
  });

  it('to a rule without targets are answered like any request', async () => {
    const { proxy } = await start(echo);
    proxy.route({ listeners: [records.listener(0, records.fixed('200', 'fixed'))] });
    assert.match(await rawClient(proxy.port, UPGRADE).answer(), /^HTTP\/1\.1 200 [^]*fixed$/);
  });
});
