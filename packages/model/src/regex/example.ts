// A text that a pattern stands for, to show people or to propose to them.
import { PatternError, parsePattern } from './parse.ts';
import { parseRegex } from './regex.ts';
import type { CharSet, Node } from './syntax.ts';

/** A short text that the whole pattern matches; undefined where none was found, or the pattern can't be read. Pure. */
export function exampleOf(pattern: string): string | undefined {
  const result = parseRegex(pattern);
  if (!result.ok) return undefined;
  try {
    const text = shortest(parsePattern(pattern));
    return result.regex.matches(text) ? text : undefined;
  } catch (error) {
    if (error instanceof PatternError) return undefined;
    throw error;
  }
}

/** Anchors stand for nothing; where that is wrong, the text does not match and is not used. */
function shortest(node: Node): string {
  switch (node.kind) {
    case 'set':
      return plainest(node.set);
    case 'sequence':
      return node.items.map(shortest).join('');
    case 'choice':
      return node.options
        .map(shortest)
        .reduce((best, text) => (text.length < best.length ? text : best));
    case 'repeat':
      return shortest(node.item).repeat(node.min);
    case 'capture':
      return shortest(node.item);
    case 'start':
    case 'end':
      return '';
  }
}

const PLAIN: CharSet = [
  [0x61, 0x7a],
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x20, 0x7e],
];

/** A small letter if it may be one, else a digit, a capital, another sign of ASCII, or the first there is. */
function plainest(set: CharSet): string {
  for (const [low, high] of PLAIN) {
    for (const [first, last] of set) {
      if (first <= high && last >= low) return String.fromCodePoint(Math.max(first, low));
    }
  }
  return String.fromCodePoint(set[0]?.[0] ?? 0);
}
