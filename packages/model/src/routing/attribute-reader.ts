// Attributes as values. What can't be read has its default: a record that an older or newer release wrote must not stop a proxy.
import { type AttributePlace, attributesOf, definitionsAt } from './attributes.ts';

export class AttributeReader {
  readonly #values: Readonly<Record<string, string>>;
  readonly #place: AttributePlace;

  constructor(place: AttributePlace, stored: Readonly<Record<string, string>>) {
    this.#place = place;
    this.#values = attributesOf(place, stored);
  }

  text(key: string): string {
    const definition = definitionsAt(this.#place).get(key);
    const value = this.#values[key] ?? '';
    return definition === undefined || definition.accepts(value) ? value : definition.default;
  }

  flag(key: string): boolean {
    return this.text(key) === 'true';
  }

  /** `off` is 0. */
  number(key: string): number {
    return Number(this.text(key)) || 0;
  }

  /** @returns the first of the words for anything that is none of them */
  word<T extends string>(key: string, first: T, ...others: readonly T[]): T {
    const value = this.text(key);
    return others.find((word) => word === value) ?? first;
  }
}
