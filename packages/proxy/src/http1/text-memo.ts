// What was made of some of the texts that came last. Most clients say the same of themselves in each request, and most targets of each answer: such a text is compared
// with the one before, which costs a small part of reading it again. What comes of a text must be the same each time, and never be changed.

/** A power of two. */
const SLOTS = 256;
const LONGEST = 2_048;

export class TextMemo<T> {
  readonly #texts = new Array<string>(SLOTS).fill('');
  readonly #values = new Array<T | undefined>(SLOTS).fill(undefined);

  get(text: string): T | undefined {
    const slot = slotOf(text);
    return this.#texts[slot] === text ? this.#values[slot] : undefined;
  }

  set(text: string, value: T): void {
    if (text.length > LONGEST) return;
    const slot = slotOf(text);
    this.#texts[slot] = text;
    this.#values[slot] = value;
  }
}

/** By its length and some of its characters: those of another slot are never the same text. */
function slotOf(text: string): number {
  const { length } = text;
  let hash = length;
  for (let at = length - 3; at > 0; at -= (length >> 2) + 1) {
    hash = (hash * 31 + text.charCodeAt(at)) | 0;
  }
  return (hash ^ (hash >> 8)) & (SLOTS - 1);
}
