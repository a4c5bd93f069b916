// Texts in order, kept in order: what pages of a list are cut from. They lie in short rows, so that an addition or deletion
// moves some hundred of them at most, however many there are. Texts compare by code units.

const ROW = 512;

export class SortedKeys {
  /** None is empty; each begins after the end of the one before. */
  readonly #rows: string[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** One that is there already is not added again. */
  add(key: string): void {
    const index = this.#rowOf(key);
    const row = this.#rows[index];
    if (!row) {
      this.#rows.push([key]);
      this.#size += 1;
      return;
    }
    const at = placeIn(row, key);
    if (row[at] === key) return;
    row.splice(at, 0, key);
    this.#size += 1;
    if (row.length <= ROW) return;
    // As lists arrive, in order, rows stay full; elsewhere halves have room for more.
    const cut = index === this.#rows.length - 1 && at === ROW ? ROW : ROW / 2;
    this.#rows.splice(index + 1, 0, row.splice(cut));
  }

  delete(key: string): void {
    const index = this.#rowOf(key);
    const row = this.#rows[index];
    if (!row) return;
    const at = placeIn(row, key);
    if (row[at] !== key) return;
    row.splice(at, 1);
    this.#size -= 1;
    if (row.length === 0) this.#rows.splice(index, 1);
  }

  /** Those after the given one, which need not be there; without it all. What is added or deleted meanwhile may be missed. */
  *after(key?: string): Generator<string, void, undefined> {
    let index = key === undefined ? 0 : this.#rowOf(key);
    let at = key === undefined ? 0 : placeIn(this.#rows[index] ?? [], key);
    if (key !== undefined && this.#rows[index]?.[at] === key) at += 1;
    for (; index < this.#rows.length; index += 1, at = 0) {
      const row = this.#rows[index] as string[];
      for (; at < row.length; at += 1) yield row[at] as string;
    }
  }

  /** The row that the key is in, or belongs in: the last that does not begin after it. */
  #rowOf(key: string): number {
    let low = 0;
    let high = this.#rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#rows[middle]?.[0] as string) <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Where in the row the key is, or belongs. */
function placeIn(row: readonly string[], key: string): number {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((row[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
