// The tree of a regular expression. Characters are Unicode code points; a set is a list of inclusive
// ranges, sorted and apart from each other.

export type CharSet = readonly (readonly [first: number, last: number])[];

export type Node =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  | {
      readonly kind: 'repeat';
      readonly item: Node;
      readonly min: number;
      readonly max: number;
      /** As few as possible rather than as many. */
      readonly lazy: boolean;
    }
  /** A group whose place in the text is of interest; numbered from 1 by their opening brackets. */
  | { readonly kind: 'capture'; readonly number: number; readonly item: Node }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' };

const LAST = 0x10ffff;

export function charSet(...ranges: readonly (readonly [number, number])[]): CharSet {
  const merged: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = merged.at(-1);
    if (previous && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

export function complement(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) rest.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST) rest.push([next, LAST]);
  return rest;
}

/** With both cases of each ASCII letter in it. */
export function folded(set: CharSet): CharSet {
  const other = (first: number, last: number, distance: number): [number, number][] =>
    set.flatMap(([from, to]) => {
      const low = Math.max(from, first);
      const high = Math.min(to, last);
      return low > high ? [] : [[low + distance, high + distance] as [number, number]];
    });
  return charSet(...set, ...other(code('a'), code('z'), -32), ...other(code('A'), code('Z'), 32));
}

export function contains(set: CharSet, point: number): boolean {
  let low = 0;
  let high = set.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const [first, last] = set[middle] as readonly [number, number];
    if (point < first) high = middle;
    else if (point > last) low = middle + 1;
    else return true;
  }
  return false;
}

const code = (text: string): number => text.codePointAt(0) as number;
const range = (first: string, last: string): readonly [number, number] => [code(first), code(last)];

const digit = charSet(range('0', '9'));
const word = charSet(range('a', 'z'), range('A', 'Z'), range('0', '9'), range('_', '_'));
const space = charSet([9, 13], range(' ', ' '));
const lineEnd = charSet([10, 10], [13, 13], [0x2028, 0x2029]);

/** `\d`, `\w`, `\s` and their opposites: ASCII only, as in Java. */
export const classes: Readonly<Record<string, CharSet>> = {
  d: digit,
  D: complement(digit),
  w: word,
  W: complement(word),
  s: space,
  S: complement(space),
};

/** What `.` stands for: everything but the end of a line. */
export const anyChar: CharSet = complement(lineEnd);

export function single(point: number): CharSet {
  return [[point, point]];
}
