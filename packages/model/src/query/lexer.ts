// Cuts a query into words, quoted strings and signs. Knows nothing of the grammar.

export interface Token {
  readonly kind: 'word' | 'string' | 'sign' | 'end';
  /** Of a string: what stands between the quotes. */
  readonly text: string;
  /** Where it starts, counted from 1. */
  readonly column: number;
}

/** Recognised by `parser.ts`, which turns it into a result. */
export class QuerySyntaxError extends Error {
  override readonly name = 'QuerySyntaxError';
  readonly column: number;
  readonly expected: string;
  readonly found: string;
  constructor(column: number, expected: string, found: string) {
    super(`column ${column}: expected ${expected}, found ${found}`);
    this.column = column;
    this.expected = expected;
    this.found = found;
  }
}

/** The characters of a word: everything that needs no quotes. */
const WORD = /[A-Za-z0-9._\-/:@*+?\\^$|]/;
const SIGNS = [
  '==',
  '=~',
  '!=',
  '!~',
  '>=',
  '<=',
  '&&',
  '||',
  '(',
  ')',
  '[',
  ']',
  ',',
  '!',
  '>',
  '<',
];

/** True when a value can stand without quotes. */
export function isWord(value: string): boolean {
  return (
    value !== '' && !value.includes('||') && Array.from(value).every((char) => WORD.test(char))
  );
}

/** @throws QuerySyntaxError for an unclosed string or a character that has no place in the language */
export function tokenize(query: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < query.length) {
    const char = query.charAt(at);
    if (/\s/.test(char)) {
      at += 1;
      continue;
    }
    const column = at + 1;
    const sign = SIGNS.find((candidate) => query.startsWith(candidate, at));
    if (sign !== undefined) {
      tokens.push({ kind: 'sign', text: sign, column });
      at += sign.length;
    } else if (char === "'" || char === '"') {
      const end = query.indexOf(char, at + 1);
      if (end === -1) throw new QuerySyntaxError(query.length + 1, `a closing ${char}`, 'the end');
      tokens.push({ kind: 'string', text: query.slice(at + 1, end), column });
      at = end + 1;
    } else if (WORD.test(char)) {
      const end = endOfWord(query, at);
      tokens.push({ kind: 'word', text: query.slice(at, end), column });
      at = end;
    } else {
      throw new QuerySyntaxError(
        column,
        'a word, a quoted value, a sign or a parenthesis',
        JSON.stringify(String.fromCodePoint(query.codePointAt(at) as number)),
      );
    }
  }
  tokens.push({ kind: 'end', text: '', column: query.length + 1 });
  return tokens;
}

/** `|` belongs to words, so that a|b is a pattern; `||` ends a word. */
function endOfWord(query: string, start: number): number {
  let end = start;
  while (end < query.length && WORD.test(query.charAt(end)) && !query.startsWith('||', end))
    end += 1;
  return end;
}
