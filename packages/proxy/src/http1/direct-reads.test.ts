import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

import fc from 'fast-check';

import { until } from '../testing/basics.ts';
import { readAsUsual, readDirectly } from './direct-reads.ts';

describe('reading from a socket directly', () => {
  let server: Server;
  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => new Promise<void>((resolve) => void server.close(() => resolve())));

  async function pair(): Promise<{ readonly near: Socket; readonly far: Socket }> {
    const accepted = once(server, 'connection');
    const far = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
    const [near] = (await accepted) as [Socket];
    return { near, far };
  }

  it('hands over all that comes, in its order, whenever it is paused, and then the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 200_000 }), pause: fc.boolean() }), {
          minLength: 1,
          maxLength: 8,
        }),
        async (steps) => {
          const { near, far } = await pair();
          const taken: Buffer[] = [];
          const take = (chunk: Buffer): void => void taken.push(Buffer.from(chunk));
          let ended = false;
          near.on('data', take).on('end', () => (ended = true));
          readDirectly(near, take);
          const sent: Buffer[] = [];
          for (const [index, { bytes, pause }] of steps.entries()) {
            const part = Buffer.alloc(bytes, index + 1);
            sent.push(part);
            if (pause) near.pause();
            far.write(part);
            if (pause) await new Promise((resolve) => setImmediate(resolve));
            near.resume();
          }
          far.end();
          await until('its end', () => ended);
          assert.ok(Buffer.concat(taken).equals(Buffer.concat(sent)));
          near.end('answer');
          const [answer] = (await once(far, 'data')) as [Buffer];
          assert.equal(String(answer), 'answer');
          far.destroy();
          near.destroy();
        },
      ),
      { numRuns: 20 },
    );
  });

  it('goes round the queue of the stream', async () => {
    const { near, far } = await pair();
    const announced: string[] = [];
    const taken: string[] = [];
    near.on('data', (chunk: Buffer) => announced.push(String(chunk)));
    readDirectly(near, (chunk) => taken.push(String(chunk)));
    far.write('one');
    await until('it comes', () => taken.length > 0);
    readAsUsual(near);
    far.write('two');
    await until('it comes as usual', () => announced.length > 0);
    assert.deepEqual([taken, announced], [['one'], ['two']]);
    far.destroy();
    near.destroy();
  });

  it('leaves in its order what somebody put back', async () => {
    const { near, far } = await pair();
    const taken: string[] = [];
    const take = (chunk: Buffer): void => void taken.push(String(chunk));
    near.unshift(Buffer.from('first'));
    near.on('data', take);
    readDirectly(near, take);
    far.write('second');
    await until('both are there', () => taken.join('').length === 'firstsecond'.length);
    assert.deepEqual(taken, ['first', 'second']);
    far.destroy();
    near.destroy();
  });
});
