// The words in which Berth refuses a value: the field, what was found, what was expected. Each family of
// validators makes its own checker, with the error code that its API gives. Pure.
import { BerthError, type ErrorCode } from '../errors.ts';

export interface Range {
  readonly least: number;
  readonly most: number;
}

/** Refuses values with one error code. `where` opens each message: `Container 'web': `, or nothing. */
export class Checker {
  readonly #code: ErrorCode;
  readonly #where: string;

  constructor(code: ErrorCode, where = '') {
    this.#code = code;
    this.#where = where;
  }

  /** The same checker, its messages opened by `where` as well. */
  within(where: string): Checker {
    return new Checker(this.#code, `${this.#where}${where}: `);
  }

  /** @throws BerthError always, with a text of its own */
  refuse(message: string): never {
    throw new BerthError(this.#code, this.#where + message);
  }

  /** @throws BerthError always: "FIELD is FOUND; expected EXPECTED." */
  expected(field: string, found: unknown, expected: string): never {
    this.refuse(`${field} is ${shown(found)}; expected ${expected}.`);
  }

  /** A whole number within the range, or nothing. */
  integer(field: string, value: number | undefined, { least, most }: Range): void {
    if (value === undefined) return;
    if (!Number.isInteger(value) || value < least || value > most) {
      this.expected(field, value, `a whole number from ${least} to ${most}`);
    }
  }

  /** A text that the pattern matches as a whole, or nothing. */
  text(field: string, value: string | undefined, pattern: RegExp, expected: string): void {
    if (value !== undefined && !pattern.test(value)) this.expected(field, value, expected);
  }

  /** One of the words. Absent or empty is refused too. */
  word(field: string, value: string | undefined, words: readonly string[]): void {
    if (value === undefined || !words.includes(value)) {
      this.expected(field, value, `one of ${words.join(', ')}`);
    }
  }

  /** At most so many items. */
  atMost(field: string, count: number, most: number, things: string): void {
    if (count > most) this.refuse(`${field} has ${count} ${things}; expected at most ${most}.`);
  }

  /** No two alike. */
  unique(field: string, values: readonly string[]): void {
    const twice = values.find((value, index) => values.indexOf(value) !== index);
    if (twice !== undefined) {
      this.refuse(`${field} has ${shown(twice)} more than once; expected each at most once.`);
    }
  }
}

/** A value as JSON, cut so that a message stays readable. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number') return String(value); // JSON has no NaN
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
