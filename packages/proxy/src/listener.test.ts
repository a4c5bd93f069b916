import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { testLogger } from '@berth/rpc/testing/fixtures.ts';
import * as records from '@berth/model/routing/testing.ts';

import {
  type BackEnd,
  TestProxy,
  group,
  startBackEnd,
  targetAt,
  until,
} from './testing/data-path.ts';
import { Load } from './testing/load.ts';
import { rawClient, statuses } from './testing/raw.ts';

const get = (path: string, host = 'a.test'): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

describe('listeners', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function backEnd(name: string): Promise<BackEnd> {
    const made = await startBackEnd(name);
    closers.push(() => made.close());
    return made;
  }

  function newProxy(options: ConstructorParameters<typeof TestProxy>[0] = {}): TestProxy {
    const proxy = new TestProxy(options);
    closers.push(() => proxy.stop());
    return proxy;
  }

  it('answer by the rules of their table', async () => {
    const [one, two] = [await backEnd('one'), await backEnd('two')];
    const proxy = newProxy();
    const path = (priority: number, pattern: string, action: Parameters<typeof records.rule>[3]) =>
      records.rule('l0', priority, [records.condition('path-pattern', [pattern])], action);
    proxy.route({
      listeners: [records.listener(0, records.fixed('404', 'nothing here'))],
      rules: [
        path(1, '/one/*', records.forward('one')),
        path(2, '/split', records.forward('one=3', 'two=1')),
        path(3, '/zero', records.forward('one=0', 'two=0')),
        path(4, '/missing', records.forward('missing')),
        path(5, '/old/*', {
          type: 'redirect',
          redirect: { statusCode: 'HTTP_301', host: 'new.test', path: '/new/#{path}' },
        }),
        path(6, '/json', {
          type: 'fixed-response',
          fixedResponse: { statusCode: '418', contentType: 'application/json', messageBody: '{}' },
        }),
        path(7, '/empty', records.fixed('204')),
      ],
      groups: [group('one'), group('two')],
      targets: [targetAt('one', one.port), targetAt('two', two.port)],
    });
    await proxy.open();
    const ask = (target: string): Promise<string> => rawClient(proxy.port, get(target)).answer();

    assert.match(await ask('/one/x'), /^HTTP\/1\.1 200 [^]*one$/);
    assert.match(
      await ask('/ONE/x'),
      /^HTTP\/1\.1 404 Not Found\r\nServer: awselb\/2\.0\r\nContent-Type: text\/plain; charset=utf-8\r\nDate: [^\r]+ GMT\r\nContent-Length: 12\r\n[^]*nothing here$/,
    );
    const split: string[] = [];
    for (let i = 0; i < 8; i += 1) split.push((await ask('/split')).endsWith('one') ? '1' : '2');
    assert.equal(split.join(''), '11211121');
    assert.deepEqual(statuses(await ask('/zero')), [503]);
    assert.deepEqual(statuses(await ask('/missing')), [503]);
    assert.match(
      await ask('/old/a?b=%20'),
      new RegExp(
        `^HTTP/1\\.1 301 Moved Permanently\r\n[^]*Location: http://new\\.test:${proxy.port}/new/old/a\\?b=%20\r\n`,
      ),
    );
    assert.match(
      await ask('/json'),
      /^HTTP\/1\.1 418 [^]*Content-Type: application\/json\r\n[^]*\{\}$/,
    );
    assert.doesNotMatch(await ask('/empty'), /Content-Length|Content-Type/);
    const metrics = await proxy.registry.metrics();
    assert.match(metrics, /berth_proxy_answers_total\{kind="redirect"\} 1/);
    assert.match(metrics, /berth_proxy_answers_total\{kind="unrouted"\} 2/);
    assert.match(metrics, /berth_proxy_targets\{group="one",state="healthy"\} 1/);
  });

  it('swap tables under load without losing a request, and forget the metrics of what is gone', async () => {
    const backEnds = [await backEnd('one'), await backEnd('two')];
    const proxy = newProxy();
    await proxy.serve(backEnds);
    const load = new Load(proxy.port, 4);
    for (let i = 0; i < 50; i += 1) {
      const name = `g${i}`;
      const before = load.served;
      proxy.route({
        listeners: [records.listener(0, records.forward('web'))],
        rules: [
          records.rule(
            'l0',
            1,
            [records.condition('path-pattern', [`/${name}`])],
            records.forward(name),
          ),
        ],
        groups: [group('web'), group(name)],
        targets: backEnds.flatMap(({ port }) => [targetAt('web', port), targetAt(name, port)]),
      });
      await until('requests are served', () => load.served > before + 5);
    }
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
    const metrics = await proxy.registry.metrics();
    assert.match(metrics, /group="g49"/);
    assert.doesNotMatch(metrics, /group="g4[0-8]"/);
  });

  it('open and close as the table says, and end what is open on them', async () => {
    const logger = testLogger();
    const proxy = newProxy({ logger });
    proxy.route({ listeners: [records.listener(0, records.fixed('200', 'x'))] });
    await proxy.open();
    const idle = rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('it is answered', () => idle.text().endsWith('x'));
    proxy.route({ listeners: [] });
    await idle.answer();
    await until('it is closed', () => proxy.path.listeners.connections === 0);
    assert.equal(await rawClient(proxy.port, get('/')).answer(), '', 'nobody listens');
  });

  it('say when a port is taken, go on without it, and get it when it is free', async () => {
    const taker = createServer();
    await new Promise<void>((resolve) => taker.listen(0, '127.0.0.1', resolve));
    const taken = (taker.address() as AddressInfo).port;
    const logger = testLogger();
    const proxy = newProxy({ logger });
    proxy.route({
      listeners: [
        records.listener(0, records.fixed('200', 'free')),
        records.listener(taken, records.fixed('200', 'taken')),
      ],
    });
    await proxy.open();
    await until('the problem is known', () => proxy.path.listeners.problems().length === 1);
    const problem = `Can't listen on 127.0.0.1:${taken}: another process has this port; it is tried again`;
    assert.deepEqual(proxy.path.listeners.problems(), [problem]);
    assert.match(await rawClient(proxy.port, get('/')).answer(), /free$/);
    await new Promise((resolve) => taker.close(resolve));
    await until('the port is had', () => proxy.path.listeners.actualPort(taken) === taken);
    assert.match(await rawClient(taken, get('/')).answer(), /taken$/);
    const logged = logger.lines.filter(({ message }) => message === problem);
    assert.equal(logged.length, 1, 'said once, not at each attempt');
  });

  it('stop in order: what is in flight ends, connections are told, nothing fails', async () => {
    const answering: (() => void)[] = [];
    const slow = await startBackEnd('slow', (message, response) => {
      message.resume();
      answering.push(() => response.end('slow'));
    });
    closers.push(() => slow.close());
    const proxy = new TestProxy();
    await proxy.serve([slow]);
    const clients = Array.from({ length: 5 }, () =>
      rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    );
    await until('all are in flight', () => answering.length === 5);
    const answers = Promise.all(clients.map((client) => client.answer()));
    const stopped = proxy.path.stop(5_000);
    for (const answer of answering) answer();
    await stopped;
    for (const answer of await answers) {
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*slow/);
    }
    assert.deepEqual(await proxy.registry.getMetricsAsJSON(), []);
  });

  it('stop under load without breaking a request that they have taken', async () => {
    const backEnds = [await backEnd('one'), await backEnd('two')];
    const proxy = new TestProxy();
    await proxy.serve(backEnds);
    const load = new Load(proxy.port, 8);
    await until('the load runs', () => load.served > 100);
    await proxy.path.stop(2_000);
    const { failures } = await load.stop();
    const broken = failures.filter((text) => !text.includes(': connect E'));
    assert.deepEqual(broken, [], 'nothing but new connections fails');
  });

  it('open nothing again when tables come while they stop', async () => {
    const answering: (() => void)[] = [];
    const slow = await startBackEnd('slow', (message, response) => {
      message.resume();
      answering.push(() => response.end('slow'));
    });
    closers.push(() => slow.close());
    const proxy = newProxy();
    await proxy.serve([slow]);
    const client = rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('it is in flight', () => answering.length === 1);
    const stopped = proxy.path.stop(5_000);
    proxy.route({ listeners: [records.listener(0, records.fixed('200', 'again'))] });
    assert.ok(proxy.path.listeners.settled, 'no port is being opened');
    assert.deepEqual(proxy.path.listeners.actualPort(0), undefined);
    answering[0]?.();
    assert.match(await client.answer(), /slow/);
    await stopped;
    assert.equal(proxy.path.listeners.connections, 0);
  });

  it('stop within the time given, whoever is still there', async () => {
    const hanging = await startBackEnd('hanging', () => undefined);
    closers.push(() => hanging.close());
    const proxy = new TestProxy();
    await proxy.serve([hanging]);
    const client = rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('it is in flight', () => hanging.requests === 1);
    await proxy.path.stop(100);
    await client.answer();
    await until('the target is released', () => hanging.sockets.size === 0);
  });
});
