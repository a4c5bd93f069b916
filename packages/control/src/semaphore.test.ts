import assert from 'node:assert/strict';

import { Semaphore } from './semaphore.ts';

const never = new AbortController().signal;

/** Work that ends when it is told to. */
function held(
  semaphore: Semaphore,
  started: number[],
  name: number,
  signal = never,
): { end: () => void; fail: (error: Error) => void; done: Promise<undefined> } {
  const gate = Promise.withResolvers<undefined>();
  const done = semaphore.run(signal, () => {
    started.push(name);
    return gate.promise;
  });
  return { end: () => gate.resolve(undefined), fail: gate.reject, done };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a semaphore', () => {
  it('lets in so many at a time, the others in their order', async () => {
    const semaphore = new Semaphore(2);
    const started: number[] = [];
    const works = [1, 2, 3, 4].map((name) => held(semaphore, started, name));
    await settled();
    assert.deepEqual(started, [1, 2]);
    works[1]?.end();
    await settled();
    assert.deepEqual(started, [1, 2, 3]);
    for (const work of works) work.end();
    await Promise.all(works.map((work) => work.done));
    assert.deepEqual(started, [1, 2, 3, 4]);
  });

  it('gives the place on also when the work fails', async () => {
    const semaphore = new Semaphore(1);
    const started: number[] = [];
    const first = held(semaphore, started, 1);
    const second = held(semaphore, started, 2);
    first.fail(new Error('broken'));
    await assert.rejects(first.done, /broken/);
    await settled();
    assert.deepEqual(started, [1, 2]);
    second.end();
    await second.done;
  });

  it('lets those who give up go at once, and forgets them', async () => {
    const semaphore = new Semaphore(1);
    const started: number[] = [];
    const first = held(semaphore, started, 1);
    const impatient = new AbortController();
    const second = held(semaphore, started, 2, impatient.signal);
    const third = held(semaphore, started, 3);
    impatient.abort(new Error('enough'));
    await assert.rejects(second.done, /enough/);
    await assert.rejects(held(semaphore, started, 4, impatient.signal).done, /enough/);
    first.end();
    await settled();
    assert.deepEqual(started, [1, 3]);
    third.end();
    await third.done;
  });
});
