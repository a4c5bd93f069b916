// A queue in the order of arrival. Taking from the front of an array moves all that is behind it, which thousands of waiting
// items make the most expensive thing of all; here the front is a number.

/** Taken items are let go of in one go when they are more than those that wait. */
const LEAST_KEPT = 1_024;

export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #front = 0;

  get size(): number {
    return this.#items.length - this.#front;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The one that has waited longest; undefined when there is none. */
  shift(): T | undefined {
    if (this.#front === this.#items.length) return undefined;
    const item = this.#items[this.#front];
    this.#items[this.#front] = undefined;
    this.#front += 1;
    if (this.#front === this.#items.length) {
      this.#items = [];
      this.#front = 0;
    } else if (this.#front >= LEAST_KEPT && this.#front * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#front);
      this.#front = 0;
    }
    return item;
  }
}
