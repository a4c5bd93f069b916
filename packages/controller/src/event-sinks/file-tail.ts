// The end of a file of lines, read backwards. Nothing is held of it but the piece that is being read.
import type { FileHandle } from 'node:fs/promises';

const CHUNK_BYTES = 64 << 10;
const NEWLINE = 0x0a;

/** Where the last whole line ends: what stands behind it was cut off while it was written. */
export async function endOfLines(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  for (let end = size; end > 0; end -= CHUNK_BYTES) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const at = (await read(handle, start, end)).lastIndexOf(NEWLINE);
    if (at >= 0) return start + at + 1;
  }
  return 0;
}

/** The lines of a file that ends with a whole line, the last one first, of at most `mostBytes`. */
export async function* linesBackwards(
  handle: FileHandle,
  mostBytes: number,
): AsyncGenerator<string, void, undefined> {
  const { size } = await handle.stat();
  const until = Math.max(0, size - mostBytes);
  let rest = Buffer.alloc(0);
  for (let end = size; end > until;) {
    const start = Math.max(until, end - CHUNK_BYTES);
    let bytes = Buffer.concat([await read(handle, start, end), rest]);
    for (;;) {
      // The newline that ends the last line is not the one that begins it.
      const at = bytes.lastIndexOf(NEWLINE, bytes.length - 2);
      if (at < 0 || bytes.length < 2) break;
      yield bytes.toString('utf8', at + 1, bytes.length - 1);
      bytes = bytes.subarray(0, at + 1);
    }
    rest = bytes;
    end = start;
  }
  if (until === 0 && rest.length > 0) yield rest.toString('utf8', 0, rest.length - 1);
}

async function read(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
  return bytes.subarray(0, bytesRead);
}
