import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Bodies } from './bodies.ts';

function body(...chunks: readonly (string | Buffer)[]): IncomingMessage {
  const stream = new PassThrough();
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  return stream as unknown as IncomingMessage;
}

describe('bodies', () => {
  it('are handed over whole, and held until that is done with', async () => {
    const bodies = new Bodies();
    const seen = await bodies.read(body('ab', 'c'), (found) => {
      assert.equal(bodies.held, 3);
      return found.toString();
    });
    assert.deepEqual([seen, bodies.held], ['abc', 0]);
    await assert.rejects(
      bodies.read(body('ab'), () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(bodies.held, 0);
  });

  it('keep nothing of the chunks that they came in: a byte each, those would be many', async () => {
    const bodies = new Bodies();
    const stream = new PassThrough();
    const read = bodies.read(stream as unknown as IncomingMessage, String);
    const chunk = Buffer.from('abc');
    stream.write(chunk);
    for (let turn = 0; turn < 100 && bodies.held < 3; turn += 1) await nextTurn();
    chunk.fill('z');
    stream.end('d');
    assert.equal(await read, 'abcd');
  });

  it('of more than a mebibyte are none, and take no room', async () => {
    const bodies = new Bodies();
    const large = Buffer.alloc(1024 * 1024);
    const found = await bodies.read(body(large, 'x'), (what) => [what, bodies.held]);
    assert.deepEqual(found, ['too large', 0]);
    assert.equal(await bodies.read(body(large), (what) => what.length), large.length);
  });

  it('find no room while others have it all', async () => {
    const bodies = new Bodies(4);
    const inside = await bodies.read(body('abc'), () =>
      bodies.read(body('de'), (what) => what.toString()),
    );
    assert.equal(inside, 'no room');
    assert.equal(await bodies.read(body('defg'), String), 'defg');
    assert.equal(bodies.held, 0);
  });

  it('that break off give back what they held', async () => {
    const bodies = new Bodies();
    const stream = new PassThrough();
    stream.write('abc');
    const read = bodies.read(stream as unknown as IncomingMessage, () => 'never');
    stream.destroy(new Error('gone'));
    await assert.rejects(read, /gone/);
    assert.equal(bodies.held, 0);
  });
});
