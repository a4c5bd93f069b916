// Texts in order, kept in order: what pages of a list are cut from. An insertion in the middle moves what is behind it,
// which for the hundred thousand tasks of a large cluster takes some microseconds. Texts compare by code units.

export class SortedKeys {
  readonly #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** One that is there already is not added again. */
  add(key: string): void {
    const last = this.#keys.at(-1);
    if (last === undefined || last < key) {
      this.#keys.push(key); // as lists arrive
      return;
    }
    const at = this.#from(key);
    if (this.#keys[at] !== key) this.#keys.splice(at, 0, key);
  }

  delete(key: string): void {
    const at = this.#from(key);
    if (this.#keys[at] === key) this.#keys.splice(at, 1);
  }

  /** Those after the given one, which need not be there; without it all. What is added or deleted meanwhile may be missed. */
  *after(key?: string): Generator<string, void, undefined> {
    let at = key === undefined ? 0 : this.#from(key);
    if (this.#keys[at] === key) at += 1;
    for (; at < this.#keys.length; at += 1) yield this.#keys[at] as string;
  }

  /** Where the key is, or belongs. */
  #from(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
