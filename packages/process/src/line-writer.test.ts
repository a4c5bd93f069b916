import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startLineWriter } from './line-writer.ts';

describe('line writer', () => {
  const directory = mkdtempSync(join(tmpdir(), 'berth-lines-'));
  const troubles: (string | undefined)[] = [];
  const onTrouble = (error: Error | undefined): void => void troubles.push(error?.message);

  beforeEach(() => troubles.splice(0));
  after(() => rmSync(directory, { recursive: true }));

  it('has handed a line to the system when it says so, in order', async () => {
    const file = join(directory, 'logs/a.log');
    const sink = startLineWriter({ to: { file }, onTrouble });
    assert.ok(sink.offer('1'));
    assert.ok(await sink.write('2'));
    assert.equal(readFileSync(file, 'utf8'), '1\n2\n');
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, index) => sink.write(`x${index}`)),
    );
    assert.ok(all.every(Boolean));
    assert.ok(sink.offer('last'));
    await sink.close();
    assert.match(readFileSync(file, 'utf8'), /x48\nx49\nlast\n$/);
    assert.equal(sink.offer('late'), false);
    assert.deepEqual(troubles, []);
  });

  it('puts a long file aside, and keeps a number of those', async () => {
    const file = join(directory, 'b.log');
    const sink = startLineWriter({ to: { file }, onTrouble, rotateBytes: 20, kept: 2 });
    for (let index = 0; index < 10; index += 1) await sink.write(`line ${index} ....`);
    await sink.close();
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.startsWith('b.log')),
      ['b.log', 'b.log.1', 'b.log.2'],
    );
    assert.equal(readFileSync(file, 'utf8'), 'line 9 ....\n');
    assert.equal(readFileSync(`${file}.2`, 'utf8'), 'line 7 ....\n');
    const again = startLineWriter({ to: { file }, onTrouble, rotateBytes: 1000 });
    await again.write('more');
    await again.close();
    assert.equal(readFileSync(file, 'utf8'), 'line 9 ....\nmore\n');
  });

  it('tells when a line can not be written, and goes on when it can be', async () => {
    const file = join(directory, 'c.log');
    mkdirSync(file);
    const sink = startLineWriter({ to: { file }, onTrouble });
    assert.equal(await sink.write('1'), false);
    assert.equal(await sink.write('2'), false);
    assert.equal(troubles.length, 1);
    assert.match(troubles[0] ?? '', /EISDIR/);
    rmdirSync(file);
    assert.equal(await sink.write('3'), true);
    assert.deepEqual(troubles.slice(1), [undefined]);
    assert.equal(readFileSync(file, 'utf8'), '3\n');
    await sink.close();
  });

  it('takes no more than there is room for, and never waits for it', async () => {
    const file = join(directory, 'd.log');
    const sink = startLineWriter({ to: { file }, onTrouble, mostQueued: 2 });
    assert.deepEqual([sink.offer('1'), sink.offer('2'), sink.offer('3')], [true, true, false]);
    assert.equal(await sink.write('4'), false);
    await sink.close();
    assert.equal(readFileSync(file, 'utf8'), '1\n2\n');
  });
});
