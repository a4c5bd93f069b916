// Lines of JSON out of a byte stream: pull progress and engine events. Splits on bytes, so that characters of
// several bytes stay whole; keeps one line at a time, of bounded length.
import { RuntimeError, type Operation } from './runtime.ts';

const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

/** @throws RuntimeError `server` on a line that is no JSON or too long */
export async function* jsonLines(
  chunks: AsyncIterable<Buffer>,
  operation: Operation,
): AsyncGenerator<unknown, void, undefined> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = Buffer.concat([...rest, chunk.subarray(start, end)]);
      rest = [];
      restBytes = 0;
      start = end + 1;
      yield* parsed(line, operation);
    }
    rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > MAX_LINE_BYTES) {
      throw new RuntimeError('server', operation, 'The engine sent a line of more than 1 MiB');
    }
  }
  yield* parsed(Buffer.concat(rest), operation);
}

function* parsed(line: Buffer, operation: Operation): Generator<unknown, void, undefined> {
  const text = line.toString().trim();
  if (text === '') return;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const words = `The engine sent a line that is not JSON: ${text.slice(0, 200)}`;
    throw new RuntimeError('server', operation, words, error);
  }
  yield value;
}
