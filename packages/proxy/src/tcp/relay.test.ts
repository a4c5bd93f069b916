// TCP and TLS listeners with real sockets.
import assert from 'node:assert/strict';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { connect as connectTls, createServer as createTls } from 'node:tls';

import type { ListenerRecord, TargetGroupRecord } from '@berth/model/generated/messages.ts';

import { readProxyHeader, writeProxyHeader } from '../proxy-protocol.ts';
import { certificate } from '../testing/certificates.ts';
import { TestProxy, startBackEnd, until } from '../testing/data-path.ts';
import { rawClient, statuses } from '../testing/raw.ts';
import { place } from '../testing/secure.ts';

const TCP: Partial<ListenerRecord> = { protocol: 'TCP', certificates: [] };
const check = {
  protocol: 'TCP',
  port: 'traffic-port',
  path: '',
  intervalSeconds: 5,
  timeoutSeconds: 2,
  healthyThresholdCount: 2,
  unhealthyThresholdCount: 2,
  matcher: '',
} as const;
const groupWith = (attributes: Record<string, string> = {}): Partial<TargetGroupRecord> => ({
  protocol: 'TCP',
  healthCheck: check,
  attributes,
});

describe('TCP relay', () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  interface Peer {
    readonly port: number;
    readonly sockets: Set<Socket>;
    close(): void;
  }

  async function peer(onConnection: (socket: Socket) => void, server?: Server): Promise<Peer> {
    const sockets = new Set<Socket>();
    const listening = server ?? createServer({ allowHalfOpen: true });
    listening.on(server === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      socket.on('error', () => undefined);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      onConnection(socket);
    });
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const close = (): void => {
      for (const socket of sockets) socket.destroy();
      listening.close();
    };
    closers.push(close);
    return { port: (listening.address() as AddressInfo).port, sockets, close };
  }

  /** Gives back what it gets, and ends when the other side does. */
  const echo = (socket: Socket): void => void socket.pipe(socket);

  async function through(
    targets: readonly Peer[],
    listener: Partial<ListenerRecord> = TCP,
    group: Partial<TargetGroupRecord> = groupWith(),
  ): Promise<TestProxy> {
    const proxy = new TestProxy();
    closers.push(() => proxy.stop());
    await place(proxy, { targets: targets.map(({ port }) => port), listener, group });
    await proxy.open();
    await until('the targets are healthy', () => proxy.targets().every(({ healthy }) => healthy));
    return proxy;
  }

  function client(port: number): { socket: Socket; text: () => string; ended: () => boolean } {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    let ended = false;
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('end', () => (ended = true));
    socket.on('error', () => undefined);
    closers.push(() => socket.destroy());
    return { socket, text: () => text, ended: () => ended };
  }

  it('passes bytes both ways, and each end for itself', async () => {
    const target = await peer((socket) => {
      let got = '';
      socket.on('data', (chunk: Buffer) => (got += chunk.toString()));
      socket.on('end', () => {
        socket.write(`after the end: ${got}`);
        socket.end();
      });
    });
    const proxy = await through([target]);
    const { socket, text, ended } = client(proxy.port);
    socket.write('one ');
    socket.end('two');
    await until('the answer is whole', ended);
    assert.equal(text(), 'after the end: one two');
    await until('it is released', () => proxy.inFlight === 0);
  });

  it('passes much, held by the slower side', async () => {
    const target = await peer((socket) => {
      socket.pause();
      setImmediate(() => echo(socket));
    });
    const proxy = await through([target]);
    const { socket, text, ended } = client(proxy.port);
    const sent = Buffer.alloc(3_000_000, 'y');
    socket.end(sent);
    await until('all is back', ended);
    assert.equal(text().length, sent.length);
  });

  it('tells targets who the client is, where the group says so', async () => {
    const target = await peer(echo);
    const proxy = await through([target], TCP, groupWith({ 'proxy_protocol_v2.enabled': 'true' }));
    const { socket, text } = client(proxy.port);
    await until('it is connected', () => socket.localPort !== undefined);
    const { localPort } = socket;
    socket.end('data');
    await until('it is back', () => text().endsWith('data'));
    const header = readProxyHeader(Buffer.from(text(), 'latin1'));
    assert.ok(typeof header === 'object');
    assert.deepEqual(header.source, { address: '127.0.0.1', port: localPort });
    assert.equal(text().slice(header.length), 'data');
  });

  it('tries another target, and resets the client when there is none', async () => {
    const good = await peer(echo);
    const bad = await peer(echo);
    const proxy = await through([good, bad]);
    bad.close();
    for (let turn = 0; turn < 4; turn += 1) {
      const { socket, text } = client(proxy.port);
      socket.end('x');
      await until('it is served', () => text() === 'x');
    }
    good.close();
    const lost = client(proxy.port);
    await until('it is reset', () => lost.socket.destroyed);
    assert.ok(!lost.ended(), 'no clean end');
  });

  it('breaks off on one side when the other breaks off', async () => {
    const reached: Socket[] = [];
    const target = await peer((socket) => void socket.once('data', () => reached.push(socket)));
    const proxy = await through([target]);
    const first = client(proxy.port);
    first.socket.write('x');
    await until('the target has it', () => reached.length === 1);
    reached[0]?.resetAndDestroy();
    await until('the client knows', () => first.socket.destroyed);
    assert.ok(!first.ended(), 'no clean end');
    const second = client(proxy.port);
    second.socket.write('x');
    await until('the target has it', () => reached.length === 2);
    second.socket.resetAndDestroy();
    await until('the target knows', () => reached[1]?.destroyed === true);
    await until('it is released', () => proxy.inFlight === 0);
  });

  it('lets connections of a draining target go on, and cuts them at the end where the group says so', async () => {
    const target = await peer(echo);
    for (const cut of ['true', 'false']) {
      const attributes = {
        'deregistration_delay.timeout_seconds': '0',
        'deregistration_delay.connection_termination.enabled': cut,
      };
      const proxy = await through([target], TCP, groupWith(attributes));
      const { socket, text } = client(proxy.port);
      socket.write('before ');
      await until('it is through', () => text() === 'before ');
      await place(proxy, { targets: [], listener: TCP, group: groupWith(attributes) });
      if (cut === 'true') await until('it is cut', () => socket.destroyed);
      else {
        socket.write('after');
        await until('it goes on', () => text() === 'before after');
      }
      assert.equal(proxy.path.routing.groups.get('web')?.targets.size, 0);
    }
  });

  it('ends TLS for its targets, and begins it', async () => {
    const plain = await peer(echo);
    const listener = { protocol: 'TLS' } as const;
    const ended = await through([plain], listener, { ...groupWith(), protocol: 'TCP' });
    const { pem, keyPem } = await certificate();
    const secure = await peer(echo, createTls({ cert: pem, key: keyPem, allowHalfOpen: true }));
    const begun = await through([secure], listener, { ...groupWith(), protocol: 'TLS' });
    for (const proxy of [ended, begun]) {
      const socket = connectTls({
        port: proxy.port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        servername: 'example.com',
      });
      closers.push(() => socket.destroy());
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.write('secret');
      await until('it is back', () => text === 'secret');
      assert.equal(socket.getPeerCertificate().subject.CN, 'example.com');
    }
  });

  it('passes TLS through', async () => {
    const { pem, keyPem } = await certificate({ subject: 'CN=own' });
    const secure = await peer(echo, createTls({ cert: pem, key: keyPem }));
    const proxy = await through([secure]);
    const socket = connectTls({ port: proxy.port, host: '127.0.0.1', rejectUnauthorized: false });
    closers.push(() => socket.destroy());
    await new Promise<void>((resolve) => socket.once('secureConnect', resolve));
    assert.equal(socket.getPeerCertificate().subject.CN, 'own');
  });
});

describe('PROXY protocol in', () => {
  let proxy: TestProxy;
  before(async () => {
    const backEnd = await startBackEnd('web', (message, response) => {
      response.end(String(message.headers['x-forwarded-for']));
    });
    proxy = new TestProxy();
    await place(proxy, { targets: [backEnd.port], listener: { protocol: 'HTTP' } });
    await proxy.open();
    await until('the target is healthy', () => proxy.targets().every(({ healthy }) => healthy));
    after(async () => {
      await proxy.stop();
      await backEnd.close();
    });
  });

  const header = writeProxyHeader(
    { address: '203.0.113.9', port: 4_242 },
    { address: '127.0.0.1', port: 80 },
  ).toString('latin1');
  const request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

  async function answered(attributes: Record<string, string>, bytes: string): Promise<string> {
    const [target] = proxy.targets();
    await place(proxy, {
      targets: target === undefined ? [] : [target.record.port],
      listener: { protocol: 'HTTP', attributes },
    });
    const text = await rawClient(proxy.port, bytes).answer();
    if (text === '') return 'closed';
    return statuses(text)[0] === 200 ? text.slice(text.indexOf('\r\n\r\n') + 4) : 'refused';
  }

  const mode = (word: string, sources?: string): Record<string, string> => ({
    'berth.proxy_protocol.mode': word,
    ...(sources === undefined ? {} : { 'berth.proxy_protocol.trusted_sources': sources }),
  });

  for (const [name, attributes, bytes, expected] of [
    ['believes the header', mode('required'), header + request, '203.0.113.9'],
    [
      'believes version 1',
      mode('optional'),
      `PROXY TCP4 198.51.100.7 127.0.0.1 1 80\r\n${request}`,
      '198.51.100.7',
    ],
    ['needs none where it is optional', mode('optional'), request, '127.0.0.1'],
    ['needs one where it is required', mode('required'), request, 'closed'],
    [
      'closes on a malformed one',
      mode('optional'),
      `PROXY TCP4 1.2.3.4 nonsense\r\n${request}`,
      'closed',
    ],
    [
      'takes UNKNOWN for the peer itself',
      mode('required'),
      `PROXY UNKNOWN\r\n${request}`,
      '127.0.0.1',
    ],
    ['believes trusted peers', mode('required', '127.0.0.0/8'), header + request, '203.0.113.9'],
    [
      'refuses others where it is required',
      mode('required', '10.0.0.0/8'),
      header + request,
      'closed',
    ],
    ['does not believe others', mode('optional', '10.0.0.0/8'), header + request, 'refused'],
    ['does not believe anybody by default', {}, header + request, 'refused'],
  ] as const) {
    it(name, async () => assert.equal(await answered(attributes, bytes), expected));
  }
});
