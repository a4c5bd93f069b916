import assert from 'node:assert/strict';

import { settle } from '@berth/control/virtual-clock.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

import { freshenFrom, sharedFreshen } from './freshen.ts';

/** A store whose reads are answered by hand, and a cache that has reached everything. */
function bench() {
  const reads: { answer: (revision: number) => void; fail: (error: Error) => void }[] = [];
  const reached: number[] = [];
  const store = {
    list: () =>
      new Promise((resolve, reject) => {
        reads.push({ answer: (revision) => resolve({ entries: [], revision }), fail: reject });
      }),
  } as unknown as Store;
  const cache = {
    reached: (revision: number) => {
      reached.push(revision);
      return Promise.resolve();
    },
  } as unknown as StateCache;
  return { reads, reached, freshen: freshenFrom(store, cache) };
}

describe('freshening the view', () => {
  const { signal } = new AbortController();

  it('asks the store once for calls that begin together, and once more for those that began meanwhile', async () => {
    const { reads, reached, freshen } = bench();
    const first = [freshen(signal), freshen(signal), freshen(signal)];
    await settle();
    assert.equal(reads.length, 1);
    const second = [freshen(signal), freshen(signal)];
    await settle();
    assert.equal(reads.length, 1, 'a second read waits for the first');
    reads[0]?.answer(7);
    await Promise.all(first);
    await settle();
    assert.equal(reads.length, 2, 'a read under way may be older than a call that came later');
    reads[1]?.answer(9);
    await Promise.all(second);
    assert.deepEqual(reached, [7, 7, 7, 9, 9]);
  });

  it('fails the calls of a read that fails, and no others', async () => {
    const { reads, freshen } = bench();
    const failing = freshen(signal);
    await settle();
    const next = freshen(signal);
    reads[0]?.fail(new Error('no etcd'));
    await assert.rejects(failing, /no etcd/);
    await settle();
    reads[1]?.answer(1);
    await next;
  });

  it('lets one caller give up without the others', async () => {
    const { reads, freshen } = bench();
    const leaving = new AbortController();
    const gone = freshen(leaving.signal);
    const staying = freshen(signal);
    await settle();
    leaving.abort(new Error('left'));
    await assert.rejects(gone, /left/);
    reads[0]?.answer(1);
    await staying;
    assert.equal(reads.length, 1);
  });

  it('asks once for the guard and the handler of a call, and again for what comes later', async () => {
    let asked = 0;
    const { guard, handler } = sharedFreshen(() => Promise.resolve(void (asked += 1)));
    const other = new AbortController().signal;
    await guard(signal);
    await handler(other);
    assert.equal(asked, 2, 'another call is not fresh');
    await handler(signal);
    assert.equal(asked, 2);
    await handler(signal);
    assert.equal(asked, 3, 'a second handler may be asked after a write');
  });

  it('does not count what the guard could not make fresh', async () => {
    let broken = true;
    let asked = 0;
    const { guard, handler } = sharedFreshen(() => {
      asked += 1;
      return broken ? Promise.reject(new Error('no etcd')) : Promise.resolve();
    });
    await assert.rejects(guard(signal), /no etcd/);
    broken = false;
    await handler(signal);
    assert.equal(asked, 2);
  });
});
