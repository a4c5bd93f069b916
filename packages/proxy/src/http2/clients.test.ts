// Independent clients of HTTP/2 in front, and HTTP/1.1 behind.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  type ClientHttp2Session,
  type ServerHttp2Session,
  connect,
  constants,
  createServer,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';

import * as records from '@berth/model/routing/testing.ts';

import { type BackEnd, TestProxy, startBackEnd, until } from '../testing/data-path.ts';
import { GET, RawHttp2 } from '../testing/http2-frames.ts';
import { place } from '../testing/secure.ts';

const run = promisify(execFile);

interface Got {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

function ask(
  session: ClientHttp2Session,
  fields: Record<string, string>,
  body?: string | Buffer,
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/', ...fields }, { endStream: body === undefined });
    let got = '';
    let headers: Got['headers'] = {};
    stream.on('response', (found) => (headers = found));
    stream.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')));
    stream.on('error', reject);
    stream.on('close', () => resolve({ status: Number(headers[':status']), body: got, headers }));
    if (body !== undefined) stream.end(body);
  });
}

describe('HTTP/2 front', () => {
  let proxy: TestProxy;
  let backEnd: BackEnd;
  const sessions: ClientHttp2Session[] = [];

  before(async () => {
    backEnd = await startBackEnd('web', (message, response) => {
      if (message.url === '/hang') return;
      if (message.url === '/half' || message.url === '/half-chunked') {
        if (message.url === '/half') response.setHeader('Content-Length', '100');
        response.write('half');
        setImmediate(() => message.socket.destroy());
        return;
      }
      if (message.url === '/early') {
        response.end('early');
        return;
      }
      let length = 0;
      message.on('data', (chunk: Buffer) => (length += chunk.length));
      message.on('end', () => {
        const { method = '', url = '', headers } = message;
        if (url === '/large') {
          response.end(Buffer.alloc(3_000_000, 'x'));
          return;
        }
        response.setHeader('X-Seen', `${method} ${url} ${String(headers['x-case'])}`);
        response.setHeader('Set-Cookie', ['a=1', 'b=2']);
        const text = `${length} bytes`;
        response.setHeader('Content-Length', text.length);
        response.end(text);
      });
    });
    proxy = new TestProxy();
    await place(proxy, { targets: [backEnd.port] });
    await proxy.open();
    await until('the target is healthy', () => proxy.targets().every((target) => target.healthy));
  });
  afterEach(async () => {
    for (const session of sessions.splice(0)) session.destroy();
    await until('nothing is in flight', () => proxy.inFlight === 0);
  });
  after(async () => {
    await proxy.stop();
    await backEnd.close();
  });

  function session(): ClientHttp2Session {
    const made = connect(`https://localhost:${proxy.port}`, { rejectUnauthorized: false });
    made.on('error', () => undefined);
    sessions.push(made);
    return made;
  }

  it('serves curl, with and without a body', async () => {
    const url = `https://localhost:${proxy.port}/a?b=c`;
    const { stdout } = await run('curl', ['-skw', '%{http_version} %{http_code}', '--http2', url]);
    assert.equal(stdout, '0 bytes2 200');
    const body = ['--data-binary', 'x'.repeat(50_000)];
    assert.equal((await run('curl', ['-sk', '--http2', ...body, url])).stdout, '50000 bytes');
    const first = await run('curl', ['-skw', '%{http_version}', '--http1.1', url]);
    assert.equal(first.stdout, '0 bytes1.1');
  });

  it('serves nghttp and h2load', async () => {
    const url = `https://localhost:${proxy.port}/large`;
    const { stdout } = await run('nghttp', ['-ns', '--no-verify-peer', url]);
    assert.match(stdout, /200 .*\/large/);
    const load = await run('h2load', ['-n400', '-c4', '-m20', `https://localhost:${proxy.port}/`]);
    assert.match(load.stdout, /status codes: 400 2xx, 0 3xx, 0 4xx, 0 5xx/);
  });

  it('keeps what repeats in answers, and streams many at once', async () => {
    const one = session();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        ask(one, { ':method': 'POST', ':path': `/${index}`, 'x-case': 'lower' }, 'x'.repeat(index)),
      ),
    );
    for (const [index, { status, body, headers }] of answers.entries()) {
      assert.equal(status, 200);
      assert.equal(body, `${index} bytes`);
      assert.equal(headers['x-seen'], `POST /${index} lower`);
      assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
      assert.equal(headers['connection'], undefined);
    }
  });

  it('passes on large bodies both ways', async () => {
    const one = session();
    const up = await ask(one, { ':method': 'POST' }, Buffer.alloc(5_000_000));
    assert.equal(up.body, '5000000 bytes');
    const down = await ask(one, { ':path': '/large' });
    assert.equal(down.body.length, 3_000_000);
  });

  it('answers HEAD without a body, and early answers at once', async () => {
    const one = session();
    const head = await ask(one, { ':method': 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.headers['content-length'], '7');
    assert.equal(head.body, '');
    const stream = one.request({ ':method': 'POST', ':path': '/early' });
    stream.write('some of it');
    let body = '';
    stream.on('data', (chunk: Buffer) => (body += chunk.toString()));
    await new Promise((resolve) => stream.once('close', resolve));
    assert.equal(body, 'early');
    assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
  });

  it('makes a truncated answer visible', async () => {
    const one = session();
    for (const path of ['/half', '/half-chunked']) {
      await assert.rejects(ask(one, { ':path': path }), /NGHTTP2_INTERNAL_ERROR/);
    }
  });

  it('gives up on the target when the client resets its stream', async () => {
    const one = session();
    const stream = one.request({ ':path': '/hang' });
    stream.on('error', () => undefined);
    await until('the target has it', () => proxy.inFlight === 1);
    stream.close(constants.NGHTTP2_CANCEL);
    await until('it is let go', () => proxy.inFlight === 0);
  });

  it('refuses TRACE and CONNECT', async () => {
    const one = session();
    assert.equal((await ask(one, { ':method': 'TRACE' })).status, 405);
  });

  it('says GOAWAY when the listener goes, and lets requests end', async () => {
    const other = new TestProxy();
    await place(other, { targets: [backEnd.port] });
    await other.open();
    const client = await RawHttp2.overTls(other.port);
    client.request(1, GET);
    assert.equal(await client.fate(1), 'status 200');
    const stopped = other.path.stop(2_000);
    assert.equal(await client.goaway(), 0);
    await stopped;
  });

  it('speaks HTTP/1.1 only where HTTP/2 is switched off', async () => {
    const name = 'plain';
    await place(proxy, {
      targets: [backEnd.port],
      listener: { loadBalancer: name },
      more: {
        loadBalancers: [
          {
            name,
            id: '0000000000000001',
            type: 'application',
            scheme: 'internet-facing',
            ipAddressType: 'ipv4',
            attributes: { 'routing.http2.enabled': 'false' },
            createdAt: 1,
            tags: [],
            subnets: [],
            securityGroups: [],
          } as never,
        ],
      },
    });
    const url = `https://localhost:${proxy.port}/`;
    const { stdout } = await run('curl', ['-sko', '/dev/null', '-w', '%{http_version}', url]);
    assert.equal(stdout, '1.1');
    await place(proxy, { targets: [backEnd.port] });
  });

  it('takes prior knowledge on a plain port only where that is switched on', async () => {
    const plain = { protocol: 'HTTP', certificates: [] } as const;
    const attributes = { 'berth.h2c.enabled': 'true' };
    await place(proxy, { targets: [backEnd.port], listener: { ...plain, attributes } });
    const url = `http://localhost:${proxy.port}/`;
    const args = ['-so', '/dev/null', '-w', '%{http_version}', url];
    assert.equal((await run('curl', ['--http2-prior-knowledge', ...args])).stdout, '2');
    assert.equal((await run('curl', args)).stdout, '1.1');
    await place(proxy, { targets: [backEnd.port], listener: { ...plain } });
    await assert.rejects(run('curl', ['--http2-prior-knowledge', ...args]));
    await place(proxy, { targets: [backEnd.port] });
  });

  it('speaks HTTP/2 with targets of such a group, and refuses clients of HTTP/1.1', async () => {
    const target = createServer();
    const sessions2 = new Set<ServerHttp2Session>();
    target.on('session', (made) => sessions2.add(made));
    target.on('stream', (stream, headers) => {
      stream.respond({ ':status': 200, 'x-path': String(headers[':path']) });
      stream.end(String(headers[':authority']));
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const { port } = target.address() as AddressInfo;
    await place(proxy, { targets: [port], group: { protocolVersion: 'HTTP2' } });
    await until('the target is healthy', () => proxy.targets().every(({ healthy }) => healthy));
    const { status, body, headers } = await ask(session(), { ':path': '/a?b' });
    assert.deepEqual([status, body, headers['x-path']], [200, `localhost:${proxy.port}`, '/a?b']);
    const url = `https://localhost:${proxy.port}/`;
    const { stdout } = await run('curl', ['-sko/dev/null', '-w%{http_code}', '--http1.1', url]);
    assert.equal(stdout, '464');
    await place(proxy, { targets: [backEnd.port] });
    for (const made of sessions2) made.destroy();
    target.close();
  });

  it('says GOAWAY after ten thousand requests', async () => {
    await place(proxy, { action: records.fixed('200') });
    const client = await RawHttp2.overTls(proxy.port);
    let stream = 1;
    for (; stream <= 20_001 && !client.closed; stream += 2) {
      client.request(stream, GET);
      // No more than are allowed at a time.
      if (stream % 200 === 1) await client.fate(stream);
    }
    assert.equal(await client.goaway(), 0);
    assert.ok(stream >= 20_001);
    client.close();
    await place(proxy, { targets: [backEnd.port] });
  });
});
