// A row of leaves of which the best is always known: each leaf has a key, several numbers of which the first
// that differs decides and the smaller wins, and a weight, 0 for a leaf that takes no part. A change costs the logarithm
// of the leaves. Equally good leaves are counted by weight, so that one of them can be drawn fairly.

export interface Pick {
  readonly leaf: number;
  /** What of the ticket is left inside the leaf: from 0 until before its weight. */
  readonly ticket: number;
}

export class WinnerTree {
  readonly #width: number;
  #size = 0;
  /** A power of two. Node 1 is the root, the children of n are 2n and 2n + 1, leaf i is node capacity + i. */
  #capacity = 1;
  #keys: Float64Array;
  #weights: Float64Array;
  /** Leaves were moved: the nodes above them are decided anew before the next look. */
  #stale = false;

  /** @param width how many numbers a key has */
  constructor(width: number) {
    this.#width = width;
    this.#keys = new Float64Array(2 * width);
    this.#weights = new Float64Array(2);
  }

  get size(): number {
    return this.#size;
  }

  /** The weight of all leaves that are equally best; 0 where none takes part. */
  get weight(): number {
    this.#settle();
    return this.#weights[1] as number;
  }

  /** A number of the best key; meaningless where no leaf takes part. */
  key(column: number): number {
    this.#settle();
    return this.#keys[this.#width + column] as number;
  }

  /** Make room for a leaf, which takes no part yet; those from `at` on move up by one. Linear, but cheap. */
  insert(at: number): void {
    if (this.#size === this.#capacity) this.#grow();
    const first = this.#capacity + at;
    const end = this.#capacity + this.#size;
    this.#move(first + 1, first, end);
    this.#weights[first] = 0;
    this.#size += 1;
    this.#stale = true;
  }

  /** Take a leaf out; those behind it move down by one. Linear, but cheap. */
  remove(at: number): void {
    const first = this.#capacity + at;
    const end = this.#capacity + this.#size;
    this.#move(first, first + 1, end);
    this.#weights[end - 1] = 0;
    this.#size -= 1;
    this.#stale = true;
  }

  /** @param key of the tree's width; not looked at where the weight is 0 */
  set(leaf: number, key: readonly number[], weight: number): void {
    const node = this.#capacity + leaf;
    if (!this.#write(node, key, 0, weight) || this.#stale) return;
    for (let above = node >> 1; above >= 1; above >>= 1) if (!this.#decide(above)) return;
  }

  /** @param ticket from 0 until before `weight`: which of the equally best, counted from the first leaf */
  pick(ticket: number): Pick {
    this.#settle();
    let node = 1;
    let left = ticket;
    while (node < this.#capacity) {
      node *= 2;
      if (this.#compare(node, node + 1) > 0) {
        node += 1;
      } else {
        const weight = this.#weights[node] as number;
        if (left >= weight) {
          left -= weight;
          node += 1;
        }
      }
    }
    return { leaf: node - this.#capacity, ticket: left };
  }

  #settle(): void {
    if (!this.#stale) return;
    this.#stale = false;
    for (let node = this.#capacity - 1; node >= 1; node -= 1) this.#decide(node);
  }

  /** Take over the better child, or the weight of both where they are equal; whether that changed anything. */
  #decide(node: number): boolean {
    const order = this.#compare(2 * node, 2 * node + 1);
    const best = order <= 0 ? 2 * node : 2 * node + 1;
    const weight =
      (this.#weights[best] as number) + (order === 0 ? (this.#weights[best + 1] as number) : 0);
    return this.#write(node, this.#keys, best * this.#width, weight);
  }

  /** Below, at or above zero as `a` is better than, as good as or worse than `b`. */
  #compare(a: number, b: number): number {
    if (this.#weights[a] === 0) return this.#weights[b] === 0 ? 0 : 1;
    if (this.#weights[b] === 0) return -1;
    for (let column = 0; column < this.#width; column += 1) {
      const difference =
        (this.#keys[a * this.#width + column] as number) -
        (this.#keys[b * this.#width + column] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #write(node: number, from: ArrayLike<number>, offset: number, weight: number): boolean {
    let changed = this.#weights[node] !== weight;
    this.#weights[node] = weight;
    if (weight === 0) return changed;
    const own = node * this.#width;
    for (let column = 0; column < this.#width; column += 1) {
      const value = from[offset + column] as number;
      if (this.#keys[own + column] === value) continue;
      this.#keys[own + column] = value;
      changed = true;
    }
    return changed;
  }

  #move(to: number, from: number, end: number): void {
    this.#weights.copyWithin(to, from, end);
    this.#keys.copyWithin(to * this.#width, from * this.#width, end * this.#width);
  }

  #grow(): void {
    const [keys, weights, capacity] = [this.#keys, this.#weights, this.#capacity];
    this.#capacity *= 2;
    this.#keys = new Float64Array(2 * this.#capacity * this.#width);
    this.#weights = new Float64Array(2 * this.#capacity);
    this.#keys.set(keys.subarray(capacity * this.#width), this.#capacity * this.#width);
    this.#weights.set(weights.subarray(capacity), this.#capacity);
  }
}
