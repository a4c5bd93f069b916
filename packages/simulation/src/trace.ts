// What happened, in order: kept as lines for whoever wants to read the story, and always as a hash, by which two runs of
// a seed are compared.
import { createHash } from 'node:crypto';

export class Trace {
  readonly #hash = createHash('sha256');
  readonly #say: ((line: string) => void) | undefined;
  readonly #now: () => number;
  #lines = 0;

  /** @param now virtual ms since the start; @param say is given each line */
  constructor(now: () => number, say?: (line: string) => void) {
    this.#now = now;
    this.#say = say;
  }

  get lines(): number {
    return this.#lines;
  }

  note(who: string, what: string): void {
    const line = `${(this.#now() / 1000).toFixed(3).padStart(9)} ${who}: ${what}`;
    this.#lines += 1;
    this.#hash.update(line).update('\n');
    this.#say?.(line);
  }

  /** Of everything noted so far. */
  get digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
