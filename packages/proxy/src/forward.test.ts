import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { type IncomingMessage, Agent, request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import * as records from '@berth/model/routing/testing.ts';

import {
  type BackEnd,
  type BackEndHandler,
  type RawBackEnd,
  TestProxy,
  group,
  startBackEnd,
  startRawBackEnd,
  targetAt,
  until,
} from './testing/data-path.ts';
import { rawClient, statuses } from './testing/raw.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

interface Sending {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Readable;
  readonly agent?: Agent;
}

/** One request; rejects when the answer breaks off. */
function send(port: number, sending: Sending = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', path = '/', headers = {}, body, agent = false } = sending;
    const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString(),
          headers: response.headers,
        }),
      );
    });
    if (body instanceof Readable) body.pipe(sent);
    else sent.end(body);
  });
}

describe('forwarding', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function backEnds(count: number, handler?: BackEndHandler): Promise<BackEnd[]> {
    const made: BackEnd[] = [];
    for (let i = 0; i < count; i += 1) {
      const backEnd = await startBackEnd(`b${i}`, handler);
      closers.push(() => backEnd.close());
      made.push(backEnd);
    }
    return made;
  }

  /** Answers health checks itself; everything else, from the end of its head on, is up to `speak`. */
  async function raw(speak: (socket: Socket, head: string) => void): Promise<RawBackEnd> {
    const made = await startRawBackEnd((socket) => {
      let seen = '';
      socket.on('data', (chunk) => {
        seen += chunk.toString('latin1');
        const end = seen.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = seen.slice(0, end);
        seen = seen.slice(end + 4);
        if (head.includes('/healthz')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        else speak(socket, head);
      });
    });
    closers.push(() => made.close());
    return made;
  }

  async function proxyFor(
    targets: readonly { readonly port: number }[],
    options: ConstructorParameters<typeof TestProxy>[0] = {},
  ): Promise<TestProxy> {
    const proxy = new TestProxy(options);
    closers.push(() => proxy.stop());
    await proxy.serve(targets);
    return proxy;
  }

  it('goes round its targets exactly', async () => {
    const all = await backEnds(3);
    const proxy = await proxyFor(all);
    const bodies: string[] = [];
    for (let i = 0; i < 9; i += 1) bodies.push((await send(proxy.port)).body);
    assert.equal(new Set(bodies.slice(0, 3)).size, 3);
    assert.deepEqual(bodies.slice(3, 6), bodies.slice(0, 3));
    assert.deepEqual(bodies.slice(6, 9), bodies.slice(0, 3));
  });

  it('uses its connections to targets again, and those of its clients', async () => {
    const [backEnd] = await backEnds(1);
    assert.ok(backEnd);
    const proxy = await proxyFor([backEnd]);
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    for (let i = 0; i < 50; i += 1) {
      await Promise.all([1, 2, 3, 4].map(() => send(proxy.port, { agent })));
    }
    agent.destroy();
    assert.equal(backEnd.requests, 200);
    assert.ok(backEnd.connections.size <= 4, `${backEnd.connections.size} connections`);
  });

  it('does not use a connection again when the target says so', async () => {
    const [backEnd] = await backEnds(1, (message, response) => {
      message.resume();
      response.setHeader('Connection', 'close');
      response.end('x');
    });
    assert.ok(backEnd);
    const proxy = await proxyFor([backEnd]);
    for (let i = 0; i < 5; i += 1) assert.equal((await send(proxy.port)).body, 'x');
    assert.equal(backEnd.connections.size, 5);
  });

  it('gives up idle connections before a target that announces its limit does', async () => {
    const [backEnd] = await backEnds(1);
    assert.ok(backEnd);
    backEnd.server.keepAliveTimeout = 1_000;
    const proxy = await proxyFor([backEnd]);
    for (let i = 0; i < 3; i += 1) await send(proxy.port, { method: 'POST', body: 'x' });
    assert.equal(backEnd.connections.size, 3, 'a limit of one second leaves no margin at all');
  });

  it('keeps status, reason, header case, repeated headers and an empty body', async () => {
    const target = await raw((socket) => {
      socket.write(
        'HTTP/1.1 299 Odd But Fine\r\nX-CaSe: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nServer: mine\r\nContent-Length: 0\r\n\r\n',
      );
    });
    const proxy = await proxyFor([target]);
    const text = await rawClient(
      proxy.port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    ).answer();
    assert.match(
      text,
      /^HTTP\/1\.1 299 Odd But Fine\r\nX-CaSe: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nServer: mine\r\n/,
    );
  });

  it('answers HEAD without a body and keeps the connection in step', async () => {
    const [backEnd] = await backEnds(1, (message, response) => {
      response.setHeader('Content-Length', '1000');
      response.end(message.method === 'HEAD' ? undefined : 'y'.repeat(1000));
    });
    assert.ok(backEnd);
    const proxy = await proxyFor([backEnd]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const bare = await send(proxy.port, { method: 'HEAD', agent });
    const full = await send(proxy.port, { agent });
    agent.destroy();
    assert.equal(bare.headers['content-length'], '1000');
    assert.equal(bare.body, '');
    assert.equal(full.body.length, 1000);
  });

  it('traces requests', async () => {
    const [backEnd] = await backEnds(1, (message, response) => {
      response.end(message.headers['x-amzn-trace-id']);
    });
    assert.ok(backEnd);
    const proxy = await proxyFor([backEnd]);
    const traced = async (header?: string): Promise<string> =>
      (
        await send(proxy.port, {
          headers: header === undefined ? {} : { 'X-Amzn-Trace-Id': header },
        })
      ).body;
    const own = '1-[0-9a-f]{8}-[0-9a-f]{24}';
    assert.match(await traced(), new RegExp(`^Root=${own}$`));
    assert.match(
      await traced('Root=1-a-b;CalledFrom=app'),
      new RegExp(`^Self=${own};Root=1-a-b;CalledFrom=app$`),
    );
    assert.match(await traced('CalledFrom=app'), new RegExp(`^Root=${own};CalledFrom=app$`));
    assert.match(await traced(`Root=1-a-b;X=${'y'.repeat(7200)}`), new RegExp(`^Root=${own}$`));
  });

  it('streams large bodies both ways without keeping them', async () => {
    const size = 192 * 1024 * 1024;
    const block = randomBytes(1024 * 1024);
    const [backEnd] = await backEnds(1, (message, response) => {
      const hash = createHash('sha256');
      message.on('data', (chunk: Buffer) => hash.update(chunk));
      message.on('end', () => {
        response.setHeader('X-Hash', hash.digest('hex'));
        blocks(block, size).pipe(response);
      });
    });
    assert.ok(backEnd);
    const proxy = await proxyFor([backEnd]);
    const expected = createHash('sha256');
    for (let sent = 0; sent < size; sent += block.length) expected.update(block);
    const hash = expected.digest('hex');
    const before = process.memoryUsage();
    let peak = 0;
    let sinceCollected = 0;
    const answered = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = httpRequest({
        host: '127.0.0.1',
        port: proxy.port,
        method: 'PUT',
        agent: false,
      });
      sent.on('response', resolve).on('error', reject);
      blocks(block, size).pipe(sent);
    });
    const received = createHash('sha256');
    for await (const chunk of answered) {
      received.update(chunk as Buffer);
      sinceCollected += (chunk as Buffer).length;
      if (sinceCollected < size / 16) continue;
      sinceCollected = 0;
      collectGarbage();
      const now = process.memoryUsage();
      peak = Math.max(peak, now.external + now.heapUsed - before.external - before.heapUsed);
    }
    assert.equal(answered.headers['x-hash'], hash, 'upload');
    assert.equal(received.digest('hex'), hash, 'download');
    assert.ok(peak < size / 4, `${peak} bytes more at the peak, for ${size} each way`);
  });

  it('waits once for a slow reader, however small the chunks of the answer are', async () => {
    const tiny = '1\r\nx\r\n'.repeat(60_000);
    const [backEnd] = await backEnds(1, (message) => {
      message.socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${tiny}0\r\n\r\n`);
    });
    assert.ok(backEnd);
    const proxy = await proxyFor([backEnd]);
    const warnings: Error[] = [];
    const warned = (warning: Error): number => warnings.push(warning);
    process.on('warning', warned);
    closers.push(() => Promise.resolve(void process.off('warning', warned)));
    const text = await rawClient(
      proxy.port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    ).answer();
    assert.equal(text.match(/x/g)?.length, 60_000);
    assert.deepEqual(warnings, []);
  });

  it('lets a slow reader slow its target down', async () => {
    let produced = 0;
    const [backEnd] = await backEnds(1, (_message, response) => {
      const block = Buffer.alloc(65_536);
      const more = (): void => {
        while (!response.destroyed) {
          produced += block.length;
          if (!response.write(block)) break;
        }
      };
      response.on('drain', more);
      more();
    });
    assert.ok(backEnd);
    const proxy = await proxyFor([backEnd]);
    const client = rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('the answer begins', () => client.text() !== '');
    client.socket.pause();
    let last = -1;
    let still = 0;
    await until('the target has stopped', () => {
      still = produced === last ? still + 1 : 0;
      last = produced;
      return still > 40;
    });
    assert.ok(produced < 64 * 1024 * 1024, `${produced} bytes were taken from the target`);
    client.socket.destroy();
    await until('nothing is in flight', () => proxy.inFlight === 0);
    await until('the target is released', () => backEnd.sockets.size === 0);
  });

  it('cancels what a client no longer waits for, and leaks nothing', async () => {
    const [backEnd] = await backEnds(1, (message) => void message.resume());
    assert.ok(backEnd);
    const proxy = await proxyFor([backEnd]);
    const clients = Array.from({ length: 200 }, (_, i) =>
      rawClient(
        proxy.port,
        i % 2 === 0
          ? 'GET /poll HTTP/1.1\r\nHost: a\r\n\r\n'
          : 'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nbegin',
      ),
    );
    await until('all polls have reached the target', () => backEnd.requests === clients.length);
    assert.equal(proxy.inFlight, clients.length);
    for (const [i, client] of clients.entries()) {
      if (i % 3 === 0) client.socket.resetAndDestroy();
      else client.socket.destroy();
    }
    await until('nothing is in flight', () => proxy.inFlight === 0);
    await until('the target has no connection left', () => backEnd.sockets.size === 0);
    assert.equal(proxy.path.listeners.connections, 0);
    const metrics = await proxy.registry.metrics();
    const counted = (outcome: string): number =>
      Number(new RegExp(`outcome="${outcome}"\\} (.*)`).exec(metrics)?.[1]);
    // An upload that ends too early is a malformed request as well, where that was noticed first.
    assert.equal(counted('client_gone') + counted('proxy_4xx'), clients.length);
    assert.match(metrics, /berth_proxy_active_requests\{group="web"\} 0/);
  });

  for (const [name, head, sent] of [
    ['a length', 'Content-Length: 1000', 'x'.repeat(500)],
    ['chunks', 'Transfer-Encoding: chunked', '1f4\r\n' + 'x'.repeat(500) + '\r\n'],
    ['a malformed chunk', 'Transfer-Encoding: chunked', '5\r\nhello\r\nno size\r\n'],
  ] as const) {
    it(`breaks off visibly when a target with ${name} dies half way`, async () => {
      const target = await raw((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${sent}`, () => socket.end());
      });
      const proxy = await proxyFor([target]);
      await assert.rejects(send(proxy.port), { code: 'ECONNRESET' });
      assert.equal(proxy.inFlight, 0);
      assert.equal(proxy.path.routing.groups.get('web')?.meter.failed, 1);
    });
  }

  it('passes on an answer that comes before the request is complete', async () => {
    const target = await raw((socket) => {
      socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig');
    });
    const proxy = await proxyFor([target]);
    const client = rawClient(
      proxy.port,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nbegin',
    );
    const answer = await client.answer((text) => text.endsWith('big'));
    assert.deepEqual(statuses(answer), [413]);
    await until('the target connection is not used again', () => target.sockets.size === 0);
  });

  for (const [name, answer] of [
    ['no HTTP', 'hello\r\n\r\n'],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['a control character in a header', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n'],
    ['an unasked upgrade', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'],
  ] as const) {
    it(`answers 502 to ${name}, and does not use the connection again`, async () => {
      const target = await raw((socket) => void socket.write(answer));
      const proxy = await proxyFor([target]);
      const found = await send(proxy.port);
      assert.equal(found.status, 502);
      assert.equal(
        found.body,
        '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n',
      );
      await until('the connection is closed', () => target.sockets.size === 0);
    });
  }

  it('does not give bytes after an answer to the next client', async () => {
    const target = await raw((socket) => {
      socket.write(
        'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison',
      );
    });
    const proxy = await proxyFor([target]);
    for (let i = 0; i < 5; i += 1) assert.equal((await send(proxy.port)).body, 'a');
  });

  it('answers 504 when a target is silent, 408 when the client is', async () => {
    const [backEnd] = await backEnds(1, (message) => void message.resume());
    assert.ok(backEnd);
    const proxy = await proxyFor([backEnd], { settings: { idleTimeoutMs: 100 } });
    assert.equal((await send(proxy.port)).status, 504);
    const stalled = rawClient(
      proxy.port,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nbegin',
    );
    assert.deepEqual(statuses(await stalled.answer()), [408]);
    await until('nothing is in flight', () => proxy.inFlight === 0);
  });

  it('answers 408 to a head that does not come to its end', async () => {
    const proxy = await proxyFor([], { settings: { idleTimeoutMs: 60_000, headTimeoutMs: 100 } });
    const slow = rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n');
    assert.deepEqual(statuses(await slow.answer()), [408]);
  });

  it('answers 503 when nothing is registered', async () => {
    const proxy = await proxyFor([]);
    const found = await send(proxy.port);
    assert.equal(found.status, 503);
    assert.match(found.body, /<h1>503 Service Temporarily Unavailable<\/h1>/);
    assert.equal(found.body.length, 162);
  });

  it('serves with all targets when none is healthy', async () => {
    const [backEnd] = await backEnds(1);
    assert.ok(backEnd);
    const proxy = new TestProxy();
    closers.push(() => proxy.stop());
    const failing = group('web');
    proxy.route({
      listeners: [records.listener(0, records.forward('web'))],
      groups: [{ ...failing, healthCheck: { ...failing.healthCheck!, matcher: '299' } }],
      targets: [targetAt('web', backEnd.port)],
    });
    await proxy.open();
    assert.equal((await send(proxy.port)).status, 200);
  });

  describe('retries', () => {
    /** Closes the connection after the first request that it has answered on it, without a word, at the second. */
    const forgetful = (): Promise<RawBackEnd> => {
      const seen = new WeakMap<Socket, number>();
      return raw((socket) => {
        const count = (seen.get(socket) ?? 0) + 1;
        seen.set(socket, count);
        heads += 1;
        if (count > 1) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    };
    let heads = 0;
    beforeEach(() => (heads = 0));

    it('repeat a safe request on a new connection when a reused one breaks', async () => {
      const proxy = await proxyFor([await forgetful()]);
      for (const method of ['GET', 'HEAD', 'DELETE', 'GET']) {
        assert.equal((await send(proxy.port, { method })).status, 200, method);
      }
    });

    it('repeat a PUT with its body, if that was small', async () => {
      const bodies: string[] = [];
      const seen = new WeakMap<Socket, number>();
      const [backEnd] = await backEnds(1, (message, response) => {
        const chunks: Buffer[] = [];
        message.on('data', (chunk: Buffer) => chunks.push(chunk));
        message.on('end', () => {
          bodies.push(Buffer.concat(chunks).toString());
          const count = (seen.get(message.socket) ?? 0) + 1;
          seen.set(message.socket, count);
          if (count > 1) message.socket.destroy();
          else response.end('ok');
        });
      });
      assert.ok(backEnd);
      const proxy = await proxyFor([backEnd]);
      assert.equal((await send(proxy.port, { method: 'PUT', body: 'one' })).status, 200);
      assert.equal((await send(proxy.port, { method: 'PUT', body: 'two' })).status, 200);
      assert.equal(
        (await send(proxy.port, { method: 'PUT', body: Readable.from(['th', 'ree']) })).status,
        200,
      );
      assert.deepEqual(bodies, ['one', 'two', 'two', 'three', 'three']);
      const big = 'x'.repeat(200_000);
      await send(proxy.port, { method: 'PUT', body: 'prime' });
      assert.equal((await send(proxy.port, { method: 'PUT', body: big })).status, 502);
    });

    it('never repeat a POST that was sent', async () => {
      const proxy = await proxyFor([await forgetful(), await forgetful()]);
      const found: number[] = [];
      for (let i = 0; i < 4; i += 1)
        found.push((await send(proxy.port, { method: 'POST', body: 'x' })).status);
      assert.deepEqual(found, [200, 200, 502, 502]);
      assert.equal(heads, 4, 'each was delivered once');
    });

    it('take any request elsewhere when a connection is refused, body and all', async () => {
      const [alive, dying] = await backEnds(2, (message, response) => void message.pipe(response));
      assert.ok(alive && dying);
      const proxy = await proxyFor([alive, dying]);
      await dying.close();
      const body = 'y'.repeat(300_000);
      for (let i = 0; i < 4; i += 1) {
        const found = await send(proxy.port, { method: 'POST', body });
        assert.equal(found.status, 200);
        assert.equal(found.body, body);
      }
    });

    it('give up with 502 when nobody accepts a connection', async () => {
      const all = await backEnds(2);
      const proxy = await proxyFor(all);
      for (const backEnd of all) await backEnd.close();
      assert.equal((await send(proxy.port)).status, 502);
      assert.equal(proxy.inFlight, 0);
    });
  });
});

function blocks(block: Buffer, size: number): Readable {
  let left = size;
  return new Readable({
    read() {
      if (left <= 0) this.push(null);
      else {
        left -= block.length;
        this.push(block);
      }
    },
  });
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
