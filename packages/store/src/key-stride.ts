// How far the next page of a list should reach. etcd goes through all keys of the range that it is asked for, however few it may answer
// with: to ask for everything that is left, page by page, would cost the square of the number of keys. Pure.

/** Bytes after the common prefix of a page that count as its keys' place: as many as a number holds exactly. */
const PLACE_BYTES = 6;
const PLACES = 2 ** (8 * PLACE_BYTES);
/** A range that is too long costs more than one that is too short. */
const RESERVE = 1.25;
/** Bytes of the common prefix that may change before nothing is known any more: other keys begin, of other number. */
const MOST_SHORTER = 2;
/** Where keys are sparse the next range is so many times as long. */
const STRETCH = 8;

interface Keyed {
  readonly key: string;
}

/** Reckons from each page how far the next one has to reach for so many keys. */
export class KeyStride {
  #prefix: Buffer = Buffer.alloc(0);
  /** In places after the prefix; undefined: nothing is known yet. */
  #stride: number | undefined;

  /**
   * @param page the last one's keys, in order
   * @param from where the next page begins
   * @param wanted how many keys it should have
   * @param end where the list ends
   * @returns where the page may end; `end` where nothing better is known
   */
  next(page: readonly Keyed[], from: Buffer, wanted: number, end: Buffer): Buffer {
    const [first, last] = [page[0], page.at(-1)].map((one) => one && Buffer.from(one.key));
    if (first && last && page.length > 1) {
      const common = commonLength(first, last);
      this.#prefix = last.subarray(0, common);
      const passed = placeOf(last, common) - placeOf(first, common);
      this.#stride = Math.max(1, (passed * wanted * RESERVE) / page.length);
    } else if (this.#stride !== undefined) this.#stride *= STRETCH;
    for (let shorter = 0; this.#stride !== undefined && shorter <= MOST_SHORTER; shorter += 1) {
      const { length } = this.#prefix;
      const place = Math.ceil(placeOf(from, length) + this.#stride);
      if (from.subarray(0, length).equals(this.#prefix) && place < PLACES) {
        const bound = keyAt(this.#prefix, place);
        return bound.compare(end) < 0 ? bound : end;
      }
      // The next keys have less in common with those before.
      this.#prefix = this.#prefix.subarray(0, -1);
      this.#stride /= 256;
    }
    this.#stride = undefined;
    return end;
  }
}

function commonLength(a: Buffer, b: Buffer): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}

function placeOf(key: Buffer, at: number): number {
  const bytes = Buffer.alloc(PLACE_BYTES);
  bytes.set(key.subarray(at, at + PLACE_BYTES));
  return bytes.readUIntBE(0, PLACE_BYTES);
}

function keyAt(prefix: Buffer, place: number): Buffer {
  const bytes = Buffer.alloc(PLACE_BYTES);
  bytes.writeUIntBE(place, 0, PLACE_BYTES);
  return Buffer.concat([prefix, bytes]);
}
