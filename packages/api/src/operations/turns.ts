// Operations on the same thing take turns within a process, so that a burst of them does not use up its
// attempts against itself. Correctness never depends on it: guards decide, also between replicas.
import { BerthError } from '@berth/model/errors.ts';

const MOST_WAITING = 1_000;

export class Turns {
  readonly #queues = new Map<string, { last: Promise<void>; waiting: number }>();

  /**
   * Run `work` when everything that came before it under the same key has ended.
   * @throws the signal's reason when it is aborted before the turn comes; LimitExceededException when 1,000 wait already
   */
  async run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? { last: Promise.resolve(), waiting: 0 };
    if (queue.waiting >= MOST_WAITING) {
      throw new BerthError(
        'LimitExceededException',
        `${MOST_WAITING} changes of ${key} are waiting already; try again later.`,
      );
    }
    this.#queues.set(key, queue);
    queue.waiting += 1;
    const before = queue.last;
    let end = (): void => undefined;
    queue.last = new Promise((resolve) => (end = resolve));
    try {
      await before;
      signal.throwIfAborted();
      return await work();
    } finally {
      queue.waiting -= 1;
      if (queue.waiting === 0) this.#queues.delete(key);
      end();
    }
  }
}
