import assert from 'node:assert/strict';

import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';
import type { TaskStatusRecord } from '@berth/model/generated/messages.ts';

import { Reporter } from './reporter.ts';
import { taskStatus } from './task-status.ts';
import { HOST_ID, sampleMemory } from './testing/samples.ts';

function status(id: string, sequence: number): TaskStatusRecord {
  const memory = { ...sampleMemory([{ name: 'web' }], { id }), sequence };
  return taskStatus(memory, HOST_ID, 'WAITING');
}

describe('Reporter', () => {
  const { signal } = new AbortController();
  let clock: VirtualClock;
  let reporter: Reporter;
  beforeEach(() => {
    clock = new VirtualClock();
    reporter = new Reporter(clock);
  });

  async function next(): Promise<string[]> {
    const batch = reporter.next(signal);
    await clock.advance(1_000);
    return (await batch).map(({ id, sequence }) => `${id}${String(sequence)}`);
  }

  it('tells only the newest of each task, and never an older one', async () => {
    reporter.report(status('a', 1));
    reporter.report(status('a', 3));
    reporter.report(status('a', 2));
    reporter.report(status('b', 1));
    assert.deepEqual(await next(), ['a3', 'b1']);
  });

  it('gathers what comes close together', async () => {
    const batch = reporter.next(signal);
    reporter.report(status('a', 1));
    await settle();
    reporter.report(status('b', 1));
    await clock.advance(100);
    assert.equal((await batch).length, 2);
  });

  it('bounds a batch', async () => {
    for (let index = 0; index < 450; index += 1) reporter.report(status(`t${String(index)}`, 1));
    const sizes = [(await next()).length, (await next()).length, (await next()).length];
    assert.deepEqual(sizes, [200, 200, 50]);
  });

  it('gives everything to a hello, and does not tell it twice', async () => {
    reporter.report(status('a', 1));
    assert.equal(reporter.all().length, 1);
    reporter.report(status('b', 1));
    assert.deepEqual(await next(), ['b1']);
    assert.equal(reporter.all().length, 2);
  });

  it('says again what it is asked to, unless it is forgotten', async () => {
    reporter.report(status('a', 1));
    reporter.report(status('b', 1));
    await next();
    reporter.forget('b');
    reporter.repeat('a');
    reporter.repeat('b');
    assert.deepEqual(await next(), ['a1']);
  });

  it('is flushed when a session has taken everything', async () => {
    reporter.report(status('a', 1));
    let flushed = false;
    void reporter.flushed().then(() => (flushed = true));
    await next();
    assert.equal(flushed, false);
    void reporter.next(signal);
    await settle();
    assert.equal(flushed, true);
    await reporter.flushed();
  });
});
