import assert from 'node:assert/strict';

import { Channel } from './channel.ts';
import { settle } from './virtual-clock.ts';

async function drain<T>(channel: Channel<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of channel) items.push(item);
  return items;
}

describe('Channel', () => {
  it('delivers in order what was sent before it closed', async () => {
    const channel = new Channel<number>(10);
    assert.ok(channel.offer(1) && channel.offer(2));
    channel.close();
    assert.equal(channel.offer(3), false);
    assert.deepEqual(await drain(channel), [1, 2]);
  });

  it('never holds more than its limit, and senders wait for room in turn', async () => {
    const channel = new Channel<number>(2);
    const sent = [0, 1, 2, 3, 4].map((item) => channel.send(item));
    await settle();
    assert.equal(channel.size, 2);
    assert.equal(channel.offer(9), false);
    const iterator = channel[Symbol.asyncIterator]();
    const received: unknown[] = [];
    for (let index = 0; index < 5; index += 1) received.push((await iterator.next()).value);
    assert.deepEqual(received, [0, 1, 2, 3, 4]);
    assert.deepEqual(await Promise.all(sent), [true, true, true, true, true]);
  });

  it('tells waiting senders that it was closed', async () => {
    const channel = new Channel<number>(1);
    channel.offer(1);
    const sending = channel.send(2);
    channel.close();
    assert.equal(await sending, false);
  });

  it('throws its error to the consumer and drops what was queued', async () => {
    const channel = new Channel<number>(5);
    channel.offer(1);
    channel.fail(new Error('broken'));
    await assert.rejects(drain(channel), /broken/);
  });

  it('wakes a consumer that waits, by an item, the end and an error', async () => {
    for (const [act, outcome] of [
      [(c: Channel<number>) => void c.offer(7), 7],
      [(c: Channel<number>) => c.close(), undefined],
    ] as const) {
      const channel = new Channel<number>(1);
      const next = channel[Symbol.asyncIterator]().next();
      await settle();
      act(channel);
      assert.equal((await next).value, outcome);
    }
    const channel = new Channel<number>(1);
    const next = channel[Symbol.asyncIterator]().next();
    await settle();
    channel.fail(new Error('broken'));
    await assert.rejects(next, /broken/);
  });

  it('closes when its consumer leaves, even while it waits for an item', async () => {
    const channel = new Channel<number>(1);
    const iterator = channel[Symbol.asyncIterator]();
    const next = iterator.next();
    await settle();
    await iterator.return?.();
    assert.equal((await next).done, true);
    assert.ok(channel.closed);
  });
});
