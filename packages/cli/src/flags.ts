// The flags of a command line as typed values. A flag wins over its environment variable.
import { parseDuration } from './output/text.ts';
import { UsageError } from './table/parse.mjs';
import type { CommandLine } from './table/types.d.mts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

export class Flags {
  readonly #line: CommandLine;
  readonly #environment: Environment;

  constructor(line: CommandLine, environment: Environment) {
    this.#line = line;
    this.#environment = environment;
  }

  on(name: string): boolean {
    return this.#line.flags[name] === true;
  }

  text(name: string): string | undefined {
    const given = this.#line.flags[name];
    if (typeof given === 'string') return given;
    const variable = this.#line.command.flags.find((flag) => flag.name === name)?.env;
    const value = variable === undefined ? undefined : this.#environment[variable];
    return value === '' ? undefined : value;
  }

  /** All values of a flag that may be repeated; its variable holds them separated by commas. */
  texts(name: string): readonly string[] {
    const given = this.#line.flags[name];
    if (Array.isArray(given)) return given as readonly string[];
    return this.text(name)?.split(',').filter(Boolean) ?? [];
  }

  /** @throws UsageError when the flag is not given */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) {
      const spec = this.#line.command.flags.find((flag) => flag.name === name);
      throw this.wrong(`Missing --${name} ${spec?.value ?? ''}`.trimEnd());
    }
    return value;
  }

  /** @throws UsageError when it is no integer in the range */
  integer(name: string, { min, max }: IntegerRange): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = Number(text);
    if (/^-?\d+$/.test(text) && number >= min && number <= max) return number;
    throw this.wrong(`--${name} must be a whole number from ${min} to ${max}, found "${text}"`);
  }

  /** Milliseconds. @throws UsageError */
  duration(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const ms = parseDuration(text);
    if (ms === undefined) {
      throw this.wrong(`--${name} must be a duration such as 90s, 10m or 1h30m, found "${text}"`);
    }
    return ms;
  }

  /** @throws UsageError when it is none of the words */
  word<W extends string>(name: string, words: readonly W[]): W | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found =
      words.find((word) => word === text) ?? words.find((word) => word === text.toUpperCase());
    if (found !== undefined) return found;
    throw this.wrong(`--${name} must be one of ${words.join(', ')}, found "${text}"`);
  }

  /** KEY=VALUE flags. A value may be empty, a key may not. @throws UsageError */
  pairs(name: string): readonly { readonly key: string; readonly value: string }[] {
    return this.texts(name).map((text) => {
      const equals = text.indexOf('=');
      if (equals > 0) return { key: text.slice(0, equals), value: text.slice(equals + 1) };
      throw this.wrong(`--${name} must be KEY=VALUE, found "${text}"`);
    });
  }

  /** KEY=VALUE flags as one object; of equal keys the last counts. @throws UsageError */
  record(name: string): Readonly<Record<string, string>> {
    return Object.fromEntries(this.pairs(name).map(({ key, value }) => [key, value]));
  }

  wrong(message: string): UsageError {
    return new UsageError(`${message}.`, `berth ${this.#line.command.path.join(' ')} --help`);
  }
}
