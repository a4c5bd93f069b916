// JSON with positions: says at which line and column a text stops being JSON, and refuses an object that has a member
// twice, of which only one would count. Pure. Source: RFC 8259.

export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** The text is no JSON; the message says where and why. */
export class JsonError extends Error {}

const DEPTH = 32;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORDS: ReadonlyMap<string, null | boolean> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** @throws JsonError */
export function readJson(text: string): JsonValue {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): JsonValue {
    if (depth > DEPTH) this.#fail(`values are nested deeper than ${DEPTH}`);
    this.#space();
    const next = this.#text[this.#at];
    if (next === '{') return this.#object(depth);
    if (next === '[') return this.#array(depth);
    if (next === '"') return this.#string();
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    const number = this.#match(NUMBER);
    if (number === undefined) this.#fail(`expected a value, found ${this.#here()}`);
    return Number(number);
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) this.#fail(`expected the end, found ${this.#here()}`);
  }

  #object(depth: number): JsonValue {
    const members = new Map<string, JsonValue>();
    this.#at += 1;
    if (this.#taken('}')) return {};
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') {
        this.#fail(`expected the name of a member, found ${this.#here()}`);
      }
      const at = this.#at;
      const name = this.#string();
      if (members.has(name)) this.#fail(`the member "${name}" is there twice`, at);
      this.#expect(':');
      members.set(name, this.value(depth + 1));
    } while (this.#taken(','));
    this.#expect('}', ', or }');
    return Object.fromEntries(members);
  }

  #array(depth: number): JsonValue {
    const items: JsonValue[] = [];
    this.#at += 1;
    if (this.#taken(']')) return items;
    do items.push(this.value(depth + 1));
    while (this.#taken(','));
    this.#expect(']', ', or ]');
    return items;
  }

  #string(): string {
    const literal = this.#match(STRING);
    if (literal === undefined) this.#fail('the string does not end, or holds what must be escaped');
    return JSON.parse(literal) as string;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #taken(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string, said = character): void {
    if (!this.#taken(character)) this.#fail(`expected ${said}, found ${this.#here()}`);
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at += 1;
  }

  #here(): string {
    const character = this.#text[this.#at];
    return character === undefined ? 'the end' : JSON.stringify(character);
  }

  #fail(why: string, at = this.#at): never {
    const lines = this.#text.slice(0, at).split('\n');
    throw new JsonError(`line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}: ${why}`);
  }
}
