// Clients that mean harm, in numbers, beside clients that do not. Source: ALB reference, section 6, cases 77-82. Of HTTP/2: http2-clients.test.ts.
import assert from 'node:assert/strict';
import { type Socket, connect } from 'node:net';

import { type BackEnd, startBackEnd, until } from '../testing/data-path.ts';
import { statuses } from '../testing/raw.ts';

import { ProxyProcess } from './proxy-process.ts';
import { type Siege, besiege } from './under-attack.ts';

const LARGE = Buffer.alloc(8 * 1024 * 1024, 'x');
const HEAD_MS = 1_000;
const IDLE_MS = 3_000;
const DRIP_MS = 100;

interface Attacker {
  readonly socket: Socket;
  /** What it was told, in latin-1. */
  text: string;
}

describe('under attack by clients', () => {
  let backEnd: BackEnd;
  let proxy: ProxyProcess;
  let attackers: Attacker[] = [];
  let drips: NodeJS.Timeout[] = [];

  before(async () => {
    backEnd = await startBackEnd('ok', (message, response) => {
      message.resume();
      if (message.url === '/large') response.end(LARGE);
      else message.on('end', () => response.end('ok'));
    });
    proxy = await ProxyProcess.start({
      target: backEnd.port,
      settings: { headTimeoutMs: HEAD_MS, idleTimeoutMs: IDLE_MS },
      attributes: { 'berth.timeouts.request_ms': '3000' },
    });
  });
  afterEach(() => {
    for (const drip of drips) clearInterval(drip);
    for (const { socket } of attackers) socket.destroy();
    drips = [];
    attackers = [];
  });
  after(async () => {
    await proxy.stop();
    await backEnd.close();
  });

  function attacker(bytes: string, reads = true): Attacker {
    const socket = connect(proxy.port, '127.0.0.1');
    const made: Attacker = { socket, text: '' };
    socket.on('error', () => undefined);
    if (reads) socket.on('data', (chunk: Buffer) => (made.text += chunk.toString('latin1')));
    else socket.pause();
    socket.write(bytes, 'latin1');
    attackers.push(made);
    return made;
  }

  const many = (count: number, bytes: string, reads?: boolean): Attacker[] =>
    Array.from({ length: count }, () => attacker(bytes, reads));

  function drip(of: readonly Attacker[], bytes: string): void {
    drips.push(
      setInterval(() => {
        for (const { socket } of of) if (socket.writable) socket.write(bytes, 'latin1');
      }, DRIP_MS),
    );
  }

  const allGone = (): Promise<void> =>
    until('every attacker is gone', () => attackers.every(({ socket }) => socket.closed));

  const told = (): number[][] => attackers.map(({ text }) => statuses(text));
  const each = (...found: number[]): number[][] => attackers.map(() => found);

  const under = (name: string, attack: (siege: Siege) => Promise<void>): void => {
    it(name, () => besiege(proxy, attack));
  };

  under(
    'by heads that come byte by byte, it answers 408 after the time for heads',
    async (siege) => {
      const slow = many(200, 'GET / HTTP/1.1\r\nHost: a\r\nX: ');
      drip(slow, 'y');
      await siege.until('all are connected', ({ connections }) => connections >= slow.length);
      await siege.othersAreServed();
      await allGone();
      assert.deepEqual(told(), each(408));
    },
  );

  under('by connections that say nothing, it goes on', async (siege) => {
    const idle = many(400, '');
    await siege.until('all are connected', ({ connections }) => connections >= idle.length);
    await siege.othersAreServed();
    for (const { socket } of idle) socket.resetAndDestroy();
  });

  under('by bodies that stop, it answers 408', async (siege) => {
    many(100, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx');
    await siege.until('all are in flight', ({ inFlight }) => inFlight >= 100);
    await siege.othersAreServed();
    await allGone();
    assert.deepEqual(told(), each(408));
  });

  under(
    'by bodies that come byte by byte, it answers 408 after the time for requests',
    async (siege) => {
      const slow = many(100, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n');
      drip(slow, 'x');
      await siege.until('all are in flight', ({ inFlight }) => inFlight >= 100);
      await siege.othersAreServed();
      await allGone();
      assert.deepEqual(told(), each(408));
    },
  );

  under('by readers that do not read, it lets go of them and of the target', async (siege) => {
    many(40, 'GET /large HTTP/1.1\r\nHost: a\r\n\r\n', false);
    await siege.until('all are in flight', ({ inFlight }) => inFlight >= 40);
    await siege.othersAreServed();
    await siege.until('the target is left', ({ inFlight }) => inFlight <= 2);
    // What is closed shows itself only to who reads.
    for (const { socket } of attackers) socket.resume();
    await allGone();
  });

  under('by heads without an end, it answers 400 as soon as they are too long', async (siege) => {
    const wide = many(20, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(1_000_000)}`);
    drip(wide, 'y'.repeat(100_000));
    await siege.othersAreServed();
    await until('all are told', () => wide.every(({ text }) => text !== ''));
    assert.deepEqual(told(), each(400));
    for (const { socket } of wide) socket.destroy();
  });

  under('by ten thousand headers, it answers 400', async (siege) => {
    const lines = Array.from({ length: 10_000 }, (_, index) => `X-${index}: y`).join('\r\n');
    many(20, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`);
    await siege.othersAreServed();
    for (const { socket } of attackers) socket.end();
    await allGone();
    assert.deepEqual(told(), each(400));
  });

  under('by URLs of a megabyte, it answers 414', async (siege) => {
    many(20, `GET /${'a'.repeat(1_000_000)} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await siege.othersAreServed();
    for (const { socket } of attackers) socket.end();
    await allGone();
    assert.deepEqual(told(), each(414));
  });

  under('by ten thousand requests at once from one that does not read, it waits', async (siege) => {
    many(4, 'GET /large HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(10_000), false);
    await siege.until('one of each is in flight', ({ inFlight }) => inFlight >= 4);
    await siege.othersAreServed();
    const { inFlight } = await siege.look();
    assert.ok(inFlight <= 4 + 2, `${inFlight} in flight`);
    for (const { socket } of attackers) socket.resetAndDestroy();
  });

  under('by chunks of one byte with long extensions, it answers 400', async (siege) => {
    const chunk = `1;${'e'.repeat(200)}\r\nx\r\n`;
    many(
      10,
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(2_000)}`,
    );
    await siege.othersAreServed();
    for (const { socket } of attackers) socket.end();
    await allGone();
    assert.deepEqual(told(), each(400));
  });

  under('by clients that connect, ask and reset, it forgets them', async (siege) => {
    for (let round = 0; round < 10; round += 1) {
      const made = many(50, 'GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
      await until('all are connected', () => made.every(({ socket }) => !socket.connecting));
      for (const { socket } of made) socket.resetAndDestroy();
    }
    await siege.othersAreServed();
    await siege.until('they are forgotten', ({ inFlight }) => inFlight <= 2);
  });
});

describe('connections of one client', () => {
  it('beyond its limit are closed at once; the others are served, and places are given back', async () => {
    const backEnd = await startBackEnd('ok');
    const proxy = await ProxyProcess.start({
      target: backEnd.port,
      listener: { 'berth.connections.per_client': '20' },
    });
    const sockets: Socket[] = [];
    try {
      for (let round = 0; round < 3; round += 1) {
        const made = Array.from({ length: 50 }, () => {
          const socket = connect(proxy.port, '127.0.0.1');
          socket.on('error', () => undefined).resume();
          return socket;
        });
        sockets.push(...made);
        await until('the rest is closed', () => made.filter(({ closed }) => closed).length >= 30);
        const { connections } = await proxy.held();
        assert.equal(connections, 20);
        const left = made.filter(({ closed }) => !closed);
        assert.equal(left.length, 20);
        let answers = 0;
        for (const socket of left) {
          socket.on('data', () => (answers += 1));
          socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        }
        await until('all others are answered', () => answers >= 20);
        for (const socket of made) socket.destroy();
        await proxy.until('places are free', (held) => held.connections === 0);
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      await proxy.stop();
      await backEnd.close();
    }
  });
});
