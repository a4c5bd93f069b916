import assert from 'node:assert/strict';

import { seededRandom } from '@berth/control/virtual-clock.ts';
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import type { Clock } from '@berth/control/clock.ts';

import { leaderClient, type LeaderClient } from './leader-client.ts';
import { serve, type RpcServer } from './server.ts';
import { testIdentity, testLogger } from './testing/fixtures.ts';

/** Real sockets need real time; waits between attempts are skipped all the same. */
const impatient: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (_ms, signal) => {
    signal.throwIfAborted();
    await new Promise((resolve) => setImmediate(resolve));
  },
};

describe('leaderClient', () => {
  const closing: (() => unknown)[] = [];
  let address: string | undefined;

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function scheduler(answer: () => Promise<{ revision: number }>): Promise<RpcServer> {
    const server = await serve({
      address: '127.0.0.1:0',
      tls: await testIdentity('control', 'scheduler'),
      services: { Scheduler: { Place: answer, Explain: () => Promise.resolve({}) } },
      logger: testLogger(),
    });
    closing.push(() => server.close(0));
    return server;
  }

  async function client(): Promise<LeaderClient<'Scheduler'>> {
    const made = leaderClient({
      service: 'Scheduler',
      address: () => address,
      tls: await testIdentity('control', 'api'),
      clock: impatient,
      random: seededRandom(1),
    });
    closing.push(() => made.close());
    return made;
  }

  it('follows the leader when it moves', async () => {
    const first = await scheduler(() => {
      address = second.address;
      return Promise.reject(new BerthError('NotLeader', 'no longer'));
    });
    const second = await scheduler(() => Promise.resolve({ revision: 2 }));
    address = first.address;
    assert.equal((await (await client()).calls.Place({})).revision, 2);
  });

  it('waits for a leader to be elected', async () => {
    const server = await scheduler(() => Promise.resolve({ revision: 3 }));
    address = undefined;
    const placing = (await client()).calls.Place({});
    await new Promise((resolve) => setImmediate(resolve));
    address = server.address;
    assert.equal((await placing).revision, 3);
  });

  it('hands on every other error at once', async () => {
    let calls = 0;
    const server = await scheduler(() => {
      calls += 1;
      return Promise.reject(new BerthError('StaleView', 'catch up'));
    });
    address = server.address;
    await assert.rejects((await client()).calls.Place({}), (error) =>
      isBerthError(error, 'StaleView'),
    );
    assert.equal(calls, 1);
  });

  it('gives up when its time is over', async () => {
    address = undefined;
    await assert.rejects((await client()).calls.Place({}, { timeoutMs: 100 }), (error) =>
      isBerthError(error, 'Unavailable'),
    );
  });

  it('stops trying when its caller is gone', async () => {
    address = undefined;
    const controller = new AbortController();
    const placing = (await client()).calls.Place({}, { signal: controller.signal });
    controller.abort();
    await assert.rejects(placing, (error) => isBerthError(error, 'Cancelled'));
  });
});
