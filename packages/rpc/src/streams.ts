// Between Node's object streams, as grpc-js has them, and async iterables: both directions with
// back-pressure, and both ended at once by a signal.
import type { Readable, Writable } from 'node:stream';

import { abortable } from '@berth/control/scope.ts';

/** The stream's items, read only as fast as they are asked for. @throws the stream's error, or the signal's reason */
export async function* readStream<T>(
  stream: Readable,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<T>;
  try {
    for (;;) {
      const step = await abortable(iterator.next(), signal);
      if (step.done) return;
      yield step.value;
    }
  } finally {
    letGo(iterator);
  }
}

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
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await abortable(iterator.next(), signal);
      if (step.done) break;
      if (!stream.write(encode(step.value))) await drained(stream, signal);
    }
    stream.end();
  } finally {
    letGo(iterator);
  }
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

/** Tell an iterator that it is no longer wanted; a generator that waits for something learns of it when that comes. */
function letGo(iterator: AsyncIterator<unknown>): void {
  iterator.return?.().catch(() => undefined);
}
