// A bounded queue between a producer that can't wait and a consumer that iterates: the sending side of a
// gRPC stream, a log follower, an event subscription.

/** Iterated by one consumer. Ends after `close`; throws the error after `fail`. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #items: T[] = [];
  #wake: (() => void) | undefined;
  #room: (() => void)[] = [];
  #closed = false;
  #error: Error | undefined;

  /** @param limit how many items may wait */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get size(): number {
    return this.#items.length;
  }

  /** @returns false, and takes nothing, when the channel is full or closed */
  offer(item: T): boolean {
    if (this.#closed || this.#items.length >= this.#limit) return false;
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /** Waits for room. @returns false when the channel was closed meanwhile */
  async send(item: T): Promise<boolean> {
    while (!this.#closed && this.#items.length >= this.#limit) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
    return this.offer(item);
  }

  /** What is queued is still delivered. */
  close(): void {
    this.#closed = true;
    this.#stir();
  }

  /** What is queued is dropped; the consumer's next step throws. */
  fail(error: Error): void {
    if (this.#closed) return;
    this.#error = error;
    this.#items.length = 0;
    this.close();
  }

  #stir(): void {
    this.#wake?.();
    for (const resolve of this.#room.splice(0)) resolve();
  }

  [Symbol.asyncIterator](): AsyncIterator<T, void, undefined> {
    return {
      next: () => this.#next(),
      // At once, even while `next` waits: whoever sends must learn that nobody listens any more.
      return: () => {
        this.#items.length = 0;
        this.close();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  async #next(): Promise<IteratorResult<T, void>> {
    for (;;) {
      if (this.#error) throw this.#error;
      if (this.#items.length > 0) {
        const value = this.#items.shift() as T;
        this.#room.shift()?.();
        return { done: false, value };
      }
      if (this.#closed) return { done: true, value: undefined };
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
