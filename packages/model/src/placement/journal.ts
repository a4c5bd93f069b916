// Names of things that changed, in the order of their changes, for readers that catch up when they need to.
// Forgets its oldest half when it is full, so a reader that slept too long has to look at everything anew.

const LIMIT = 32_768;

export class Journal {
  #names: string[] = [];
  #start = 0;

  /** The oldest position that is still known. */
  get start(): number {
    return this.#start;
  }

  /** Where the next name will be: a reader that is here has seen everything. */
  get end(): number {
    return this.#start + this.#names.length;
  }

  add(name: string): void {
    this.#names.push(name);
    if (this.#names.length < LIMIT) return;
    this.#names = this.#names.slice(LIMIT / 2);
    this.#start += LIMIT / 2;
  }

  /** @param position from `start` until before `end` */
  at(position: number): string {
    return this.#names[position - this.#start] as string;
  }
}
