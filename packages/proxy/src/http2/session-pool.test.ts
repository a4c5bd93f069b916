// HTTP/2 to targets, as an exchange sees it.
import assert from 'node:assert/strict';
import {
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  constants,
  createSecureServer,
  createServer,
} from 'node:http2';
import { type AddressInfo, createServer as createTcp } from 'node:net';

import { realClock } from '@berth/process/real-clock.ts';

import type {
  ConnectFailure,
  Loss,
  OutgoingRequest,
  Upstream,
  UpstreamOwner,
} from '../exchange-sides.ts';
import type { ResponseHead } from '../response-head.ts';
import { until } from '../testing/basics.ts';
import { certificate } from '../testing/certificates.ts';
import { SessionPool } from './session-pool.ts';

class Owner implements UpstreamOwner {
  head: ResponseHead | undefined;
  interim = '';
  body = '';
  trailers: string | undefined;
  loss: Loss | undefined;
  writable = 0;

  onInformational(_status: number, lines: string): void {
    this.interim += lines;
  }
  onHead(head: ResponseHead): void {
    this.head = head;
  }
  onBody(chunk: Buffer): void {
    this.body += chunk.toString();
  }
  onPause(): void {
    return;
  }
  onResponseEnd(chunk: Buffer | undefined, trailers: string): void {
    this.body += chunk?.toString() ?? '';
    this.trailers = trailers;
  }
  onUpgrade(): void {
    assert.fail('no upgrade');
  }
  onWritable(): void {
    this.writable += 1;
  }
  onLost(loss: Loss): void {
    this.loss = loss;
  }
}

const request = (parts: Partial<OutgoingRequest> = {}): OutgoingRequest => ({
  method: 'GET',
  target: '/',
  authority: 'example.com',
  lines: 'X-Case: kept\r\nX-Case: twice\r\n',
  bodyLength: 0,
  upgrade: false,
  trailers: false,
  idleTimeoutMs: 2_000,
  ...parts,
});

describe('HTTP/2 pool', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function listen(server: Http2Server): Promise<number> {
    const sessions = new Set<ServerHttp2Session>();
    server.on('session', (session) => sessions.add(session));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      for (const session of sessions) session.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  async function pool(
    onStream: (stream: ServerHttp2Stream, raw: string[]) => void,
    server: Http2Server = createServer(),
  ): Promise<SessionPool> {
    server.on('stream', (stream, _headers, _flags, raw: string[]) => {
      stream.on('error', () => undefined);
      onStream(stream, raw);
    });
    return at(await listen(server));
  }

  function at(port: number, secure = false): SessionPool {
    const made = new SessionPool({
      address: '127.0.0.1',
      port,
      secure,
      connectTimeoutMs: 500,
      clock: realClock,
    });
    closers.push(() => made.cut('the test is over'));
    return made;
  }

  function connected(from: SessionPool): Promise<Upstream> {
    return new Promise((resolve, reject) => {
      from.connect(
        {
          onConnected: resolve,
          onRefused: (failure) => reject(new Error(`${failure.kind}: ${failure.message}`)),
        },
        false,
      );
    });
  }

  it('sends and takes what HTTP/2 has: repeated fields, interim answers, trailers', async () => {
    let raw: string[] = [];
    let got = '';
    let trailers: string[] = [];
    const targets = await pool((stream, fields) => {
      raw = fields;
      stream.on('data', (chunk: Buffer) => (got += chunk.toString()));
      stream.on('trailers', (_trailers, _flags, found: string[]) => (trailers = found));
      stream.on('end', () => {
        stream.additionalHeaders({ ':status': 103, link: '</a>' });
        stream.respond({ ':status': 200, 'set-cookie': ['a', 'b'] }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end('answer');
      });
    });
    const upstream = await connected(targets);
    const owner = new Owner();
    const post = { method: 'POST', target: '/a?b', bodyLength: -1, trailers: true };
    assert.ok(upstream.send(owner, request(post)));
    upstream.write(Buffer.from('some '));
    upstream.write(Buffer.from('body'));
    upstream.end('X-Sum: 1\r\n');
    await until('the answer is whole', () => owner.trailers !== undefined);
    assert.deepEqual(raw.slice(0, 8), [
      ':method',
      'POST',
      ':scheme',
      'http',
      ':authority',
      'example.com',
      ':path',
      '/a?b',
    ]);
    assert.deepEqual(raw.slice(8), ['x-case', 'kept', 'x-case', 'twice', 'te', 'trailers']);
    assert.equal(got, 'some body');
    assert.deepEqual(trailers, ['x-sum', '1']);
    assert.equal(owner.interim, 'link: </a>\r\n');
    assert.match(owner.head?.lines ?? '', /set-cookie: a\r\nset-cookie: b\r\n/);
    assert.equal(owner.body, 'answer');
    assert.equal(owner.trailers, 'grpc-status: 0\r\n');
    assert.equal(owner.loss, undefined);
  });

  it('shares a session among streams, up to what the target allows', async () => {
    const streams: ServerHttp2Stream[] = [];
    const targets = await pool(
      (stream) => streams.push(stream),
      createServer({ settings: { maxConcurrentStreams: 2 } }),
    );
    const owners = [new Owner(), new Owner(), new Owner()];
    const [first, second, third] = await Promise.all(owners.map(() => connected(targets)));
    assert.ok(first && second && third);
    assert.deepEqual(
      [first, second, third].map((upstream) => upstream.reused),
      [false, true, false],
    );
    assert.equal(targets.open, 2);
    for (const [index, upstream] of [first, second, third].entries()) {
      upstream.send(owners[index] as Owner, request());
    }
    await until('all have come', () => streams.length === 3);
    for (const stream of streams) {
      stream.respond({ ':status': 204 });
      stream.end();
    }
    await until('all are answered', () => owners.every((owner) => owner.trailers === ''));
    await until('there is room', () => targets.take(1_000, realClock.monotonic())?.reused === true);
  });

  it('says of refused streams, and those above GOAWAY, that they were not acted upon', async () => {
    let count = 0;
    const targets = await pool((stream) => {
      count += 1;
      if (count === 1) stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else if (count === 2) stream.session?.goaway(0, stream.id! - 2);
      else stream.close(constants.NGHTTP2_CANCEL);
    });
    const losses: (Loss | undefined)[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const upstream = targets.take(1_000, realClock.monotonic()) ?? (await connected(targets));
      const owner = new Owner();
      upstream.send(owner, request());
      await until('it is lost', () => owner.loss !== undefined);
      losses.push(owner.loss);
    }
    assert.deepEqual(
      losses.map((loss) => [loss?.kind, loss?.unsent]),
      [
        ['refused', true],
        ['refused', true],
        ['closed', false],
      ],
    );
  });

  it('never makes a body that was given up look complete, nor an answer', async () => {
    let ended = false;
    let reset: number | undefined;
    const targets = await pool((stream) => {
      stream.on('end', () => (ended = stream.rstCode === undefined || stream.rstCode === 0));
      stream.on('close', () => (reset = stream.rstCode));
      stream.resume();
    });
    const upstream = await connected(targets);
    upstream.send(new Owner(), request({ method: 'POST', bodyLength: -1 }));
    upstream.write(Buffer.from('some'));
    await until('the target has it', () => targets.open === 1);
    upstream.abandon();
    await until('the target knows', () => reset !== undefined);
    assert.notEqual(reset, constants.NGHTTP2_NO_ERROR);
    assert.ok(!ended);
  });

  it('tells of answers that break off, come too late, or are cut', async () => {
    const targets = await pool((stream, raw) => {
      const path = raw[raw.indexOf(':path') + 1];
      if (path === '/silent') return;
      stream.respond({ ':status': 200 });
      stream.write('half');
      if (path === '/half') setImmediate(() => stream.destroy(new Error('gone')));
    });
    const upstream = (): Promise<Upstream> => {
      const taken = targets.take(1_000, realClock.monotonic());
      return taken === undefined ? connected(targets) : Promise.resolve(taken);
    };
    const half = new Owner();
    (await upstream()).send(half, request({ target: '/half' }));
    await until('it is lost', () => half.loss !== undefined);
    assert.equal(half.body, 'half');
    assert.deepEqual([half.loss?.kind, half.loss?.started], ['closed', true]);
    const silent = new Owner();
    (await upstream()).send(silent, request({ target: '/silent', idleTimeoutMs: 30 }));
    await until('it is lost', () => silent.loss !== undefined);
    assert.deepEqual([silent.loss?.kind, silent.loss?.unsent], ['timeout', false]);
    const cut = new Owner();
    (await upstream()).send(cut, request({ target: '/open' }));
    await until('it has begun', () => cut.body === 'half');
    targets.cut('enough');
    assert.deepEqual([cut.loss?.kind, cut.loss?.message], ['cut', 'enough']);
    await until('it is closed', () => targets.open === 0);
  });

  it('holds both sides to what the other takes', async () => {
    let big: ServerHttp2Stream | undefined;
    const targets = await pool((stream, raw) => {
      if (raw.includes('POST')) {
        big = stream;
        return;
      }
      stream.respond({ ':status': 200 });
      stream.end(Buffer.alloc(2_000_000, 'x'));
    });
    const upstream = await connected(targets);
    const owner = new Owner();
    upstream.send(owner, request({ method: 'POST', bodyLength: 4_000_000 }));
    let written = 0;
    while (upstream.write(Buffer.alloc(100_000))) written += 1;
    assert.ok(written < 20);
    assert.ok(upstream.full);
    await until('the target has it', () => big !== undefined);
    big?.resume();
    await until('there is room', () => owner.writable > 0);
    upstream.abandon();
    const down = targets.take(1_000, realClock.monotonic()) ?? (await connected(targets));
    const reader = new Owner();
    down.send(reader, request());
    down.pause();
    await until('it has begun', () => reader.head !== undefined);
    const before = reader.body.length;
    down.resume();
    await until('it is whole', () => reader.trailers === '', 5_000);
    assert.ok(before < 1_000_000);
    assert.equal(reader.body.length, 2_000_000);
  });

  const refusal = (from: SessionPool): Promise<ConnectFailure['kind']> =>
    new Promise((resolve) => {
      from.connect(
        { onConnected: () => assert.fail('connected'), onRefused: ({ kind }) => resolve(kind) },
        false,
      );
    });

  it('knows who speaks HTTP/2: by ALPN, or by what they say first', async () => {
    const { pem, keyPem } = await certificate();
    const secure = createSecureServer({ cert: pem, key: keyPem });
    secure.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.end();
    });
    const tls = at(await listen(secure), true);
    const owner = new Owner();
    (await connected(tls)).send(owner, request());
    await until('it is answered', () => owner.trailers === '');
    const sockets = new Set<{ destroy(): void }>();
    const old = createTcp((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    });
    const silent = createTcp((socket) => void sockets.add(socket));
    for (const server of [old, silent]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closers.push(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
    }
    assert.equal(await refusal(at((old.address() as AddressInfo).port)), 'refused');
    assert.equal(await refusal(at((silent.address() as AddressInfo).port)), 'timeout');
    assert.equal(await refusal(at(1)), 'refused');
    const retired = at((silent.address() as AddressInfo).port);
    const told = refusal(retired);
    retired.refuseWaiting();
    assert.equal(await told, 'retired');
  });
});
