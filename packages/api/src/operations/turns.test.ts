import assert from 'node:assert/strict';

import { Turns } from './turns.ts';

describe('turns', () => {
  const never = new AbortController().signal;

  it('let one at a time through for a key, in order, and others beside it', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const work = (name: string) => async (): Promise<void> => {
      log.push(`${name} begins`);
      await Promise.resolve();
      log.push(`${name} ends`);
    };
    await Promise.all([
      turns.run('k', never, work('a')),
      turns.run('k', never, work('b')),
      turns.run('other', never, work('c')),
    ]);
    const ofKey = log.filter((line) => !line.startsWith('c'));
    assert.deepEqual(ofKey, ['a begins', 'a ends', 'b begins', 'b ends']);
    assert.ok(log.indexOf('c begins') < log.indexOf('b begins'));
  });

  it('go on after one that failed', async () => {
    const turns = new Turns();
    const failed = turns.run('k', never, () => Promise.reject(new Error('no')));
    const next = turns.run('k', never, () => Promise.resolve('done'));
    await assert.rejects(failed, /no/);
    assert.equal(await next, 'done');
  });

  it('are given up by a caller that is gone', async () => {
    const turns = new Turns();
    const gone = new AbortController();
    const { held, end } = holdable();
    const first = turns.run('k', never, () => held);
    const second = turns.run('k', gone.signal, () => Promise.reject(new Error('must not run')));
    gone.abort(new Error('gone'));
    end();
    await first;
    await assert.rejects(second, /gone/);
  });

  it('are not waited for by more than a thousand', async () => {
    const turns = new Turns();
    const { held, end } = holdable();
    const first = turns.run('k', never, () => held);
    const others = Array.from({ length: 999 }, () =>
      turns.run('k', never, () => Promise.resolve()),
    );
    await assert.rejects(
      turns.run('k', never, () => Promise.resolve()),
      { code: 'LimitExceededException' },
    );
    end();
    await Promise.all([first, ...others]);
    await turns.run('k', never, () => Promise.resolve());
  });
});

function holdable(): { readonly held: Promise<void>; readonly end: () => void } {
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => (end = resolve));
  return { held, end: () => end() };
}
