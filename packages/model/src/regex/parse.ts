// Reads the safe subset of Java's regular expressions: literals, `.`, classes, the escapes \d \w \s \D \W \S
// \t \n \r \f and of punctuation, groups, alternation, ^ and $, and the quantifiers * + ? {m} {m,} {m,n}.
// What can't be matched in linear time, or means different things in different engines, is refused by name.
import { anyChar, charSet, classes, complement, folded, single } from './syntax.ts';
import type { CharSet, Node } from './syntax.ts';

/** How often `{m,n}` may repeat, how deep groups may nest, and how long a pattern may be. */
export const MAX_REPEAT = 1000;
export const MAX_DEPTH = 50;
export const MAX_PATTERN = 2000;

/** @param fold upper and lower case of ASCII letters are the same. @throws PatternError */
export function parsePattern(pattern: string, fold = false): Node {
  if (pattern.length > MAX_PATTERN) {
    throw new PatternError(
      1,
      `the pattern has ${pattern.length} characters, at most ${MAX_PATTERN} are allowed`,
    );
  }
  const reader = new Reader(pattern, fold);
  const node = choice(reader, 0);
  if (!reader.done) reader.fail('")" closes no group');
  return node;
}

/** `column` counts characters from 1. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
  readonly column: number;
  constructor(column: number, message: string) {
    super(message);
    this.column = column;
  }
}

class Reader {
  readonly #points: readonly string[];
  readonly fold: boolean;
  #at = 0;
  #captures = 0;
  constructor(pattern: string, fold: boolean) {
    this.#points = Array.from(pattern);
    this.fold = fold;
  }
  nextCapture(): number {
    this.#captures += 1;
    return this.#captures;
  }
  get done(): boolean {
    return this.#at >= this.#points.length;
  }
  get at(): number {
    return this.#at;
  }
  peek(ahead = 0): string | undefined {
    return this.#points[this.#at + ahead];
  }
  next(): string | undefined {
    return this.#points[this.#at++];
  }
  /** Consumes `text` if it comes next. */
  take(text: string): boolean {
    const points = Array.from(text);
    if (!points.every((point, index) => this.peek(index) === point)) return false;
    this.#at += points.length;
    return true;
  }
  fail(message: string, at = this.#at): never {
    throw new PatternError(at + 1, message);
  }
}

function choice(reader: Reader, depth: number): Node {
  if (depth > MAX_DEPTH) reader.fail(`groups nest deeper than ${MAX_DEPTH}`);
  const options = [sequence(reader, depth)];
  while (reader.take('|')) options.push(sequence(reader, depth));
  return options.length === 1 ? (options[0] as Node) : { kind: 'choice', options };
}

function sequence(reader: Reader, depth: number): Node {
  const items: Node[] = [];
  while (!reader.done && reader.peek() !== '|' && reader.peek() !== ')') {
    items.push(quantified(reader, depth));
  }
  return items.length === 1 ? (items[0] as Node) : { kind: 'sequence', items };
}

function quantified(reader: Reader, depth: number): Node {
  const item = atom(reader, depth);
  const start = reader.at;
  const bounds = quantifier(reader);
  if (!bounds) return item;
  if (item.kind === 'start' || item.kind === 'end') {
    reader.fail("an anchor can't be repeated", start);
  }
  if (reader.peek() === '+') reader.fail('possessive quantifiers are not supported');
  const lazy = reader.take('?');
  const again = reader.at;
  if (quantifier(reader)) reader.fail('a quantifier follows a quantifier', again);
  return { kind: 'repeat', item, ...bounds, lazy };
}

function quantifier(reader: Reader): { min: number; max: number } | undefined {
  if (reader.take('*')) return { min: 0, max: Infinity };
  if (reader.take('+')) return { min: 1, max: Infinity };
  if (reader.take('?')) return { min: 0, max: 1 };
  const start = reader.at;
  if (!reader.take('{')) return undefined;
  const min = number(reader, start);
  let max = min;
  if (reader.take(',')) max = reader.peek() === '}' ? Infinity : number(reader, start);
  if (!reader.take('}'))
    reader.fail('expected {m}, {m,} or {m,n}; write \\{ for the character', start);
  if (max < min) reader.fail(`{${min},${max}} repeats at most less often than at least`, start);
  return { min, max };
}

function number(reader: Reader, start: number): number {
  let digits = '';
  while (/^[0-9]$/.test(reader.peek() ?? '')) digits += reader.next() ?? '';
  if (digits === '') reader.fail('expected {m}, {m,} or {m,n}; write \\{ for the character', start);
  if (Number(digits) > MAX_REPEAT) reader.fail(`a repetition of more than ${MAX_REPEAT}`, start);
  return Number(digits);
}

function atom(reader: Reader, depth: number): Node {
  const start = reader.at;
  const char = reader.next() as string;
  switch (char) {
    case '(':
      return group(reader, depth, start);
    case '[':
      return { kind: 'set', set: bracket(reader, start) };
    case '.':
      return { kind: 'set', set: anyChar };
    case '^':
      return { kind: 'start' };
    case '$':
      return { kind: 'end' };
    case '\\':
      return { kind: 'set', set: cased(reader, escape(reader, start)) };
    case '*':
    case '+':
    case '?':
    case '{':
      return reader.fail(`nothing before "${char}" to repeat`, start);
    default:
      return { kind: 'set', set: cased(reader, single(pointOf(char))) };
  }
}

const groupKinds: readonly (readonly [start: string, name: string])[] = [
  ['?=', 'look-ahead "(?="'],
  ['?!', 'negative look-ahead "(?!"'],
  ['?<=', 'look-behind "(?<="'],
  ['?<!', 'negative look-behind "(?<!"'],
  ['?>', 'the atomic group "(?>"'],
  ['?<', 'the named group "(?<"'],
  ['?', 'inline flags "(?"'],
];

function group(reader: Reader, depth: number, start: number): Node {
  const capturing = !reader.take('?:');
  if (capturing) {
    for (const [opening, name] of groupKinds) {
      if (reader.take(opening)) reader.fail(`${name} is not supported`, start);
    }
  }
  const number = capturing ? reader.nextCapture() : 0;
  const inner = choice(reader, depth + 1);
  if (!reader.take(')')) reader.fail('"(" is not closed', start);
  return capturing ? { kind: 'capture', number, item: inner } : inner;
}

/** Before a class is negated: `[^a]` without regard to case has no `A` either. */
function cased(reader: Reader, set: CharSet): CharSet {
  return reader.fold ? folded(set) : set;
}

const controls: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, f: 12 };

function escape(reader: Reader, start: number): CharSet {
  const char = reader.next();
  if (char === undefined) reader.fail('"\\" escapes nothing', start);
  const set = Object.hasOwn(classes, char) ? classes[char] : undefined;
  if (set) return set;
  const control = Object.hasOwn(controls, char) ? controls[char] : undefined;
  if (control !== undefined) return single(control);
  if (/^[1-9]$/.test(char)) reader.fail(`the back-reference "\\${char}" is not supported`, start);
  if (char === 'k') reader.fail('the named back-reference "\\k" is not supported', start);
  if (char === 'b' || char === 'B')
    reader.fail(`the word boundary "\\${char}" is not supported`, start);
  if (/^[A-Za-z0-9]$/.test(char)) reader.fail(`the escape "\\${char}" is not supported`, start);
  return single(pointOf(char));
}

function bracket(reader: Reader, start: number): CharSet {
  const negated = reader.take('^');
  const ranges: (readonly [number, number])[] = [];
  for (let first = true; ; first = false) {
    if (reader.done) reader.fail('"[" is not closed', start);
    if (reader.peek() === ']' && first) reader.fail('an empty class; write \\] for the character');
    if (reader.take(']')) break;
    ranges.push(...member(reader));
  }
  const set = cased(reader, charSet(...ranges));
  return negated ? complement(set) : set;
}

/** One character, escape or range of a class. */
function member(reader: Reader): CharSet {
  const start = reader.at;
  const low = bracketItem(reader);
  if (reader.peek() !== '-' || reader.peek(1) === ']') return low;
  reader.next();
  const high = bracketItem(reader);
  const [first] = low[0] as readonly [number, number];
  const [last] = high[0] as readonly [number, number];
  if (!isSingle(low) || !isSingle(high))
    reader.fail('a range needs a character at each end', start);
  if (first > last) reader.fail('a range that runs backwards', start);
  return [[first, last]];
}

function isSingle(set: CharSet): boolean {
  return set.length === 1 && set[0]?.[0] === set[0]?.[1];
}

function bracketItem(reader: Reader): CharSet {
  const start = reader.at;
  const char = reader.next();
  if (char === undefined) reader.fail('"[" is not closed', start);
  if (char === '\\') return escape(reader, start);
  if (char === '[')
    reader.fail('a class in a class is not supported; write \\[ for the character', start);
  if (char === '&' && reader.peek() === '&') {
    reader.fail('the intersection "&&" is not supported; write \\& for the character', start);
  }
  return single(pointOf(char));
}

function pointOf(char: string): number {
  return char.codePointAt(0) as number;
}
