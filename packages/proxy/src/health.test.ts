import assert from 'node:assert/strict';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import type { HealthCheckSettings } from '@berth/model/generated/messages.ts';
import { groupSettings } from '@berth/model/routing/group-settings.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realRandom } from '@berth/process/real-clock.ts';
import { VirtualClock } from '@berth/control/virtual-clock.ts';
import { testIdentity } from '@berth/rpc/testing/fixtures.ts';

import { probe } from './probe.ts';
import { TestProxy, group, startBackEnd, targetAt, until } from './testing/data-path.ts';
import { rawClient, statuses } from './testing/raw.ts';

const NEVER = new AbortController().signal;
const check = (
  more: Partial<HealthCheckSettings> = {},
): ReturnType<typeof groupSettings>['check'] => {
  const made = group('g');
  return groupSettings({ ...made, healthCheck: { ...made.healthCheck!, ...more } }).check;
};

describe('health checks', () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0).reverse()) close();
  });

  async function serve(
    handler: (message: IncomingMessage, response: ServerResponse) => void,
    server: Server = createServer(handler),
  ): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return (server.address() as AddressInfo).port;
  }

  const at = (port: number): { address: string; port: number } => ({ address: '127.0.0.1', port });

  it('look as those of ALB do', async () => {
    let seen: IncomingMessage | undefined;
    const port = await serve((message, response) => {
      seen = message;
      response.end();
    });
    const outcome = await probe(at(port), check({ path: '/well?deep=1' }), NEVER);
    assert.deepEqual(outcome, { kind: 'answered', code: 200 });
    assert.equal(`${seen?.method} ${seen?.url}`, 'GET /well?deep=1');
    assert.equal(seen?.headers['user-agent'], 'ELB-HealthChecker/2.0');
    assert.equal(seen?.headers.host, `127.0.0.1:${port}`);
    assert.equal(seen?.headers.connection, 'close');
  });

  it('do not follow redirects', async () => {
    const port = await serve((_message, response) => {
      response.writeHead(302, { Location: '/elsewhere' }).end();
    });
    assert.deepEqual(await probe(at(port), check(), NEVER), { kind: 'answered', code: 302 });
  });

  it('may go to a port of their own', async () => {
    const port = await serve((_message, response) => response.end());
    const outcome = await probe(at(1), check({ port: String(port) }), NEVER);
    assert.deepEqual(outcome, { kind: 'answered', code: 200 });
  });

  it('over TLS take any certificate', async () => {
    const { certificate, key } = await testIdentity('host', 'any');
    const server = createTlsServer({ cert: certificate, key }, (_message, response) =>
      response.end(),
    );
    const port = await serve(() => undefined, server);
    const outcome = await probe(at(port), check({ protocol: 'HTTPS' }), NEVER);
    assert.deepEqual(outcome, { kind: 'answered', code: 200 });
  });

  it('tell silence from refusal', async () => {
    const silentPort = await serve(() => undefined);
    const impatient = { ...check(), timeoutMs: 50 };
    assert.deepEqual(await probe(at(silentPort), impatient, NEVER), { kind: 'timeout' });
    assert.deepEqual(await probe(at(1), check(), NEVER), { kind: 'failed' });
    assert.deepEqual(await probe(at(1), check(), AbortSignal.abort()), { kind: 'internal' });
  });

  it('are made at once, then at the interval, and change what is routed', async () => {
    const clock = new VirtualClock();
    let well = true;
    let checks = 0;
    const port = await serve((message, response) => {
      if (message.url === '/healthz') checks += 1;
      response.statusCode = well ? 200 : 500;
      response.end();
    });
    const other = await startBackEnd('other');
    closers.push(() => void other.close());
    const proxy = new TestProxy({ clock, random: () => 0.5 });
    closers.push(() => void proxy.stop());
    proxy.route({
      listeners: [records.listener(0, records.forward('web'))],
      groups: [group('web')],
      targets: [targetAt('web', port), targetAt('web', other.port)],
    });
    const target = proxy.targets().find(({ record }) => record.port === port);
    assert.ok(target);
    await until('one success is enough', () => target.healthy);
    assert.equal(checks, 1);
    well = false;
    await clock.advance(5_000);
    await until('the second check is made', () => checks === 2);
    assert.ok(target.healthy, 'one failure is not enough');
    await until('the loop sleeps', () => clock.sleeping >= 3);
    await clock.advance(5_000);
    await until('two failures are', () => !target.healthy);
    assert.equal(target.health.state, 'unhealthy');
    await until('the loop sleeps', () => clock.sleeping >= 3);
    well = true;
    await clock.advance(5_000);
    await until('a check succeeds', () => checks === 4);
    assert.ok(!target.healthy, 'one success is not enough for a target that has failed');
    await until('the loop sleeps', () => clock.sleeping >= 3);
    await clock.advance(5_000);
    await until('two successes are', () => target.healthy);
  });

  it('go on as they were when other targets come and go', async () => {
    const backEnds = [await startBackEnd('one'), await startBackEnd('two')];
    const [one, two] = backEnds;
    assert.ok(one && two);
    for (const backEnd of backEnds) closers.push(() => void backEnd.close());
    let checks = 0;
    one.server.on('request', (message: IncomingMessage) => {
      if (message.url === '/healthz') checks += 1;
    });
    const proxy = new TestProxy();
    closers.push(() => void proxy.stop());
    const made = group('web');
    const route = (...targets: readonly { port: number }[]): void =>
      proxy.route({
        listeners: [records.listener(0, records.forward('web'))],
        groups: [{ ...made }],
        targets: targets.map(({ port }) => targetAt('web', port)),
      });
    route(one);
    const [target] = proxy.targets();
    await until('it is healthy', () => target?.healthy === true);
    for (let i = 0; i < 5; i += 1) route(one, ...(i % 2 === 0 ? [two] : []));
    await until('the other is healthy', () => proxy.targets().every((other) => other.healthy));
    assert.equal(checks, 1, 'a check is made when it is due, not at each change');
    assert.ok(proxy.targets().includes(target!), 'the target is the same');
  });

  it('find a target that was not ready at first long before the next interval', async () => {
    const clock = new VirtualClock();
    let well = false;
    const port = await serve((_message, response) => {
      response.statusCode = well ? 200 : 503;
      response.end();
    });
    const proxy = new TestProxy({ clock });
    closers.push(() => void proxy.stop());
    proxy.route({
      listeners: [records.listener(0, records.forward('web'))],
      groups: [group('web')],
      targets: [targetAt('web', port)],
    });
    const [target] = proxy.targets();
    await until(
      'the first check has failed',
      () => target?.health.state === 'initial' && clock.sleeping >= 2,
    );
    well = true;
    await clock.advance(50);
    await until('it is healthy', () => target?.healthy === true);
    assert.ok(clock.monotonic() < 1_000);
  });

  it('are not made for a group that no rule forwards to', async () => {
    const backEnd = await startBackEnd('unused');
    closers.push(() => void backEnd.close());
    const proxy = new TestProxy();
    closers.push(() => void proxy.stop());
    proxy.route({ groups: [group('web')], targets: [targetAt('web', backEnd.port)] });
    const [target] = proxy.targets();
    assert.deepEqual(target?.health, {
      state: 'initial',
      failures: 0,
      cause: {
        reason: 'Target.NotInUse',
        description: 'Target group is not configured to receive traffic from the load balancer',
      },
    });
    proxy.route({
      listeners: [records.listener(0, records.forward('web'))],
      groups: [group('web')],
      targets: [targetAt('web', backEnd.port)],
    });
    await until('it is checked now', () => proxy.targets()[0]?.healthy === true);
  });

  it('pass the traffic of a group over TLS as well', async () => {
    const { certificate, key } = await testIdentity('host', 'any');
    const server = createTlsServer({ cert: certificate, key }, (message, response) => {
      message.resume();
      response.end('over TLS');
    });
    const port = await serve(() => undefined, server);
    const proxy = new TestProxy({ random: realRandom });
    closers.push(() => void proxy.stop());
    const made = group('web');
    proxy.route({
      listeners: [records.listener(0, records.forward('web'))],
      groups: [
        { ...made, protocol: 'HTTPS', healthCheck: { ...made.healthCheck!, protocol: 'HTTPS' } },
      ],
      targets: [targetAt('web', port)],
    });
    await proxy.open();
    const text = await rawClient(
      proxy.port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    ).answer();
    assert.deepEqual(statuses(text), [200]);
    assert.match(text, /over TLS$/);
  });
});
