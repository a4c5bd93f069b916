// Between Node's object streams, as grpc-js has them, and async iterables: both directions with
// back-pressure, and both ended at once by a signal.
import type { Writable } from 'node:stream';

import { abortable, untilAborted } from '@berth/control/scope.ts';

/**
 * Write all items, waiting whenever the stream has enough, then end it.
 * @throws what the iterable threw, or the signal's reason; the stream is then left for the caller to end
 */
export async function sendAll<T>(
  items: AsyncIterable<T>,
  stream: Writable,
  signal: AbortSignal,
  encode: (item: T) => unknown = (item) => item,
): Promise<void> {
  for await (const item of untilAborted(items, signal)) {
    if (!stream.write(encode(item))) await drained(stream, signal);
  }
  stream.end();
}

async function drained(stream: Writable, signal: AbortSignal): Promise<void> {
  let resume: () => void = () => undefined;
  const draining = new Promise<void>((resolve) => {
    resume = resolve;
    stream.once('drain', resume);
  });
  try {
    await abortable(draining, signal);
  } finally {
    stream.off('drain', resume);
  }
}
