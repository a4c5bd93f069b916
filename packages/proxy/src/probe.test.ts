import assert from 'node:assert/strict';
import { type Http2Server, createSecureServer, createServer as createHttp2 } from 'node:http2';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';

import type { HealthCheckSettings, TargetGroupRecord } from '@berth/model/generated/messages.ts';
import { groupSettings } from '@berth/model/routing/group-settings.ts';
import { probeSucceeded } from '@berth/model/routing/target-health.ts';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

import { probe } from './probe.ts';
import { certificate } from './testing/certificates.ts';
import { group } from './testing/data-path.ts';

const NEVER = new AbortController().signal;

function check(
  record: Partial<TargetGroupRecord>,
  more: Partial<HealthCheckSettings> = {},
): ReturnType<typeof groupSettings>['check'] {
  const made = group('g');
  return groupSettings({ ...made, ...record, healthCheck: { ...made.healthCheck!, ...more } })
    .check;
}

describe('probe', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function listen(server: Server): Promise<{ address: string; port: number }> {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
  }

  it('over TCP is content with a connection', async () => {
    const at = await listen(createServer());
    const tcp = check({ protocol: 'TCP' }, { protocol: 'TCP' });
    const outcome = await probe(at, tcp, NEVER);
    assert.deepEqual(outcome, { kind: 'connected' });
    assert.ok(probeSucceeded(outcome, tcp));
    assert.deepEqual(await probe({ ...at, port: 1 }, tcp, NEVER), { kind: 'failed' });
  });

  function answering(server: Http2Server): Http2Server {
    return server.on('stream', (stream, headers) => {
      const good =
        headers[':method'] === 'GET' && headers['user-agent'] === 'ELB-HealthChecker/2.0';
      stream.respond({ ':status': good && headers[':path'] === '/healthz' ? 204 : 500 });
      stream.end();
    });
  }

  it('over HTTP/2 asks in HTTP/2, in the open and over TLS', async () => {
    const plain = await listen(answering(createHttp2()));
    const http2 = { protocolVersion: 'HTTP2' } as const;
    assert.deepEqual(await probe(plain, check(http2), NEVER), { kind: 'answered', code: 204 });
    const { pem, keyPem } = await certificate();
    const secure = await listen(answering(createSecureServer({ cert: pem, key: keyPem })));
    const tls = check(http2, { protocol: 'HTTPS' });
    assert.deepEqual(await probe(secure, tls, NEVER), { kind: 'answered', code: 204 });
    const old = await listen(
      createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    assert.deepEqual(await probe(old, check(http2), NEVER), { kind: 'failed' });
    const silent = await listen(createServer());
    const impatient = { ...check(http2), timeoutMs: 50 };
    assert.deepEqual(await probe(silent, impatient, NEVER), { kind: 'timeout' });
  });

  it('of gRPC looks at the status of a call', async () => {
    const server = new GrpcServer();
    const health = new HealthImplementation({ '': 'SERVING' });
    health.addToServer(server);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    closers.push(() => server.forceShutdown());
    const at = { address: '127.0.0.1', port };
    const grpc = { protocolVersion: 'GRPC' } as const;
    const byDefault = check(grpc, { path: '', matcher: '' });
    const outcome = await probe(at, byDefault, NEVER);
    assert.deepEqual(outcome, { kind: 'answered', code: 12 }, 'it answers gRPC at all');
    assert.ok(probeSucceeded(outcome, byDefault));
    const service = check(grpc, { path: '/grpc.health.v1.Health/Check', matcher: '0' });
    assert.deepEqual(await probe(at, service, NEVER), { kind: 'answered', code: 0 });
    health.setStatus('', 'NOT_SERVING');
    assert.deepEqual(await probe(at, service, NEVER), { kind: 'answered', code: 14 });
  });
});
