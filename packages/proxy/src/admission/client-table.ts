// Something a client, for a bounded number of clients: the one that has been silent longest is forgotten first.

export class ClientTable<T> {
  readonly #most: number;
  /** The one heard of last is at the end. */
  readonly #known = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#known.size;
  }

  /** What is known of the client; made if nothing is. It counts as heard of. */
  get(key: string, make: () => T): T {
    const found = this.#known.get(key);
    const value = found === undefined ? make() : found;
    if (found !== undefined) this.#known.delete(key);
    else if (this.#known.size >= this.#most) this.#forgetOne();
    this.#known.set(key, value);
    return value;
  }

  known(key: string): T | undefined {
    return this.#known.get(key);
  }

  #forgetOne(): void {
    for (const [oldest] of this.#known) {
      this.#known.delete(oldest);
      return;
    }
  }
}
