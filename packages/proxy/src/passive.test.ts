import assert from 'node:assert/strict';

import { type BackEnd, TestProxy, startBackEnd, until } from './testing/data-path.ts';
import { Load } from './testing/load.ts';
import { rawClient, statuses } from './testing/raw.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

describe('passive failure detection', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function start(
    count: number,
    ejectMs = 5_000,
  ): Promise<{ proxy: TestProxy; all: BackEnd[] }> {
    const all: BackEnd[] = [];
    for (let i = 0; i < count; i += 1) {
      const made = await startBackEnd(`b${i}`, (message, response) => {
        message.resume();
        setTimeout(() => response.end('ok'), 2);
      });
      closers.push(() => made.close());
      all.push(made);
    }
    const proxy = new TestProxy({ settings: { ejectMs } });
    closers.push(() => proxy.stop());
    await proxy.serve(all);
    return { proxy, all };
  }

  it('a target killed under load costs at most what was on its connections, and nothing that is safe to repeat', async () => {
    const { proxy, all } = await start(3);
    const load = new Load(proxy.port, 8);
    const [victim] = all;
    assert.ok(victim);
    await until('the load runs', () => load.served > 100);
    const target = proxy.targets().find(({ record }) => record.port === victim.port);
    assert.ok(target);
    // A request may be written before the reset of its connection has arrived.
    const atRisk = target.pool.open;
    const before = load.served;
    victim.kill();
    await until('it is passed over', () => target.ejected);
    await until('the others serve on', () => load.served > before + 200);
    const { failures } = await load.stop();
    assert.ok(failures.length <= atRisk, `${atRisk} open: ${failures.join('; ')}`);
    assert.ok(
      failures.every((text) => text.startsWith('POST')),
      failures.join('; '),
    );
  });

  it('lets a target back in when a probe says that it is well', async () => {
    const { proxy, all } = await start(2, 60_000);
    const [victim, other] = all;
    assert.ok(victim && other);
    await victim.close();
    const target = proxy.targets().find(({ record }) => record.port === victim.port);
    assert.ok(target);
    for (let i = 0; i < 2; i += 1) {
      assert.deepEqual(statuses(await rawClient(proxy.port, GET).answer()), [200]);
    }
    assert.ok(target.ejected);
    assert.equal(target.health.state, 'healthy', 'what is reported is the business of the checks');
    const back = await startBackEnd('back', undefined, victim.port);
    closers.push(() => back.close());
    // Its ejection lasts; but a connection to a reachable target, tried for want of others, is as good as a probe.
    await other.close();
    for (let i = 0; i < 2; i += 1) await rawClient(proxy.port, GET).answer();
    assert.ok(back.requests > 0);
  });

  it('forgets after a while', async () => {
    const { proxy, all } = await start(2, 50);
    const [victim] = all;
    assert.ok(victim);
    await victim.close();
    const target = proxy.targets().find(({ record }) => record.port === victim.port);
    assert.ok(target);
    for (let i = 0; i < 2; i += 1) await rawClient(proxy.port, GET).answer();
    assert.ok(target.ejected);
    await until('the ejection is over', () => !target.ejected);
  });

  it('never takes the last target away', async () => {
    const { proxy, all } = await start(1, 60_000);
    const [only] = all;
    assert.ok(only);
    await only.close();
    assert.deepEqual(statuses(await rawClient(proxy.port, GET).answer()), [502]);
    const back = await startBackEnd('back', undefined, only.port);
    closers.push(() => back.close());
    assert.deepEqual(statuses(await rawClient(proxy.port, GET).answer()), [200]);
  });
});
