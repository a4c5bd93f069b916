// Files of events in a real directory, with ends at any moment.
import assert from 'node:assert/strict';
import {
  appendFile,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { cloudEvent, eventBridgeEvent } from '@berth/model/events/envelope.ts';
import type { EventRecord } from '@berth/model/generated/messages.ts';
import { complete } from '@berth/rpc/codec.ts';
import fc from 'fast-check';

import { FileSender } from './file-sender.ts';

const REALM = { region: 'eu-1', account: '123456789012' };
const FILE_BYTES = 4_000;
const FEWEST_A_FILE = 6;

function event(number: number, id = `event-${number}`): EventRecord {
  const message = `number ${number} ${'x'.repeat((number * 37) % 200)}`;
  const sequence = 1_000 * number;
  return complete('EventRecord', { id, cluster: 'c', kind: 'service', message, sequence });
}

describe('a file of events', () => {
  let directory: string;
  let path: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-event-file-'));
    path = join(directory, 'sink.jsonl');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  function sender(made: typeof cloudEvent = cloudEvent): FileSender {
    return new FileSender({
      sink: { name: 'sink' },
      eventDirectory: directory,
      eventFileBytes: FILE_BYTES,
      textOf: (each) => JSON.stringify(made(each, REALM)),
    });
  }

  /** @param to included */
  async function send(to: FileSender, from: number, last: number): Promise<void> {
    for (let number = from; number <= last; number += 1) await to.send(event(number));
  }

  /** The numbers in both files, the older file first. @throws Error when a line is not whole */
  async function numbers(): Promise<number[]> {
    const texts = await Promise.all(
      [`${path}.1`, path].map((each) => readFile(each, 'utf8').catch(() => '')),
    );
    return texts.flatMap((text) => {
      assert.ok(text === '' || text.endsWith('\n'));
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => Number((JSON.parse(line) as { sequence: string }).sequence) / 1_000);
    });
  }

  const range = (from: number, last: number): number[] =>
    Array.from({ length: last - from + 1 }, (_, at) => from + at);

  it('is two files at most, none too large, and they have the last events without a gap', async () => {
    const one = sender();
    for (let number = 1; number <= 60; number += 1) {
      await one.send(event(number));
      const kept = await numbers();
      assert.deepEqual(kept, range(kept[0] ?? 0, number));
      assert.ok((await stat(path)).size <= FILE_BYTES);
    }
    await one.close();
    assert.deepEqual((await readdir(directory)).sort(), ['sink.jsonl', 'sink.jsonl.1']);
    assert.ok((await numbers()).length < 60, 'it has rotated more than once');
    assert.ok((await numbers()).length >= 10);
  });

  for (const made of [cloudEvent, eventBridgeEvent]) {
    it(`has each event once when they are sent again, as ${made.name}`, async () => {
      const first = sender(made);
      await send(first, 1, 5);
      await first.close();
      const second = sender(made);
      await send(second, 3, 8);
      await second.close();
      assert.deepEqual(await numbers(), range(1, 8));
    });
  }

  it('goes on after an end in the middle of a rotation, when there is no file but the old one', async () => {
    const first = sender();
    await send(first, 1, 8);
    await first.close();
    await rename(path, `${path}.1`);
    const second = sender();
    await send(second, 6, 10);
    await second.close();
    assert.deepEqual(await numbers(), range(1, 10));
  });

  it('has no line that was cut off, and the event of it once', async () => {
    const first = sender();
    await send(first, 1, 3);
    await first.close();
    const { size } = await stat(path);
    await truncate(path, size - 7);
    const second = sender();
    await send(second, 3, 4);
    await second.close();
    assert.deepEqual(await numbers(), range(1, 4));

    await writeFile(path, '{"cut off in the first li');
    const third = sender();
    await send(third, 5, 5);
    await third.close();
    assert.deepEqual(await numbers(), [5]);
  });

  it('takes events of another installation, though their numbers begin anew', async () => {
    const first = sender();
    await send(first, 1, 5);
    await first.close();
    await appendFile(path, 'somebody else was here\nnull\n');
    const second = sender();
    for (const number of [1, 2]) await second.send(event(number, `other-${number}`));
    await second.close();
    assert.equal((await readFile(path, 'utf8')).split('\n').slice(0, -1).length, 9);
  });

  it('says what could not be written, and writes it once it can', async () => {
    await writeFile(join(directory, 'taken'), '');
    const one = new FileSender({
      sink: { name: 'sink' },
      eventDirectory: join(directory, 'taken'),
      textOf: (each) => JSON.stringify(cloudEvent(each, REALM)),
    });
    await assert.rejects(one.send(event(1)), /sink\.jsonl could not be written: .*EEXIST|ENOTDIR/);
    await rm(join(directory, 'taken'));
    await one.send(event(1));
    await one.close();
    path = join(directory, 'taken', 'sink.jsonl');
    assert.deepEqual(await numbers(), [1]);
  });

  it('loses and doubles nothing, wherever it ends and from wherever it is sent again', async () => {
    const run = fc.record({
      more: fc.integer({ min: 0, max: 12 }),
      /** How far back the next one begins: what nobody knew to be written. */
      again: fc.integer({ min: 0, max: 6 }),
      end: fc.constantFrom('between lines', 'in a line', 'in a rotation'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 8 }), async (runs) => {
        await rm(directory, { recursive: true, force: true });
        let sent = 0;
        let known = 0;
        for (const { more, again, end } of runs) {
          const one = sender();
          await send(one, known + 1, sent + more);
          await one.close();
          sent += more;
          known = Math.max(0, sent - again);
          if (end === 'in a line' && again > 0 && more > 0) {
            await truncate(path, (await stat(path)).size - 3);
          }
          // Only a full file is rotated; a file in its place would be lost.
          const files = await readdir(directory).catch((): string[] => []);
          const alone = files.length === 1 && files[0] === 'sink.jsonl';
          if (end === 'in a rotation' && alone) await rename(path, `${path}.1`);
        }
        const last = sender();
        await send(last, known + 1, sent + 1);
        await last.close();
        const kept = await numbers();
        assert.deepEqual(kept, range(kept[0] ?? 0, sent + 1));
        assert.ok(kept.length >= Math.min(sent + 1, FEWEST_A_FILE));
      }),
      { numRuns: 60 },
    );
  }).timeout(60_000);
});
