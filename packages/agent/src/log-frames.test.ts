import assert from 'node:assert/strict';

import fc from 'fast-check';

import { LineSplitter } from './lines.ts';
import { demultiplex } from './log-frames.ts';
import type { OutputFrame } from './runtime/runtime.ts';

function frame(stream: number, text: string | Buffer): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

async function* chunked(...chunks: Buffer[]): AsyncGenerator<Buffer, void, undefined> {
  for (const chunk of chunks) yield chunk;
}

async function collect(...chunks: Buffer[]): Promise<{ stdout: string; stderr: string }> {
  const found: OutputFrame[] = [];
  for await (const one of demultiplex(chunked(...chunks))) found.push(one);
  const of = (stream: string): string =>
    Buffer.concat(found.filter((one) => one.stream === stream).map(({ data }) => data)).toString();
  return { stdout: of('stdout'), stderr: of('stderr') };
}

describe('demultiplex', () => {
  it('takes 7000 frames of a byte in one chunk', async () => {
    const frames = Array.from({ length: 7000 }, (_, index) => frame(1 + (index % 2), 'x'));
    const { stdout, stderr } = await collect(Buffer.concat(frames));
    assert.equal(stdout.length, 3500);
    assert.equal(stderr.length, 3500);
  });

  it('gives the same whatever the offset at which the bytes are split', async () => {
    const bytes = Buffer.concat([frame(1, 'höre'), frame(2, 'no'), frame(1, ''), frame(1, '\n')]);
    for (let offset = 0; offset <= bytes.length; offset += 1) {
      const whole = await collect(bytes.subarray(0, offset), bytes.subarray(offset));
      assert.deepEqual(whole, { stdout: 'höre\n', stderr: 'no' });
    }
  });

  it('refuses what is no frame', async () => {
    await assert.rejects(collect(Buffer.from('hello, terminal')), /expected a frame/);
  });

  it('says when the output ends within a frame', async () => {
    await assert.rejects(collect(frame(1, 'hello').subarray(0, 10)), /middle of a frame/);
    await assert.rejects(collect(frame(1, 'hello').subarray(0, 3)), /middle of a frame/);
  });
});

describe('LineSplitter', () => {
  it('loses and invents nothing, however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '€', ' ') }), { maxLength: 8 }),
        fc.array(fc.nat(40), { maxLength: 6 }),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const splitter = new LineSplitter();
          const found: string[] = [];
          let start = 0;
          for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
            found.push(...splitter.push(bytes.subarray(start, Math.max(start, cut))));
            start = Math.max(start, Math.min(cut, bytes.length));
          }
          assert.deepEqual([...found, ...splitter.end()], lines);
        },
      ),
    );
  });

  it('bounds a line, with and without an end', () => {
    const splitter = new LineSplitter();
    const lines = splitter.push(Buffer.alloc(200_000, 'x'));
    assert.deepEqual(
      lines.map((line) => line.length),
      [65_536, 65_536, 65_536],
    );
    assert.deepEqual(
      splitter.end().map((line) => line.length),
      [200_000 - 3 * 65_536],
    );
  });
});
