// The Docker adapter against an engine that misbehaves: a server on a unix socket that does as it is told.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { VirtualClock } from '@berth/control/virtual-clock.ts';
import { realClock } from '@berth/process/real-clock.ts';

import { sampleContainer, sampleDefinition, sampleTask } from '../testing/samples.ts';
import { containerSpec } from './container-spec.ts';
import { parseDockerHost, type Outcome } from './docker-transport.ts';
import { agreedVersion, dockerRuntime } from './docker.ts';
import { RuntimeError, type FailureKind, type Operation, type Runtime } from './runtime.ts';

type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

describe('the Docker adapter with a misbehaving engine', () => {
  const { signal } = new AbortController();
  let directory: string;
  let server: Server;
  let runtime: Runtime;
  let clock: VirtualClock;
  let behave: Behaviour;
  const requests: { method: string; url: string; body: string; signs: string }[] = [];
  const calls: [Operation, Outcome][] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-fake-'));
    const path = join(directory, 'docker.sock');
    requests.length = 0;
    calls.length = 0;
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { method = '', url = '' } = request;
        requests.push({ method, url, body, signs: JSON.stringify(request.headers) });
        behave(request, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    clock = new VirtualClock();
    runtime = dockerRuntime({
      dockerHost: `unix://${path}`,
      clock,
      observe: (operation, outcome) => calls.push([operation, outcome]),
    });
  });
  afterEach(async () => {
    runtime.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(directory, { recursive: true });
  });

  async function refused(kind: FailureKind, call: Promise<unknown>): Promise<RuntimeError> {
    try {
      await call;
    } catch (error) {
      assert.ok(error instanceof RuntimeError, String(error));
      assert.equal(error.kind, kind, error.message);
      return error;
    }
    return assert.fail('it was not refused');
  }

  async function heard(count: number): Promise<void> {
    for (let tries = 0; requests.length < count; tries += 1) {
      assert.ok(tries < 1000, 'the request did not come');
      await realClock.sleep(5, signal);
    }
  }

  const json =
    (status: number, value: unknown): Behaviour =>
    (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };

  it('ends a call whose answer stops in the middle, at its limit', async () => {
    behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
      response.write('{"Id": "abc');
    };
    const refusal = refused('timeout', runtime.inspect('abc', signal));
    await heard(1);
    await clock.advance(10_000);
    const error = await refusal;
    assert.match(error.message, /timed out after waiting 10 s/);
    assert.deepEqual(calls, [['inspect', 'timeout']]);
  });

  it('ends a call whose engine dies in the middle of the answer', async () => {
    behave = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
      response.write('{"Id": "abc', () => response.socket?.destroy());
    };
    const call = runtime.inspect('abc', signal).then(
      () => assert.fail('it was answered'),
      (error: unknown) => error,
    );
    await heard(1);
    let error: unknown;
    void call.then((found) => (error = found));
    await clock.advanceUntil(() => error !== undefined, 10_000).catch(() => undefined);
    assert.ok(error instanceof RuntimeError);
    assert.ok(error.kind === 'timeout' || error.kind === 'engine');
  });

  it('ends a call that the caller gives up', async () => {
    behave = () => undefined;
    const giving = new AbortController();
    const refusal = refused('cancelled', runtime.list({}, giving.signal));
    await heard(1);
    giving.abort();
    await refusal;
  });

  it('lets a quiet event stream live, and ends it when it is given up', async () => {
    behave = (_request, response) => {
      response.writeHead(200);
      response.flushHeaders();
    };
    const giving = new AbortController();
    let open = false;
    const events = runtime.events({}, 1_700_000_000_123, () => (open = true), giving.signal);
    const refusal = refused('cancelled', events[Symbol.asyncIterator]().next());
    await heard(1);
    while (!open) await realClock.sleep(5, signal);
    await clock.advance(3_600_000);
    assert.deepEqual(calls, [['events', 'ok']]);
    assert.match(requests[0]?.url ?? '', /since=1700000000\.123/);
    giving.abort();
    await refusal;
  });

  it('puts no secret into a URL or a header', async () => {
    behave = json(201, { Id: 'abc' });
    const secret = 'correct-horse';
    const container = sampleContainer({
      name: 'web',
      command: [secret],
      environment: [{ name: 'PASSWORD', value: secret }],
    });
    const definition = sampleDefinition([container]);
    const host = { id: 'h', cluster: 'default', address: '', gpus: new Map() };
    const task = sampleTask();
    const spec = containerSpec({ task, definition, container, bindings: [], host, attempt: 1 });
    assert.equal(await runtime.create(spec, signal), 'abc');
    behave = json(201, { Name: 'v' });
    await runtime.createVolume(
      { name: 'v', driver: undefined, options: { o: secret }, labels: {} },
      signal,
    );
    for (const { url, signs } of requests) assert.ok(!`${url} ${signs}`.includes(secret), url);
    assert.ok(requests.every(({ body }) => body.includes(secret)));
    assert.equal(requests[0]?.url, `/containers/create?name=${spec.name}`);
  });

  it('takes “it is so already” and “it is gone” for success where they are', async () => {
    behave = (_request, response) => response.writeHead(304).end();
    await runtime.start('abc', signal);
    await runtime.stop('abc', 1, signal);
    behave = json(404, { message: 'No such container: abc' });
    await runtime.stop('abc', 1, signal);
    await runtime.remove('abc', signal);
    assert.equal(await runtime.inspect('abc', signal), undefined);
    await refused('gone', runtime.start('abc', signal));
  });

  it('waits until a removal that is under way is over', async () => {
    let answers = 0;
    behave = (request, response) => {
      answers += 1;
      const status = answers < 3 ? 409 : 404;
      json(status, { message: 'removal of container abc is already in progress' })(
        request,
        response,
      );
    };
    let over = false;
    void runtime.remove('abc', signal).then(() => (over = true));
    for (let tries = 0; !over; tries += 1) {
      assert.ok(tries < 1000, 'the removal did not end');
      await realClock.sleep(5, signal);
      await clock.advance(50);
    }
    assert.equal(answers, 3);
  });

  describe('a pull', () => {
    const lines =
      (...values: unknown[]): Behaviour =>
      (_request, response) => {
        response.writeHead(200);
        response.end(
          values
            .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
            .join('\n'),
        );
      };

    const cases: readonly (readonly [string, Behaviour, FailureKind | undefined, RegExp?])[] = [
      ['that succeeds', lines({ status: 'Pulling' }, '', { status: 'Downloaded' }), undefined],
      [
        'whose stream carries an error',
        lines(
          { status: 'Pulling' },
          { errorDetail: { message: 'write /layer: no space left on device' }, error: 'x' },
        ),
        'server',
        /no space left/,
      ],
      [
        'that is denied within the stream',
        lines({ errorDetail: { message: 'pull access denied for x' } }),
        'gone',
        /denied/,
      ],
      [
        'that is throttled',
        lines({ errorDetail: { message: 'toomanyrequests: slow down' } }),
        'busy',
      ],
      ['that sends what is no JSON', lines('<html>'), 'server', /not JSON/],
      [
        'of what does not exist',
        json(404, { message: 'manifest unknown' }),
        'gone',
        /^Error response from daemon: manifest unknown$/,
      ],
      ['without credentials', json(401, { message: 'unauthorized' }), 'invalid', /unauthorized/],
      [
        'while the registry is away',
        json(500, { message: 'Get "https://r/v2/": dial tcp: timeout' }),
        'server',
        /dial tcp/,
      ],
      [
        'that breaks off',
        (_request, response) => {
          response.writeHead(200);
          response.write('{"status":"Pulling"}\n', () => response.socket?.destroy());
        },
        'engine',
      ],
    ];
    for (const [name, behaviour, kind, words] of cases) {
      it(name, async () => {
        behave = behaviour;
        const pulling = runtime.pull('localhost:5000/a/b', signal);
        if (!kind) await pulling;
        else {
          const error = await refused(kind, pulling);
          if (words) assert.match(error.message, words);
        }
        assert.equal(
          requests[0]?.url,
          '/images/create?fromImage=localhost%3A5000%2Fa%2Fb&tag=latest',
        );
      });
    }

    it('that makes no progress is given up', async () => {
      behave = (_request, response) => {
        response.writeHead(200);
        response.write('{"status":"Pulling"}\n');
      };
      const refusal = refused('timeout', runtime.pull('a@sha256:00', signal));
      await heard(1);
      let over = false;
      void refusal.finally(() => (over = true));
      for (let tries = 0; !over && tries < 1000; tries += 1) {
        await realClock.sleep(5, signal);
        await clock.advance(1_000);
      }
      assert.match((await refusal).message, /no progress for 60 s/);
      assert.equal(requests[0]?.url, '/images/create?fromImage=a%40sha256%3A00');
    });
  });

  it('says that the engine is away', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await refused('engine', runtime.list({}, signal));
    server.listen(join(directory, 'docker.sock'));
  });

  it('speaks the newest version that both know, found out without a version', async () => {
    behave = (request, response) =>
      json(
        200,
        request.url?.includes('version') === true
          ? { Version: '27.0', ApiVersion: '1.46', MinAPIVersion: '1.24' }
          : { NCPU: 2, MemTotal: 1, OSType: 'linux', Architecture: 'x86_64', Driver: 'overlay2' },
      )(request, response);
    assert.equal((await runtime.describe(signal)).apiVersion, '1.46');
    behave = json(200, []);
    await runtime.list({}, signal);
    const paths = requests.map(({ url }) => url.split('?')[0]);
    assert.deepEqual(paths, ['/version', '/v1.46/info', '/v1.46/containers/json']);
  });
});

describe('agreedVersion', () => {
  const cases = [
    ['1.41', '1.12', '1.41'],
    ['1.52', '1.44', '1.47'],
    ['1.47', '1.24', '1.47'],
  ] as const;
  for (const [newest, oldest, expected] of cases) {
    it(`speaks ${expected} with an engine of ${oldest} to ${newest}`, () => {
      assert.equal(agreedVersion(newest, oldest), expected);
    });
  }

  it('refuses an engine with which it shares no version', () => {
    assert.throws(() => agreedVersion('1.40', '1.12'), /1\.12 to 1\.40/);
    assert.throws(() => agreedVersion('1.60', '1.50'), /1\.50 to 1\.60/);
  });
});

describe('parseDockerHost', () => {
  it('knows sockets and addresses, and names what is neither', () => {
    assert.equal(parseDockerHost('unix:///run/docker.sock').socketPath, '/run/docker.sock');
    assert.deepEqual(parseDockerHost('tcp://10.0.0.1:2375'), {
      protocol: 'http',
      host: '10.0.0.1',
      port: 2375,
    });
    for (const bad of ['', 'docker.sock', 'unix://docker', 'ssh://x', 'tcp://x']) {
      assert.throws(() => parseDockerHost(bad), /expected unix:\/\/\/PATH or tcp:\/\/HOST:PORT/);
    }
  });
});
