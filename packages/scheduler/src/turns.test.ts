import assert from 'node:assert/strict';

import { isBerthError } from '@berth/model/errors.ts';

import { Turns } from './turns.ts';

describe('turns', () => {
  const never = new AbortController().signal;

  /** Work that ends when it is told to. */
  function gate(): { work: () => Promise<void>; open: () => void; begun: () => boolean } {
    let begun = false;
    let open = (): void => undefined;
    const promise = new Promise<void>((resolve) => (open = resolve));
    const work = async (): Promise<void> => {
      begun = true;
      await promise;
    };
    return {
      work,
      begun: () => begun,
      open: () => {
        open();
      },
    };
  }

  it('come one at a time, in order, also after a failure', async () => {
    const turns = new Turns(10);
    const seen: number[] = [];
    const all = [1, 2, 3].map((item) =>
      turns.take(async () => {
        seen.push(item);
        await Promise.resolve();
        seen.push(item);
        if (item === 1) throw new Error('one failed');
      }, never),
    );
    const [first] = await Promise.allSettled(all);
    assert.equal(first?.status, 'rejected');
    assert.deepEqual(seen, [1, 1, 2, 2, 3, 3]);
  });

  it('pass over who has given up', async () => {
    const turns = new Turns(10);
    const first = gate();
    const second = gate();
    const running = turns.take(first.work, never);
    const leaving = new AbortController();
    const left = turns.take(second.work, leaving.signal);
    leaving.abort(new Error('gone'));
    await assert.rejects(left, /gone/);
    first.open();
    await running;
    await turns.idle();
    assert.equal(second.begun(), false);
  });

  it('are refused when too many wait', async () => {
    const turns = new Turns(1);
    const first = gate();
    const running = turns.take(first.work, never);
    await Promise.resolve();
    const waiting = [
      turns.take(() => Promise.resolve(), never),
      turns.take(() => Promise.resolve(), never),
    ];
    await assert.rejects(
      turns.take(() => Promise.resolve(), never),
      (error) => isBerthError(error, 'Unavailable'),
    );
    first.open();
    await Promise.all([running, ...waiting]);
  });
});
