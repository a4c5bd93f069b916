// Where a text stops being JSON, and what was expected there. `JSON.parse` says so only sometimes. Pure.

export interface SyntaxProblem {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly expected: string;
  /** What stands there instead; "the end of the text" at its end. */
  readonly found: string;
}

class Stop extends Error {
  readonly offset: number;
  readonly expected: string;

  constructor(offset: number, expected: string) {
    super(expected);
    this.offset = offset;
    this.expected = expected;
  }
}

const DEPTH_MAX = 200;
const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

/** @returns undefined for a text that is JSON */
export function syntaxProblem(text: string): SyntaxProblem | undefined {
  try {
    const end = skip(text, value(text, skip(text, 0), 0));
    if (end < text.length) throw new Stop(end, 'nothing after the value');
    return undefined;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    const before = text.slice(0, error.offset).split('\n');
    const word = /^\S{1,20}/.exec(text.slice(error.offset))?.[0];
    return {
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
      expected: error.expected,
      found: word === undefined ? 'the end of the text' : `"${word}"`,
    };
  }
}

function match(pattern: RegExp, text: string, offset: number): number | undefined {
  pattern.lastIndex = offset;
  const found = pattern.exec(text);
  return found ? offset + found[0].length : undefined;
}

function skip(text: string, offset: number): number {
  return match(SPACE, text, offset) ?? offset;
}

/** @returns the offset after the value */
function value(text: string, offset: number, depth: number): number {
  if (depth > DEPTH_MAX) throw new Stop(offset, `at most ${DEPTH_MAX} levels`);
  switch (text[offset]) {
    case '{':
      return members(text, offset, '}', (at) => {
        const colon = skip(text, string(text, at, 'a name in double quotes'));
        if (text[colon] !== ':') throw new Stop(colon, '":" after the name');
        return value(text, skip(text, colon + 1), depth + 1);
      });
    case '[':
      return members(text, offset, ']', (at) => value(text, at, depth + 1));
    case '"':
      return string(text, offset, 'a text');
    default: {
      const end = match(WORD, text, offset) ?? match(NUMBER, text, offset);
      if (end === undefined) throw new Stop(offset, 'a value');
      return end;
    }
  }
}

function string(text: string, offset: number, expected: string): number {
  const end = match(STRING, text, offset);
  if (end !== undefined) return end;
  throw new Stop(offset, text[offset] === '"' ? 'a text that ends with " on its line' : expected);
}

function members(
  text: string,
  offset: number,
  close: string,
  one: (offset: number) => number,
): number {
  let at = skip(text, offset + 1);
  if (text[at] === close) return at + 1;
  for (;;) {
    at = skip(text, one(at));
    if (text[at] === close) return at + 1;
    if (text[at] !== ',') throw new Stop(at, `"," or "${close}"`);
    at = skip(text, at + 1);
    if (text[at] === close) throw new Stop(at, 'another one after ","');
  }
}
