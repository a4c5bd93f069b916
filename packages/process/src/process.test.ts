import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';

import { BerthError, isBerthError } from '@berth/model/errors.ts';
import { Counter, Gauge } from 'prom-client';

import { startAdminServer } from './admin-server.ts';
import { runRoles } from './lifecycle.ts';
import { createLogger } from './logger.ts';
import { createRegistry, gaugeOf, rpcMetrics } from './metrics.ts';
import { realClock, realRandom } from './real-clock.ts';
import type { Role } from './role.ts';
import { version } from './version.ts';

async function logged(
  write: (logger: ReturnType<typeof createLogger>) => void,
): Promise<Record<string, unknown>> {
  const stream = new PassThrough();
  const logger = createLogger({ level: 'info', to: stream, fields: { component: 'test' } });
  write(logger);
  stream.end();
  return JSON.parse(await text(stream)) as Record<string, unknown>;
}

describe('logger', () => {
  it('writes one JSON object a line with level, time and fields', async () => {
    const line = await logged((logger) => {
      logger.debug({}, 'not at this level');
      logger.child({ cluster: 'c' }).warn({ count: 3 }, 'something happened');
    });
    assert.equal(line['level'], 'warn');
    assert.equal(line['msg'], 'something happened');
    assert.deepEqual([line['component'], line['cluster'], line['count']], ['test', 'c', 3]);
    assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('shows an error with its causes, and a stack only where it helps', async () => {
    const cause = new Error('connection refused');
    const line = await logged((logger) =>
      logger.error(
        { err: new BerthError('Unavailable', 'starting the engine', { cause }) },
        'failed',
      ),
    );
    const err = line['err'] as Record<string, unknown>;
    assert.equal(err['message'], 'starting the engine: connection refused');
    assert.equal(err['code'], 'Unavailable');
    const plain = await logged((logger) =>
      logger.error({ err: new BerthError('ClientException', 'unknown image') }, 'failed'),
    );
    assert.equal((plain['err'] as Record<string, unknown>)['stack'], undefined);
    const bug = await logged((logger) =>
      logger.error({ err: new TypeError('x is not a function') }, 'failed'),
    );
    assert.match(String((bug['err'] as Record<string, unknown>)['stack']), /process\.test/);
  });

  it('hides secrets', async () => {
    const line = await logged((logger) =>
      logger.info({ token: 't', peer: { privateKey: 'k', name: 'n' } }, 'with secrets'),
    );
    assert.equal(line['token'], '[hidden]');
    assert.deepEqual(line['peer'], { privateKey: '[hidden]', name: 'n' });
  });

  it('appends to a file whose folder it makes', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'berth-log-'));
    try {
      const file = join(directory, 'logs', 'api.log');
      for (const message of ['one', 'two']) {
        const logger = createLogger({ level: 'info', to: { file } });
        logger.info({}, message);
        await logger.flush();
      }
      assert.equal(readFileSync(file, 'utf8').trim().split('\n').length, 2);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('realClock', () => {
  it('never wakes before its time', async () => {
    const { signal } = new AbortController();
    for (const ms of [0.3, 1.7, 2.5, 3.999]) {
      const begin = realClock.monotonic();
      await realClock.sleep(ms, signal);
      assert.ok(realClock.monotonic() - begin >= ms);
    }
  });

  it('sleeps, and stops sleeping when told', async () => {
    const { signal } = new AbortController();
    const before = realClock.monotonic();
    await realClock.sleep(5, signal);
    assert.ok(realClock.monotonic() - before >= 4);
    const controller = new AbortController();
    const sleeping = realClock.sleep(2 ** 40, controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(sleeping, /enough/);
  });

  it('draws from [0, 1)', () => {
    for (let draw = 0; draw < 1000; draw += 1) {
      const value = realRandom();
      assert.ok(value >= 0 && value < 1);
    }
  });
});

describe('version', () => {
  it('is that of the workspace', () => assert.match(version, /^\d+\.\d+\.\d+/));
});

describe('admin server', () => {
  async function fetchFrom(
    roles: { name: string; unready: () => string | undefined }[],
    path: string,
    metrics = createRegistry({ defaults: false }),
    method = 'GET',
  ): Promise<{ status: number; body: string }> {
    const server = await startAdminServer({ port: 0, metrics, roles: () => roles });
    try {
      const response = await fetch(`http://${server.host}:${server.port}${path}`, { method });
      return { status: response.status, body: await response.text() };
    } finally {
      await server.close();
    }
  }

  it('is ready when every role is, and says which is not and why', async () => {
    const api = { name: 'api', unready: () => undefined };
    const agent = { name: 'agent', unready: () => 'Docker does not answer' };
    assert.deepEqual(await fetchFrom([api], '/readyz'), { status: 200, body: 'api: ready\n' });
    const partly = await fetchFrom([api, agent], '/readyz');
    assert.equal(partly.status, 503);
    assert.match(partly.body, /agent: Docker does not answer/);
    assert.equal((await fetchFrom([agent], '/healthz')).status, 200);
  });

  it('shows metrics, and answers 500 when one can not be collected', async () => {
    const metrics = createRegistry({ defaults: false });
    new Counter({ name: 'berth_test_things_total', help: 'Things.', registers: [metrics] }).inc();
    gaugeOf(metrics, 'berth_test_level', 'Level.', () => 7);
    rpcMetrics(metrics, 'test').onCall('Ecs.RunTask', 'OK', 0.2);
    const shown = await fetchFrom([], '/metrics', metrics);
    assert.match(shown.body, /berth_test_things_total 1/);
    assert.match(shown.body, /berth_test_level 7/);
    assert.match(shown.body, /berth_test_rpc_calls_total\{rpc="Ecs.RunTask",code="OK"\} 1/);
    new Gauge({
      name: 'berth_test_broken',
      help: 'Broken.',
      registers: [metrics],
      collect: () => {
        throw new Error('can not be read');
      },
    });
    assert.equal((await fetchFrom([], '/metrics', metrics)).status, 500);
  });

  it('knows nothing else', async () => {
    assert.equal((await fetchFrom([], '/secrets')).status, 404);
    assert.equal((await fetchFrom([], '/healthz', undefined, 'POST')).status, 405);
  });

  it('reports a port in use', async () => {
    const metrics = createRegistry({ defaults: false });
    const server = await startAdminServer({ port: 0, metrics, roles: () => [] });
    try {
      await assert.rejects(
        startAdminServer({ port: server.port, metrics, roles: () => [] }),
        (error) => isBerthError(error, 'Unavailable'),
      );
    } finally {
      await server.close();
    }
  });
});

describe('runRoles', () => {
  const logger = createLogger({ level: 'error', to: new PassThrough().resume() });

  function role(
    name: string,
    stopped: string[],
    failed: Promise<never> = new Promise(() => undefined),
  ): Role {
    return {
      name,
      unready: () => undefined,
      stop: () => {
        stopped.push(name);
        return Promise.resolve();
      },
      failed,
    };
  }

  it('stops in reverse order when asked', async () => {
    const signals = new EventEmitter();
    const stopped: string[] = [];
    const running = runRoles(
      ['a', 'b', 'c'].map((name) => () => Promise.resolve(role(name, stopped))),
      { logger, signals },
    );
    await new Promise((resolve) => setImmediate(resolve));
    signals.emit('SIGTERM', 'SIGTERM');
    assert.deepEqual(await running, { reason: 'asked' });
    assert.deepEqual(stopped, ['c', 'b', 'a']);
    assert.equal(signals.listenerCount('SIGTERM'), 0);
  });

  it('ends at once on a second signal', async () => {
    const signals = new EventEmitter();
    const codes: number[] = [];
    let release: () => void = () => undefined;
    const stuck: Role = {
      ...role('stuck', []),
      stop: () => new Promise((resolve) => (release = resolve)),
    };
    const running = runRoles([() => Promise.resolve(stuck)], {
      logger,
      signals,
      exit: (code) => {
        codes.push(code);
        release();
      },
    });
    await new Promise((resolve) => setImmediate(resolve));
    signals.emit('SIGINT', 'SIGINT');
    await new Promise((resolve) => setImmediate(resolve));
    signals.emit('SIGINT', 'SIGINT');
    await running;
    assert.deepEqual(codes, [130]);
  });

  it('ends with the reason of a role that can not go on', async () => {
    const stopped: string[] = [];
    const reason = new Error('the disk is full');
    const ending = await runRoles(
      [
        () => Promise.resolve(role('healthy', stopped)),
        () => Promise.resolve(role('broken', stopped, Promise.reject(reason))),
      ],
      { logger, signals: new EventEmitter() },
    );
    assert.deepEqual(ending, { reason: 'failed', role: 'broken', error: reason });
    assert.deepEqual(stopped, ['broken', 'healthy']);
  });

  it('stops what it started when a later role does not start', async () => {
    const stopped: string[] = [];
    await assert.rejects(
      runRoles(
        [() => Promise.resolve(role('first', stopped)), () => Promise.reject(new Error('no port'))],
        {
          logger,
          signals: new EventEmitter(),
        },
      ),
      /no port/,
    );
    assert.deepEqual(stopped, ['first']);
  });
});
