import assert from 'node:assert/strict';

import type { Clock } from '@berth/control/clock.ts';
import type { Action } from '@berth/model/generated/messages.ts';
import * as records from '@berth/model/routing/testing.ts';
import { realClock } from '@berth/process/real-clock.ts';

import {
  type BackEnd,
  type BackEndHandler,
  TestProxy,
  group,
  startBackEnd,
  targetAt,
  until,
} from './testing/data-path.ts';
import { Load } from './testing/load.ts';
import { rawClient, statuses } from './testing/raw.ts';

const WEB: Action = records.forward('web');

describe('draining', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function backEnd(name: string, handler?: BackEndHandler): Promise<BackEnd> {
    const made = await startBackEnd(name, handler);
    closers.push(() => made.close());
    return made;
  }

  async function proxyFor(targets: readonly BackEnd[], clock = realClock): Promise<TestProxy> {
    const proxy = new TestProxy({ clock });
    closers.push(() => proxy.stop());
    await proxy.serve(targets);
    return proxy;
  }

  /** The table with each back end in the given state. */
  function route(
    proxy: TestProxy,
    states: readonly (readonly [BackEnd, 'REGISTERED' | 'DRAINING'])[],
    delay = 300,
  ): void {
    proxy.route({
      listeners: [records.listener(0, WEB)],
      groups: [group('web', { 'deregistration_delay.timeout_seconds': String(delay) })],
      targets: states.map(([{ port }, state]) => targetAt('web', port, state)),
    });
  }

  const phaseOf = (proxy: TestProxy, { port }: BackEnd): string | undefined =>
    proxy.targets().find((target) => target.record.port === port)?.drain.phase;

  it('under load loses nothing: a target is drained, shut down and replaced, again and again', async () => {
    const slow: BackEndHandler = (message, response) => {
      message.resume();
      setTimeout(() => response.end('slow'), 5);
    };
    const staying = await backEnd('staying', slow);
    let leaving = await backEnd('leaving', slow);
    const proxy = await proxyFor([staying, leaving]);
    const load = new Load(proxy.port, 8);
    for (let round = 0; round < 5; round += 1) {
      await until('the leaving target is used', () => leaving.requests > 10);
      route(proxy, [
        [staying, 'REGISTERED'],
        [leaving, 'DRAINING'],
      ]);
      await until('it is drained', () => phaseOf(proxy, leaving) === 'drained');
      const served = leaving.requests;
      leaving.kill();
      await until('the other serves on', () => load.served > served + 20);
      assert.equal(leaving.requests, served);
      leaving = await backEnd(`round ${round}`, slow);
      route(proxy, [
        [staying, 'REGISTERED'],
        [leaving, 'REGISTERED'],
      ]);
    }
    const { failures } = await load.stop();
    assert.deepEqual(failures, []);
  });

  it('selects nothing new from the moment of the swap, and closes what is idle', async () => {
    const [staying, leaving] = [await backEnd('staying'), await backEnd('leaving')];
    const proxy = await proxyFor([staying, leaving]);
    await Promise.all(Array.from({ length: 8 }, () => rawClient(proxy.port, GET).answer()));
    assert.equal(leaving.requests, 4);
    route(proxy, [
      [staying, 'REGISTERED'],
      [leaving, 'DRAINING'],
    ]);
    assert.equal(phaseOf(proxy, leaving), 'drained', 'nothing was in flight');
    await Promise.all(Array.from({ length: 8 }, () => rawClient(proxy.port, GET).answer()));
    assert.equal(leaving.requests, 4);
    await until('idle connections are closed', () => leaving.sockets.size === 0);
  });

  it('waits for a request in flight, reports it, and then its end', async () => {
    let finish = (): void => undefined;
    const leaving = await backEnd('leaving', (_message, response) => {
      finish = () => response.end('done');
    });
    const proxy = await proxyFor([leaving]);
    const client = rawClient(proxy.port, GET);
    await until('the request is there', () => leaving.requests === 1);
    proxy.changes.length = 0;
    route(proxy, [[leaving, 'DRAINING']]);
    assert.equal(phaseOf(proxy, leaving), 'draining');
    assert.equal(proxy.changes.length, 1);
    finish();
    assert.match(await client.answer(), /done$/);
    assert.equal(phaseOf(proxy, leaving), 'drained');
    assert.equal(proxy.changes.length, 2);
    const refused = await rawClient(proxy.port, GET).answer();
    assert.deepEqual(statuses(refused), [503], 'a draining target is no target');
  });

  it('cuts what is left when the deregistration delay is over', async () => {
    const leaving = await backEnd('leaving', (message, response) => {
      if (message.url === '/begun') response.write('begun');
    });
    const proxy = await proxyFor([leaving]);
    const silent = rawClient(proxy.port, GET);
    const begun = rawClient(proxy.port, GET.replace('/x', '/begun'));
    await until('both are there', () => leaving.requests === 2 && begun.text().includes('begun'));
    route(proxy, [[leaving, 'DRAINING']], 0);
    assert.deepEqual(statuses(await silent.answer()), [502]);
    assert.doesNotMatch(await begun.answer(), /0\r\n\r\n$/, 'visibly incomplete');
    assert.equal(phaseOf(proxy, leaving), 'drained');
    assert.equal(proxy.inFlight, 0);
  });

  it('a registration that comes back is a new one', async () => {
    const target = await backEnd('target');
    const proxy = await proxyFor([target]);
    route(proxy, [[target, 'DRAINING']]);
    const [before] = proxy.targets();
    route(proxy, [[target, 'REGISTERED']]);
    const [after] = proxy.targets();
    assert.notEqual(after, before);
    await until('it is healthy', () => after?.healthy === true);
    assert.deepEqual(statuses(await rawClient(proxy.port, GET).answer()), [200]);
  });

  it('of a target that vanishes from the table is not reported', async () => {
    const [staying, gone] = [await backEnd('staying'), await backEnd('gone')];
    const proxy = await proxyFor([staying, gone]);
    await rawClient(proxy.port, GET).answer();
    await rawClient(proxy.port, GET).answer();
    proxy.changes.length = 0;
    route(proxy, [[staying, 'REGISTERED']]);
    await until('its connections are closed', () => gone.sockets.size === 0);
    assert.deepEqual(proxy.changes, []);
    assert.deepEqual(statuses(await rawClient(proxy.port, GET).answer()), [200]);
  });

  it('are cut also when the timer of the delay fires too early', async () => {
    const early: Clock = {
      ...realClock,
      sleep: (ms, signal) => realClock.sleep(ms > 500 && ms <= 1_000 ? ms - 50 : ms, signal),
    };
    const hanging = await backEnd('hanging', (message) => message.resume());
    const proxy = await proxyFor([hanging], early);
    const client = rawClient(proxy.port, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    await until('the request is in flight', () => proxy.inFlight === 1);
    route(proxy, [[hanging, 'DRAINING']], 1);
    await until('it is drained', () => phaseOf(proxy, hanging) === 'drained');
    assert.deepEqual(statuses(await client.answer((text) => text !== '')), [502]);
  });
});

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
