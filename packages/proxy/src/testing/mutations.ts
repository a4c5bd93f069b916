// Byte-level mutations of texts, from a seed, for fuzzing.

/** Uniform in [0, 1), the same sequence for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class Mutator {
  readonly #random: () => number;
  readonly #pieces: readonly string[];

  /** @param pieces what is put into texts, beside single bytes */
  constructor(random: () => number, pieces: readonly string[]) {
    this.#random = random;
    this.#pieces = pieces;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** Some bytes of `text`, which is latin-1, are others. */
  mutate(text: string): string {
    let mutated = text;
    for (let left = 1 + this.below(3); left > 0; left -= 1) mutated = this.#once(mutated);
    return mutated;
  }

  #once(text: string): string {
    const at = this.below(text.length + 1);
    const before = text.slice(0, at);
    const after = text.slice(at);
    switch (this.below(7)) {
      case 0:
        return before + after.slice(1 + this.below(3));
      case 1:
        return before + String.fromCharCode(this.below(256)) + after;
      case 2:
        return before + String.fromCharCode(this.below(256)) + after.slice(1);
      case 3:
        return before + this.pick(this.#pieces) + after;
      case 4:
        return before + this.pick(this.#pieces) + after.slice(1 + this.below(8));
      case 5: {
        const from = this.below(text.length);
        return before + text.slice(from, from + 1 + this.below(40)) + after;
      }
      default: {
        const code = after.charCodeAt(0);
        if (Number.isNaN(code)) return text;
        return before + String.fromCharCode(code ^ (1 << this.below(8))) + after.slice(1);
      }
    }
  }

  /** The bytes of `text` in parts. */
  cut(text: string): Buffer[] {
    const parts: Buffer[] = [];
    for (let start = 0; start < text.length;) {
      const end = this.below(4) === 0 ? start + 1 : start + 1 + this.below(text.length - start);
      parts.push(Buffer.from(text.slice(start, end), 'latin1'));
      start = end;
    }
    return parts;
  }
}
