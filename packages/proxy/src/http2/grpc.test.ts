// gRPC from end to end: an independent client and server, a TLS listener between them.
import assert from 'node:assert/strict';
import type { TargetGroupRecord } from '@berth/model/generated/messages.ts';
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  Client,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  credentials,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';

import { TestProxy, startBackEnd, until } from '../testing/data-path.ts';
import { place, served } from '../testing/secure.ts';

const same = (bytes: Buffer): Buffer => bytes;
const method = (path: string, requestStream: boolean, responseStream: boolean) =>
  ({
    path,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }) as const;

const SERVICE = {
  one: method('/test.Echo/One', false, false),
  up: method('/test.Echo/Up', true, false),
  down: method('/test.Echo/Down', false, true),
  both: method('/test.Echo/Both', true, true),
  fail: method('/test.Echo/Fail', false, false),
  hang: method('/test.Echo/Hang', false, false),
};

let cancelled = 0;

function echoServer(): Server {
  const server = new Server();
  server.addService(SERVICE, {
    one: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      const answer = new Metadata();
      answer.set('x-saw', String(call.metadata.get('x-word')[0]));
      call.sendMetadata(answer);
      const trailer = new Metadata();
      trailer.set('x-trailer', 'kept');
      done(null, call.request, trailer);
    },
    up: (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      let length = 0;
      call.on('data', (chunk: Buffer) => (length += chunk.length));
      call.on('end', () => done(null, Buffer.from(String(length))));
    },
    down: (call: ServerWritableStream<Buffer, Buffer>) => {
      for (let i = 0; i < 50; i += 1) call.write(Buffer.from(`${call.request.toString()} ${i}`));
      call.end();
    },
    both: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on('data', (chunk: Buffer) => call.write(chunk));
      call.on('end', () => call.end());
    },
    fail: (_call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
      done({ code: status.FAILED_PRECONDITION, details: 'not now' }),
    hang: (call: ServerUnaryCall<Buffer, Buffer>) => {
      call.on('cancelled', () => (cancelled += 1));
    },
  });
  return server;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}

const GRPC: Partial<TargetGroupRecord> = {
  protocolVersion: 'GRPC',
  healthCheck: {
    protocol: 'HTTP',
    port: 'traffic-port',
    path: '/AWS.ALB/healthcheck',
    intervalSeconds: 5,
    timeoutSeconds: 2,
    healthyThresholdCount: 2,
    unhealthyThresholdCount: 2,
    matcher: '12',
  },
};

describe('gRPC through a TLS listener', () => {
  let proxy: TestProxy;
  let server: Server;
  let port = 0;
  let client: Client;

  before(async () => {
    server = echoServer();
    port = await listen(server);
    proxy = new TestProxy();
    await place(proxy, { targets: [port], group: GRPC });
    await proxy.open();
    await until('the target is healthy', () => proxy.targets().every((target) => target.healthy));
    const { chainPem } = await served();
    client = new Client(`localhost:${proxy.port}`, credentials.createSsl(Buffer.from(chainPem)));
  });
  after(async () => {
    client.close();
    await proxy.stop();
    server.forceShutdown();
  });
  afterEach(() => until('nothing is in flight', () => proxy.inFlight === 0));

  function unary(
    { path }: { readonly path: string },
    message: Buffer,
    metadata = new Metadata(),
    onCall?: (call: ClientUnaryCall) => void,
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const deadline = { deadline: Date.now() + 4_000 };
      const call = client.makeUnaryRequest(
        path,
        same,
        same,
        message,
        metadata,
        deadline,
        (error, answer) => {
          if (error) reject(error);
          else resolve(answer ?? Buffer.alloc(0));
        },
      );
      onCall?.(call);
    });
  }

  it('makes calls, with metadata and trailers both ways', async () => {
    const metadata = new Metadata();
    metadata.set('x-word', 'hello');
    let saw: unknown;
    let trailer: unknown;
    const answer = await unary(SERVICE.one, Buffer.from('message'), metadata, (call) => {
      call.on('metadata', (found) => (saw = found.get('x-saw')[0]));
      call.on('status', (found) => (trailer = found.metadata.get('x-trailer')[0]));
    });
    assert.equal(answer.toString(), 'message');
    assert.equal(saw, 'hello');
    await until('the status has come', () => trailer !== undefined);
    assert.equal(trailer, 'kept');
  });

  it('streams up', async () => {
    const length = await new Promise<string>((resolve, reject) => {
      const call: ClientWritableStream<Buffer> = client.makeClientStreamRequest(
        SERVICE.up.path,
        same,
        same,
        (error, answer) => {
          if (error) reject(error);
          else resolve((answer ?? Buffer.alloc(0)).toString());
        },
      );
      for (let i = 0; i < 30; i += 1) call.write(Buffer.alloc(100_000));
      call.end();
    });
    assert.equal(length, '3000000');
  });

  it('streams down', async () => {
    const call: ClientReadableStream<Buffer> = client.makeServerStreamRequest(
      SERVICE.down.path,
      same,
      same,
      Buffer.from('line'),
    );
    const lines: string[] = [];
    for await (const chunk of call) lines.push((chunk as Buffer).toString());
    assert.equal(lines.length, 50);
    assert.equal(lines[49], 'line 49');
  });

  it('streams both ways, turn by turn', async () => {
    const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
      SERVICE.both.path,
      same,
      same,
    );
    const next = (): Promise<string> =>
      new Promise((resolve) => call.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    for (const word of ['one', 'two', 'three']) {
      const answer = next();
      call.write(Buffer.from(word));
      assert.equal(await answer, word);
    }
    const ended = new Promise((resolve) => call.once('end', resolve));
    call.end();
    call.resume();
    await ended;
  });

  const failure = (promise: Promise<unknown>): Promise<ServiceError> =>
    promise.then(
      () => assert.fail('it went well'),
      (error: unknown) => error as ServiceError,
    );

  it('passes on what the server says went wrong', async () => {
    const error = await failure(unary(SERVICE.fail, Buffer.alloc(0)));
    assert.equal(error.code, status.FAILED_PRECONDITION);
    assert.equal(error.details, 'not now');
  });

  it('tells the server when the client gives up', async () => {
    let call: ClientUnaryCall | undefined;
    const given = failure(
      unary(SERVICE.hang, Buffer.alloc(0), new Metadata(), (made) => (call = made)),
    );
    await until('the server has it', () => proxy.inFlight === 1);
    call?.cancel();
    assert.equal((await given).code, status.CANCELLED);
    await until('the server knows', () => cancelled > 0);
  });

  it('is unavailable, in its own words, where there is no target', async () => {
    await place(proxy, { targets: [], group: GRPC });
    const error = await failure(unary(SERVICE.one, Buffer.from('x')));
    assert.equal(error.code, status.UNAVAILABLE);
    assert.equal(error.details, 'unavailable');
    await place(proxy, { targets: [port], group: GRPC });
    await until('the target is healthy', () => proxy.targets().every((target) => target.healthy));
  });

  it('is refused by a group of HTTP/1.1', async () => {
    const backEnd = await startBackEnd('old');
    await place(proxy, { targets: [backEnd.port] });
    const error = await failure(unary(SERVICE.one, Buffer.from('x')));
    assert.equal(error.code, status.UNAVAILABLE);
    assert.equal(backEnd.requests, 0);
    await place(proxy, { targets: [port], group: GRPC });
    await until('the target is healthy', () => proxy.targets().every((target) => target.healthy));
    await backEnd.close();
  });
});
