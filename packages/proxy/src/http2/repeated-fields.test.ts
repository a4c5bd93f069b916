// Fields that come twice, and fields that Node.js does not let through: whatever a target or a client sends, the proxy goes on.
import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect, createServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';

import { TestProxy, startRawBackEnd, until } from '../testing/data-path.ts';
import { place } from '../testing/secure.ts';

const REPEATED_FIELDS = { strictSingleValueFields: false };

interface Got {
  readonly fields: readonly string[];
  readonly trailers: readonly string[];
  readonly interim: readonly string[];
}

function ask(session: ClientHttp2Session, fields: readonly string[] = []): Promise<Got> {
  return new Promise((resolve, reject) => {
    const stream = session.request([
      ...[':method', 'GET', ':scheme', 'https', ':authority', 'localhost', ':path', '/'],
      ...fields,
    ]);
    let got: readonly string[] = [];
    let trailers: readonly string[] = [];
    let interim: readonly string[] = [];
    stream.on('headers', (_fields, _flags, raw: string[]) => (interim = raw));
    stream.on('response', (_fields, _flags, raw: string[]) => (got = raw));
    stream.on('trailers', (_fields, _flags, raw: string[]) => (trailers = raw));
    stream.on('error', reject);
    stream.on('close', () => resolve({ fields: got, trailers, interim }));
    stream.resume();
  });
}

/** The values of one field. */
function valuesOf(fields: readonly string[], name: string): string[] {
  return fields.filter((_, index) => index % 2 === 1 && fields[index - 1] === name);
}

describe('fields of HTTP/2', () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function serve(port: number, version = 'HTTP1'): Promise<ClientHttp2Session> {
    const proxy = new TestProxy();
    closers.push(() => proxy.stop());
    const group = { protocolVersion: version as 'HTTP1', healthCheck: undefined as never };
    await place(proxy, { targets: [port], group });
    await proxy.open();
    const session = connect(`https://localhost:${proxy.port}`, {
      rejectUnauthorized: false,
      ...REPEATED_FIELDS,
    });
    session.on('error', () => undefined);
    closers.push(() => session.destroy());
    return session;
  }

  /** A target of HTTP/1.1 that answers with these bytes. */
  async function answering(bytes: string): Promise<ClientHttp2Session> {
    const backEnd = await startRawBackEnd((socket: Socket) => {
      socket.on('data', () => socket.write(bytes, 'latin1'));
    });
    closers.push(() => backEnd.close());
    return await serve(backEnd.port);
  }

  it('pass on what a target says twice', async () => {
    const session = await answering(
      'HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nX-Content-Type-Options: nosniff\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 2\r\n\r\nok',
    );
    const { fields } = await ask(session);
    assert.deepEqual(valuesOf(fields, ':status'), ['200']);
    assert.deepEqual(valuesOf(fields, 'content-type'), ['a/b', 'c/d']);
    assert.deepEqual(valuesOf(fields, 'x-content-type-options'), ['nosniff', 'nosniff']);
  });

  it('leave out what has no place in HTTP/2', async () => {
    const session = await answering(
      'HTTP/1.1 200 OK\r\nHTTP2-Settings: AAA\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok',
    );
    const { fields } = await ask(session);
    assert.deepEqual(valuesOf(fields, 'x-kept'), ['1']);
    assert.deepEqual(valuesOf(fields, 'http2-settings'), []);
  });

  it('may be repeated and named as they like in trailers and interim answers', async () => {
    const odd = 'ETag: a\r\nETag: b\r\nConstructor: c\r\nHTTP2-Settings: AAA\r\n';
    const session = await answering(
      `HTTP/1.1 103 Early Hints\r\n${odd}\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${odd}\r\n`,
    );
    const { fields, trailers, interim } = await ask(session, ['te', 'trailers']);
    assert.deepEqual(valuesOf(fields, ':status'), ['200']);
    for (const found of [trailers, interim]) {
      assert.deepEqual(valuesOf(found, 'etag'), ['a', 'b']);
      assert.deepEqual(valuesOf(found, 'constructor'), ['c']);
      assert.deepEqual(valuesOf(found, 'http2-settings'), []);
    }
  });

  it('are passed on to a target of HTTP/2, and cost it nothing', async () => {
    const target = createServer(REPEATED_FIELDS);
    const seen: string[][] = [];
    target.on('session', (made) => closers.push(() => made.destroy()));
    target.on('stream', (stream, _fields, _flags, raw: string[]) => {
      seen.push(raw);
      stream.respond([':status', '200', 'age', '1', 'age', '2']);
      stream.end('ok');
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    closers.push(() => target.close());
    const session = await serve((target.address() as AddressInfo).port, 'HTTP2');
    const { fields } = await ask(session, ['user-agent', 'a', 'user-agent', 'b']);
    assert.deepEqual(valuesOf(fields, ':status'), ['200']);
    assert.deepEqual(valuesOf(fields, 'age'), ['1', '2']);
    await until('it was asked', () => seen.some((raw) => raw.includes('user-agent')));
    const asked = seen.find((raw) => valuesOf(raw, 'user-agent').includes('b')) ?? [];
    assert.deepEqual(valuesOf(asked, 'user-agent'), ['a', 'b']);
  });

  it('that name the client or lead a request on are no trailers of clients', async () => {
    const target = createServer();
    let trailers: string[] | undefined;
    target.on('session', (made) => closers.push(() => made.destroy()));
    target.on('stream', (stream) => {
      stream.on('trailers', (_fields, _flags, raw: string[]) => (trailers = raw));
      stream.resume();
      stream.on('end', () => {
        stream.respond({ ':status': 200 });
        stream.end();
      });
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    closers.push(() => target.close());
    const session = await serve((target.address() as AddressInfo).port, 'HTTP2');
    const stream = session.request(
      { ':method': 'POST', ':path': '/' },
      { waitForTrailers: true, endStream: false },
    );
    stream.on('wantTrailers', () => {
      stream.sendTrailers({
        'x-amzn-oidc-identity': 'root',
        x_amzn_mtls_clientcert: 'x',
        'x-forwarded-for': '127.0.0.1',
        authorization: 'Bearer x',
        cookie: 'a=b',
        'content-type': 'a/b',
        'x-checksum': 'kept',
      });
    });
    stream.resume();
    stream.end('body');
    await new Promise((resolve) => stream.once('close', resolve));
    assert.deepEqual(trailers, ['x-checksum', 'kept']);
  });
});
