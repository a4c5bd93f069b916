// Docker's multiplexed output, taken apart: frames of an 8-byte header (stream, three zero bytes, length in
// big-endian) and a payload. Iterative, so that thousands of frames in a chunk are no deeper than one; pulls from
// its source, so that a slow reader holds the engine back. Source: pitfall D6.
import type { OutputFrame, OutputStream } from './runtime/runtime.ts';

const HEADER_BYTES = 8;
const STDERR = 2;
const MAX_STREAM = 2;
/** Payloads are handed on in pieces of at most this size, whatever the frame announces. */
const MAX_PIECE_BYTES = 64 * 1024;

/** @throws Error when the bytes are no frames, as from a container with a terminal */
export async function* demultiplex(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<OutputFrame, void, undefined> {
  const header = Buffer.alloc(HEADER_BYTES);
  let headerBytes = 0;
  let stream: OutputStream = 'stdout';
  let left = 0;
  for await (const chunk of chunks) {
    let offset = 0;
    while (offset < chunk.length) {
      if (left === 0) {
        const copied = chunk.copy(header, headerBytes, offset, offset + HEADER_BYTES - headerBytes);
        headerBytes += copied;
        offset += copied;
        if (headerBytes < HEADER_BYTES) break;
        headerBytes = 0;
        stream = streamOf(header);
        left = header.readUInt32BE(4);
      } else {
        const end = Math.min(offset + left, chunk.length, offset + MAX_PIECE_BYTES);
        yield { stream, data: chunk.subarray(offset, end) };
        left -= end - offset;
        offset = end;
      }
    }
  }
  if (left > 0 || headerBytes > 0) throw new Error('the output ended in the middle of a frame');
}

/** The output of a container with a terminal: no frames, all of it stdout. */
export async function* plainOutput(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<OutputFrame, void, undefined> {
  for await (const data of chunks) yield { stream: 'stdout', data };
}

function streamOf(header: Buffer): OutputStream {
  const kind = header.readUInt8(0);
  if (kind > MAX_STREAM || header.readUIntBE(1, 3) !== 0) {
    throw new Error(`expected a frame of output, found the bytes ${header.toString('hex')}`);
  }
  return kind === STDERR ? 'stderr' : 'stdout';
}
