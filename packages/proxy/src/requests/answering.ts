// Answers the orders of the control plane from a book of requests. What comes faster than it can be sent is counted and left out.
import type { RequestAnswer, RequestOrder } from '@berth/model/generated/messages.ts';

import type { RequestBook } from './book.ts';

export interface AnsweringOptions {
  readonly book: RequestBook;
  /** @returns false when there is no room for it now */
  readonly send: (answer: RequestAnswer) => boolean;
}

const BATCH = 100;
const MOST_RECENT = 1_000;
const MOST_ORDERS = 128;
/** Records waiting for the end of this turn of the event loop. */
const MOST_WAITING = 200;

export class Answering {
  readonly #options: AnsweringOptions;
  /** What ends each order that goes on. */
  readonly #following = new Map<string, () => void>();

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  take(order: RequestOrder): void {
    const { orderId, cancel, follow, limit, ...filter } = order;
    this.#following.get(orderId)?.();
    this.#following.delete(orderId);
    if (cancel) return;
    const { book } = this.#options;
    const past = book.recent(filter, Math.min(limit ?? 0, MOST_RECENT));
    for (let from = 0; from < past.length; from += BATCH) {
      this.#say(orderId, past.slice(from, from + BATCH), 0, false);
    }
    if (!follow) this.#say(orderId, [], 0, true);
    else if (this.#following.size < MOST_ORDERS) this.#follow(orderId, filter);
  }

  #follow(orderId: string, filter: Parameters<RequestBook['follow']>[0]): void {
    let waiting: RequestAnswer['requests'][number][] = [];
    let skipped = 0;
    let due: NodeJS.Immediate | undefined;
    const flush = (): void => {
      due = undefined;
      const requests = waiting;
      waiting = [];
      if (this.#say(orderId, requests, skipped, false)) skipped = 0;
      else skipped += requests.length;
    };
    const end = this.#options.book.follow(filter, (record) => {
      if (waiting.length >= MOST_WAITING) skipped += 1;
      else waiting.push(record);
      due ??= setImmediate(flush);
    });
    this.#following.set(orderId, () => {
      end();
      if (due !== undefined) clearImmediate(due);
    });
  }

  #say(
    orderId: string,
    requests: RequestAnswer['requests'],
    skipped: number,
    done: boolean,
  ): boolean {
    return this.#options.send({ orderId, requests, skipped, done });
  }

  /** Whoever asked is gone. */
  stop(): void {
    for (const end of this.#following.values()) end();
    this.#following.clear();
  }
}
