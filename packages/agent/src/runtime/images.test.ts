import assert from 'node:assert/strict';

import { settle, VirtualClock } from '@berth/control/virtual-clock.ts';

import { createImages, type Images } from './images.ts';
import { MemoryRuntime } from './memory-runtime.ts';
import { RuntimeError } from './runtime.ts';

describe('Images', () => {
  let runtime: MemoryRuntime;
  let images: Images;
  let finish: Map<string, (error?: Error) => void>;
  let aborted: string[];
  let begun: string[];
  const { signal } = new AbortController();

  beforeEach(() => {
    const clock = new VirtualClock();
    runtime = new MemoryRuntime({ clock, program: () => ({}), images: ['local'] });
    finish = new Map();
    aborted = [];
    begun = [];
    const present = new Set<string>(['local']);
    runtime.findImage = (image) =>
      Promise.resolve(present.has(image) ? { id: image, digest: `sha256:${image}` } : undefined);
    runtime.pull = (image, given) =>
      new Promise((resolve, reject) => {
        begun.push(image);
        given.addEventListener('abort', () => {
          aborted.push(image);
          reject(new RuntimeError('cancelled', 'pull', 'given up'));
        });
        finish.set(image, (error) => {
          if (error) reject(error);
          else {
            present.add(image);
            resolve();
          }
        });
      });
    images = createImages(runtime, () => undefined);
  });

  it('uses what is there without a pull', async () => {
    assert.equal((await images.ensure('local', signal)).digest, 'sha256:local');
    assert.deepEqual(begun, []);
  });

  it('pulls once for all who wait', async () => {
    const waiting = [1, 2, 3].map(() => images.ensure('a', signal));
    await settle();
    finish.get('a')?.();
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ id }) => id),
      ['a', 'a', 'a'],
    );
    assert.deepEqual(begun, ['a']);
  });

  it('goes on for the others when one gives up, and ends with the last', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const one = assert.rejects(images.ensure('a', first.signal), /given up/);
    const two = assert.rejects(images.ensure('a', second.signal), /given up/);
    await settle();
    first.abort();
    await one;
    assert.deepEqual(aborted, []);
    second.abort();
    await two;
    assert.deepEqual(aborted, ['a']);
  });

  it('tells all of a failure, and tries anew for the next', async () => {
    const waiting = [1, 2].map(() => assert.rejects(images.ensure('a', signal), /no space/));
    await settle();
    finish.get('a')?.(new RuntimeError('server', 'pull', 'no space'));
    await Promise.all(waiting);
    const again = images.ensure('a', signal);
    await settle();
    finish.get('a')?.();
    await again;
    assert.deepEqual(begun, ['a', 'a']);
  });

  it('pulls two images at a time', async () => {
    const all = ['a', 'b', 'c'].map((image) => images.ensure(image, signal));
    await settle();
    assert.deepEqual(begun, ['a', 'b']);
    finish.get('a')?.();
    await settle();
    assert.deepEqual(begun, ['a', 'b', 'c']);
    finish.get('b')?.();
    finish.get('c')?.();
    await Promise.all(all);
  });
});
