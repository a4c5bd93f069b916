import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { BerthError, isBerthError, type ErrorCode } from '@berth/model/errors.ts';
import * as grpc from '@grpc/grpc-js';

import type { CallContext, Handlers } from './api.ts';
import { createAuthority } from './authority.ts';
import { linkTo } from './channel-options.ts';
import { connect, type Connection } from './client.ts';
import { serve, type RpcServer } from './server.ts';
import { endWhenSilent } from './silence.ts';
import { testIdentity, testLogger } from './testing/fixtures.ts';

const logger = testLogger();
const closing: (() => unknown)[] = [];

function unusedOperations(): Handlers<'Operations'> {
  const refuse = (): never => {
    throw new BerthError('Internal', 'not part of this test');
  };
  return {
    GetInfo: refuse,
    WatchEvents: refuse,
    WatchService: refuse,
    StreamLogs: refuse,
    Exec: refuse,
    GetState: refuse,
    ListState: refuse,
    CountTraffic: refuse,
    CountTargets: refuse,
    GetDeploymentCertificate: refuse,
    CreateEventSink: refuse,
    DescribeEventSinks: refuse,
    DeleteEventSink: refuse,
    RedriveEventSink: refuse,
    SetAlarmStates: refuse,
    DescribeAlarms: refuse,
    DeleteAlarm: refuse,
    WatchRequests: refuse,
    ExplainRequest: refuse,
    ExplainPlacement: refuse,
    PredictPlacement: refuse,
    ReplayPlacement: refuse,
  };
}

async function start(
  operations: Partial<Handlers<'Operations'>>,
  address = '127.0.0.1:0',
): Promise<RpcServer> {
  const server = await serve({
    address,
    tls: await testIdentity('control', 'replica'),
    services: { Operations: { ...unusedOperations(), ...operations } },
    logger,
  });
  closing.push(() => server.close(0));
  return server;
}

async function dial(...addresses: string[]): Promise<Connection> {
  const connection = connect({ addresses, tls: await testIdentity('host', 'h1') });
  closing.push(() => connection.close());
  return connection;
}

/** Passes bytes on in both directions until it is frozen; its connections stay open. */
async function startRelay(target: string): Promise<{ address: string; freeze: () => void }> {
  const [host, port] = target.split(':');
  const sockets: Socket[] = [];
  const relay = createServer((near) => {
    const far = createConnection(Number(port), host);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      socket.on('error', () => undefined);
      sockets.push(socket);
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    relay.close();
  });
  return {
    address: `127.0.0.1:${(relay.address() as AddressInfo).port}`,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
  };
}

async function readAll(items: AsyncIterable<unknown>): Promise<void> {
  for await (const item of items) assert.ok(item);
}

async function rejection(promise: Promise<unknown>): Promise<BerthError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isBerthError(error), `not a BerthError: ${String(error)}`);
    return error;
  }
  return assert.fail('it did not reject');
}

async function collect<T>(items: AsyncIterable<T>, count = Infinity): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) >= count) break;
  return found;
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5000; turn += 1) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.fail('the condition did not come true');
}

describe('rpc over real sockets', () => {
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  it('answers a unary call and tells the handler who calls', async () => {
    let seen: CallContext | undefined;
    const server = await start({
      GetInfo: (_request, context) => {
        seen = context;
        return Promise.resolve({ version: '1.2.3', revision: Number.MAX_SAFE_INTEGER });
      },
    });
    const connection = await dial(server.address);
    const info = await connection.client('Operations').GetInfo({}, { metadata: { 'x-word': 'w' } });
    assert.equal(info.version, '1.2.3');
    assert.equal(info.revision, Number.MAX_SAFE_INTEGER);
    assert.deepEqual(info.leaders, []);
    assert.deepEqual(seen?.identity, { role: 'host', name: 'h1' });
    assert.equal(seen?.metadata.get('x-word'), 'w');
    assert.match(seen?.requestId ?? '', /^[0-9a-f]{16}$/);
  });

  it('carries code, message and details of an error', async () => {
    const server = await start({
      GetInfo: () =>
        Promise.reject(
          new BerthError('StaleView', 'tasks were committed – look again', {
            details: { revision: '42', word: 'größer' },
          }),
        ),
    });
    const error = await rejection((await dial(server.address)).client('Operations').GetInfo({}));
    assert.equal(error.code, 'StaleView' satisfies ErrorCode);
    assert.equal(error.message, 'tasks were committed – look again');
    assert.deepEqual(error.details, { revision: '42', word: 'größer' });
  });

  for (const [what, text] of [
    ['long', 'x'.repeat(100_000)],
    ['long and not ASCII', 'größer 🐳'.repeat(10_000)],
    ['cut within a surrogate pair', `${'x'.repeat(1_998)}🐳🐳`],
    ['made of halves of surrogate pairs', '\ud83d '.repeat(10)],
  ] as const) {
    it(`tells the code of an error whose message is ${what}`, async () => {
      const details = { long: text, other: text };
      const server = await start({
        GetInfo: () => Promise.reject(new BerthError('ClientException', text, { details })),
      });
      const error = await rejection((await dial(server.address)).client('Operations').GetInfo({}));
      assert.equal(error.code, 'ClientException');
      assert.ok(encodeURI(error.message).length <= 3_000);
      assert.equal(error.message.slice(0, 6), text.slice(0, 6).toWellFormed());
    });
  }

  it('refuses bytes that are no message as a fault of the caller', async () => {
    const server = await start({
      GetInfo: () => Promise.resolve({}),
      WatchEvents: async function* () {
        yield await Promise.resolve({});
      },
      Exec: async function* (inputs) {
        for await (const input of inputs) yield { exitCode: input.start ? 1 : 0 };
      },
    });
    const tls = await testIdentity('admin', 'mallory');
    const { target, credentials, options } = linkTo(server.address, tls);
    const client = new grpc.Client(target, credentials, options);
    closing.push(() => client.close());
    const raw = (bytes: Buffer): Buffer => bytes;
    const garbage = Buffer.from([0x0a, 0xff]);
    for (const method of ['GetState', 'WatchEvents', 'Exec']) {
      const call = client.makeBidiStreamRequest(`/berth.v1.Operations/${method}`, raw, raw);
      call.end(garbage);
      call.resume();
      const [error] = (await once(call, 'error')) as [grpc.ServiceError];
      assert.equal(error.code, grpc.status.INVALID_ARGUMENT, `${method}: ${error.message}`);
      assert.match(error.details, new RegExp(`Operations.${method}`));
    }
  });

  it('answers Internal without the reason when a handler throws, and goes on', async () => {
    const server = await start({
      GetInfo: () => {
        throw new TypeError('secret of the house');
      },
      WatchEvents: async function* () {
        yield {};
        await Promise.resolve();
        throw new TypeError('secret of the stream');
      },
    });
    const client = (await dial(server.address)).client('Operations');
    for (const call of [client.GetInfo({}), collect(client.WatchEvents({}))]) {
      const error = await rejection(call);
      assert.equal(error.code, 'Internal');
      assert.doesNotMatch(error.message, /secret/);
    }
    const logged = logger.lines
      .filter((line) => line.level === 'error')
      .map((line) => line.fields['err']);
    assert.ok(logged.some((err) => (err as Error).message === 'secret of the house'));
  });

  it('refuses a word outside its set by name', async () => {
    const server = await serve({
      address: '127.0.0.1:0',
      tls: await testIdentity('control', 'replica'),
      services: {
        Ecs: new Proxy({}, { get: () => () => Promise.resolve({}) }) as Handlers<'Ecs'>,
      },
      logger,
    });
    closing.push(() => server.close(0));
    const ecs = (await dial(server.address)).client('Ecs');
    const error = await rejection(
      ecs.RegisterTaskDefinition({
        family: 'f',
        containerDefinitions: [{ portMappings: [{ protocol: 'tpc' as 'tcp' }] }],
      }),
    );
    assert.equal(error.code, 'InvalidParameterException');
    assert.match(
      error.message,
      /containerDefinitions\[0\]\.portMappings\[0\]\.protocol: "tpc".*tcp, udp/,
    );
  });

  it('refuses an integer beyond 2^53 rather than changing it', async () => {
    const server = await start({ GetInfo: () => Promise.resolve({ revision: 2 ** 53 }) });
    const error = await rejection((await dial(server.address)).client('Operations').GetInfo({}));
    assert.equal(error.code, 'Internal');
  });

  it('refuses a client of another authority, and is refused by it', async () => {
    const server = await start({ GetInfo: () => Promise.resolve({}) });
    const stranger = await testIdentity('admin', 'eve', await createAuthority(Date.now()));
    const ours = await testIdentity('admin', 'eve');
    for (const tls of [stranger, { ...stranger, authority: ours.authority }]) {
      const connection = connect({ addresses: [server.address], tls });
      closing.push(() => connection.close());
      const error = await rejection(
        connection.client('Operations').GetInfo({}, { timeoutMs: 3000 }),
      );
      assert.equal(error.code, 'Unavailable');
    }
  });

  it('refuses a server whose certificate does not name the address dialled', async () => {
    const server = await start({ GetInfo: () => Promise.resolve({}) }, '127.0.0.2:0');
    const error = await rejection((await dial(server.address)).client('Operations').GetInfo({}));
    assert.equal(error.code, 'Unavailable');
    assert.match(error.message, /127\.0\.0\.2/);
  });

  it('streams with back-pressure from the client to the handler', async () => {
    let produced = 0;
    const server = await start({
      WatchEvents: async function* (_request, context) {
        while (!context.signal.aborted) {
          produced += 1;
          yield { message: 'x'.repeat(64 * 1024) };
        }
      },
    });
    const client = (await dial(server.address)).client('Operations');
    for await (const event of client.WatchEvents({})) {
      assert.equal(event.message.length, 64 * 1024);
      let before = -1;
      // When two looks some time apart see the same count, the producer has been stopped by its full stream.
      while (before !== produced) {
        before = produced;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.ok(produced < 200, `${produced} messages were produced for a consumer that took one`);
      break;
    }
  });

  it('streams with back-pressure from the client to the server', async () => {
    let produced = 0;
    let proceed: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (proceed = resolve));
    const server = await start({
      Exec: async function* (inputs) {
        await gate;
        let bytes = 0;
        for await (const input of inputs) bytes += input.stdin?.length ?? 0;
        yield { exitCode: bytes / 65536 };
      },
    });
    const chunks = 400;
    async function* inputs(): AsyncGenerator<{ stdin: Uint8Array }> {
      for (; produced < chunks; produced += 1) yield { stdin: Buffer.alloc(65536) };
    }
    const client = (await dial(server.address)).client('Operations');
    const answers = collect(client.Exec(inputs()));
    let before = -1;
    while (before !== produced) {
      before = produced;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(
      produced > 0 && produced < chunks,
      `${produced} were taken by a server that read none`,
    );
    proceed();
    assert.deepEqual(
      (await answers).map((answer) => answer.exitCode),
      [chunks],
    );
  });

  it('talks in both directions at once', async () => {
    const server = await start({
      Exec: async function* (inputs) {
        for await (const input of inputs) yield { stdout: input.stdin };
      },
    });
    async function* inputs(): AsyncGenerator<{ stdin: Uint8Array }> {
      for (let index = 0; index < 5; index += 1) yield { stdin: Buffer.from(`line ${index}`) };
    }
    const answers = await collect((await dial(server.address)).client('Operations').Exec(inputs()));
    assert.deepEqual(
      answers.map((answer) => Buffer.from(answer.stdout ?? []).toString()),
      ['line 0', 'line 1', 'line 2', 'line 3', 'line 4'],
    );
  });

  it('ends in order when the handler stops reading before the caller stops sending', async () => {
    const server = await start({
      Exec: async function* (inputs) {
        for await (const input of inputs) {
          yield { stdout: input.stdin };
          break;
        }
        yield { exitCode: 7 };
      },
    });
    async function* inputs(): AsyncGenerator<{ stdin: Uint8Array }> {
      yield { stdin: Buffer.from('first') };
      await new Promise(() => undefined);
    }
    const answers = await collect((await dial(server.address)).client('Operations').Exec(inputs()));
    assert.deepEqual(
      answers.map((answer) => answer.exitCode),
      [undefined, 7],
    );
  });

  it('tells the handler when the caller breaks off, aborts or its deadline passes', async () => {
    const ended: unknown[] = [];
    let running = 0;
    const server = await start({
      WatchEvents: async function* (_request, context) {
        context.signal.addEventListener('abort', () => ended.push(context.signal.reason));
        yield {};
        await new Promise(() => undefined);
      },
      GetInfo: (_request, context) => {
        running += 1;
        context.signal.addEventListener('abort', () => ended.push(context.signal.reason));
        return new Promise(() => undefined);
      },
    });
    const client = (await dial(server.address)).client('Operations');
    await collect(client.WatchEvents({}), 1);
    await until(() => ended.length === 1);

    const controller = new AbortController();
    const stream = collect(client.WatchEvents({}, { signal: controller.signal }));
    const call = client.GetInfo({}, { signal: controller.signal });
    await until(() => running === 1);
    controller.abort();
    assert.equal((await rejection(stream)).code, 'Cancelled');
    assert.equal((await rejection(call)).code, 'Cancelled');
    await until(() => ended.length === 3);

    assert.equal((await rejection(client.GetInfo({}, { timeoutMs: 50 }))).code, 'DeadlineExceeded');
    await until(() => ended.length === 4);
    assert.ok(ended.every((reason) => isBerthError(reason, 'Cancelled')));
  });

  it('lets an error of the request stream reach the caller', async () => {
    const server = await start({
      Exec: async function* (inputs) {
        for await (const input of inputs) yield { stdout: input.stdin };
      },
    });
    async function* inputs(): AsyncGenerator<{ stdin: Uint8Array }> {
      yield { stdin: Buffer.from('one') };
      throw new BerthError('ClientException', 'the terminal is gone');
    }
    const client = (await dial(server.address)).client('Operations');
    assert.equal((await rejection(collect(client.Exec(inputs())))).message, 'the terminal is gone');
  });

  it('fails over to the next address and stays there', async () => {
    const first = await start({ GetInfo: () => Promise.resolve({ replica: 'first' }) });
    const second = await start({ GetInfo: () => Promise.resolve({ replica: 'second' }) });
    const client = (await dial(first.address, second.address)).client('Operations');
    assert.equal((await client.GetInfo({})).replica, 'first');
    await first.close(0);
    let answer = '';
    for (let attempt = 0; attempt < 20 && answer !== 'second'; attempt += 1) {
      answer = await client.GetInfo({}).then(
        (info) => info.replica,
        (error: unknown) => {
          assert.ok(isBerthError(error, 'Unavailable')); // the call that met the closing connection
          return '';
        },
      );
    }
    assert.equal(answer, 'second');
  });

  it('asks another server after one that answered that it can not serve', async () => {
    const away = (): never => {
      throw new BerthError('Unavailable', 'This replica has no lease.');
    };
    const first = await start({ GetInfo: away });
    const second = await start({ GetInfo: () => Promise.resolve({ replica: 'second' }) });
    const client = (await dial(first.address, second.address)).client('Operations');
    assert.equal((await rejection(client.GetInfo({}))).code, 'Unavailable');
    for (let call = 0; call < 3; call += 1) {
      assert.equal((await client.GetInfo({})).replica, 'second');
    }
  });

  it('says why it can not connect', async () => {
    const server = await start({});
    await server.close(0);
    const error = await rejection((await dial(server.address)).client('Operations').GetInfo({}));
    assert.equal(error.code, 'Unavailable');
    assert.match(error.message, /Operations\.GetInfo at 127\.0\.0\.1:\d+.*ECONNREFUSED/);
  });

  it('ignores proxies of the environment', async () => {
    const server = await start({ GetInfo: () => Promise.resolve({ version: 'v' }) });
    process.env['grpc_proxy'] = 'http://127.0.0.1:1';
    try {
      const info = await (await dial(server.address)).client('Operations').GetInfo({});
      assert.equal(info.version, 'v');
    } finally {
      delete process.env['grpc_proxy'];
    }
  });

  it('reports a port in use by its address', async () => {
    const server = await start({});
    const error = await rejection(start({}, server.address));
    assert.equal(error.code, 'Unavailable');
    assert.ok(error.message.includes(server.address));
  });

  it('lets calls finish when it closes, and ends streams at once', async () => {
    let answer: (info: { version: string }) => void = () => undefined;
    let calls = 0;
    const server = await start({
      GetInfo: () => {
        calls += 1;
        return new Promise((resolve) => (answer = resolve));
      },
      WatchEvents: async function* () {
        yield {};
        await new Promise(() => undefined);
      },
    });
    const client = (await dial(server.address)).client('Operations');
    const unary = client.GetInfo({});
    const stream = client.WatchEvents({})[Symbol.asyncIterator]();
    await stream.next();
    await until(() => calls === 1);
    const closed = server.close(5000);
    assert.equal((await rejection(Promise.resolve(stream.next()))).code, 'Unavailable');
    answer({ version: 'last' });
    assert.equal((await unary).version, 'last');
    await closed;
  });

  it('cancels what is still open after its grace', async () => {
    const server = await start({ GetInfo: () => new Promise(() => undefined) });
    const client = (await dial(server.address)).client('Operations');
    const call = rejection(client.GetInfo({}));
    await client.GetInfo({}, { timeoutMs: 100 }).catch(() => undefined);
    await server.close(10);
    assert.equal((await call).code, 'Unavailable');
  });

  it('serves gRPC health and reflection to any client', async () => {
    const server = await start({});
    const tls = await testIdentity('admin', 'probe');
    const client = new grpc.Client(
      server.address.replace('127.0.0.1', 'localhost'),
      grpc.credentials.createSsl(
        Buffer.from(tls.authority),
        Buffer.from(tls.key),
        Buffer.from(tls.certificate),
      ),
    );
    closing.push(() => client.close());
    const raw = (bytes: Buffer): Buffer => bytes;
    const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
      client.makeUnaryRequest(
        '/grpc.health.v1.Health/Check',
        raw,
        raw,
        Buffer.alloc(0),
        (error, value) => (error ? reject(error) : resolve(value)),
      );
    });
    assert.deepEqual(answer, Buffer.from([8, 1])); // status: SERVING
    const reflection = client.makeBidiStreamRequest(
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      raw,
      raw,
    );
    reflection.end(Buffer.from([0x3a, 0])); // list_services
    const [listed] = (await once(reflection, 'data')) as [Buffer];
    assert.ok(listed.includes('berth.v1.Operations'));
  });

  it('ends a stream, at both of its ends, when nothing comes through any more', async () => {
    let open: ((signal: AbortSignal) => void) | undefined;
    const opened = new Promise<AbortSignal>((resolve) => (open = resolve));
    const server = await start({
      async *WatchEvents(_request, { signal }) {
        open?.(signal);
        yield* [];
        await once(signal, 'abort');
      },
    });
    const relay = await startRelay(server.address);
    const client = (await dial(relay.address)).client('Operations');
    const ended = rejection(readAll(client.WatchEvents({})));
    const signal = await opened;
    relay.freeze();
    assert.equal((await ended).code, 'Unavailable');
    if (!signal.aborted) await once(signal, 'abort');
  });

  it('waits for a server with very many connections as long as its pings announce', async () => {
    const others = Array.from({ length: 4_000 }, () => {
      let received: number | undefined = 0;
      endWhenSilent({
        received: () => received,
        sent: () => 0,
        ping: () => undefined,
        end: () => undefined,
      });
      return () => (received = undefined);
    });
    closing.push(() => others.forEach((end) => end()));
    const server = await start({
      async *WatchEvents(_request, { signal }) {
        yield* [];
        await once(signal, 'abort');
      },
    });
    const begun = new Promise<ClientHttp2Session>((resolve) => {
      const notice = (message: unknown): void => {
        unsubscribe('http2.client.stream.created', notice);
        const { stream } = message as { readonly stream: ClientHttp2Stream };
        resolve(stream.session as ClientHttp2Session);
      };
      subscribe('http2.client.stream.created', notice);
    });
    const relay = await startRelay(server.address);
    const client = (await dial(relay.address)).client('Operations');
    let over = false;
    const ended = rejection(readAll(client.WatchEvents({}))).finally(() => (over = true));
    const session = await begun;
    await once(session, 'ping');
    relay.freeze();
    // Nobody pinged once a second would wait for longer than 2.25 s.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    assert.equal(over, false);
    for (const close of closing.splice(0).reverse()) await close();
    await ended;
  });

  describe('with a frozen server', () => {
    let child: ChildProcess;

    beforeEach(async () => {
      const program = fileURLToPath(new URL('./testing/server-process.ts', import.meta.url));
      child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
      const tls = await testIdentity('control', 'replica');
      child.stdin?.end(JSON.stringify(tls));
    });

    afterEach(async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });

    it('rejects a call within its deadline', async () => {
      const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
      const client = (await dial(line.toString().trim())).client('Operations');
      assert.equal((await client.GetInfo({})).version, 'child');
      child.kill('SIGSTOP');
      const error = await rejection(client.GetInfo({}, { timeoutMs: 300 }));
      assert.equal(error.code, 'DeadlineExceeded');
    });
  });
});
