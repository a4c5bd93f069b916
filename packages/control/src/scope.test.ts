import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';

import { isBerthError } from '@berth/model/errors.ts';

import { Latch } from './latch.ts';
import { abortable, childScope, withDeadline } from './scope.ts';
import { settle, VirtualClock } from './virtual-clock.ts';

const pending = new Promise<never>(() => undefined);

describe('abortable', () => {
  it('gives the outcome of the promise and leaves nothing on the signal', async () => {
    const { signal } = new AbortController();
    assert.equal(await abortable(Promise.resolve(1), signal), 1);
    await assert.rejects(abortable(Promise.reject(new Error('no')), signal), /no/);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it("rejects with the signal's reason before and during the wait", async () => {
    const controller = new AbortController();
    const waiting = abortable(pending, controller.signal);
    controller.abort(new Error('stop'));
    await assert.rejects(waiting, /stop/);
    await assert.rejects(abortable(pending, controller.signal), /stop/);
  });
});

describe('withDeadline', () => {
  it('names what took too long', async () => {
    const clock = new VirtualClock();
    const { signal } = new AbortController();
    const waiting = withDeadline(pending, 50, clock, signal, 'starting the engine');
    const seen = assert.rejects(waiting, (error) => {
      assert.ok(isBerthError(error, 'DeadlineExceeded'));
      assert.match(error.message, /starting the engine.*50 ms/);
      return true;
    });
    await clock.advance(50);
    await seen;
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('gives a result in time and forgets its sleep', async () => {
    const clock = new VirtualClock();
    const { signal } = new AbortController();
    assert.equal(await withDeadline(Promise.resolve('x'), 50, clock, signal, 'it'), 'x');
    assert.equal(clock.sleeping, 0);
  });
});

describe('childScope', () => {
  it('ends with its parent, but not the other way', () => {
    const parent = new AbortController();
    const one = childScope(parent.signal);
    const two = childScope(parent.signal);
    one.abort(new Error('one'));
    assert.ok(one.signal.aborted && !two.signal.aborted && !parent.signal.aborted);
    assert.equal(getEventListeners(parent.signal, 'abort').length, 1);
    parent.abort(new Error('all'));
    assert.equal((two.signal.reason as Error).message, 'all');
    assert.ok(childScope(parent.signal).signal.aborted);
  });
});

describe('Latch', () => {
  it('turns any number of announcements into one turn', async () => {
    const latch = new Latch();
    const { signal } = new AbortController();
    let turns = 0;
    const loop = (async () => {
      for (;;) {
        await latch.take(signal);
        turns += 1;
      }
    })();
    latch.set();
    latch.set();
    await settle();
    assert.equal(turns, 1);
    latch.set();
    await settle();
    assert.equal(turns, 2);
    void loop;
  });

  it("ends a wait with the signal's reason", async () => {
    const controller = new AbortController();
    const waiting = new Latch().take(controller.signal);
    controller.abort(new Error('over'));
    await assert.rejects(waiting, /over/);
  });
});
