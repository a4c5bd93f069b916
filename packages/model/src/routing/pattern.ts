// The wildcard patterns of listener rules: `*` is any run of characters, the empty one included, `?` is exactly one, and a
// pattern matches the whole text. Patterns come from users and texts from anybody, so matching never backtracks: a star is
// settled by the leftmost place where what follows it fits. Source: ALB reference, sections 2.1 and 2.2.

/** Stands for `?` inside a segment; no text of a request can hold this noncharacter. */
const ANY_ONE = '\uffff';
const ANY_ONE_CODE = 0xffff;

export interface Pattern {
  /** As the user wrote it. */
  readonly text: string;
  /** Upper and lower case are the same. */
  readonly fold: boolean;
  /** What lies between the stars; one more than there are stars. */
  readonly segments: readonly string[];
  readonly minimumLength: number;
}

export interface PatternOptions {
  readonly fold: boolean;
  /** `\*`, `\?` and `\\` stand for the character itself. */
  readonly escapes?: boolean;
}

/** Pure and total: every text is a pattern. */
export function compilePattern(text: string, options: PatternOptions): Pattern {
  const source = options.fold ? text.toLowerCase() : text;
  const segments: string[] = [];
  let segment = '';
  for (let i = 0; i < source.length; i += 1) {
    const character = source.charAt(i);
    const next = source.charAt(i + 1);
    if (options.escapes === true && character === '\\' && /[*?\\]/.test(next)) {
      segment += next;
      i += 1;
    } else if (character === '*') {
      segments.push(segment);
      segment = '';
    } else segment += character === '?' ? ANY_ONE : character;
  }
  segments.push(segment);
  const minimumLength = segments.reduce((sum, part) => sum + part.length, 0);
  return { text, fold: options.fold, segments, minimumLength };
}

/** True when the pattern matches all of `text`. Pure; linear in the text for a pattern of given length. */
export function matchesPattern(pattern: Pattern, text: string): boolean {
  const { segments } = pattern;
  const value = pattern.fold ? text.toLowerCase() : text;
  if (value.length < pattern.minimumLength) return false;
  const first = segments[0] ?? '';
  if (segments.length === 1) return value.length === first.length && fitsAt(first, value, 0);
  const last = segments[segments.length - 1] ?? '';
  const end = value.length - last.length;
  if (!fitsAt(first, value, 0) || !fitsAt(last, value, end)) return false;
  let from = first.length;
  for (let i = 1; i < segments.length - 1; i += 1) {
    const segment = segments[i] ?? '';
    const at = find(segment, value, from, end);
    if (at < 0) return false;
    from = at + segment.length;
  }
  return true;
}

/** What every text that the pattern matches begins with. Pure. */
export function literalPrefix(pattern: Pattern): string {
  const first = pattern.segments[0] ?? '';
  const wildcard = first.indexOf(ANY_ONE);
  return wildcard < 0 ? first : first.slice(0, wildcard);
}

/** What every text that the pattern matches ends with. Pure. */
export function literalSuffix(pattern: Pattern): string {
  const last = pattern.segments.at(-1) ?? '';
  return last.slice(last.lastIndexOf(ANY_ONE) + 1);
}

/** The one text that the pattern matches; undefined when there may be several. Pure. */
export function onlyText(pattern: Pattern): string | undefined {
  const [only = '', ...more] = pattern.segments;
  return more.length === 0 && !only.includes(ANY_ONE) ? only : undefined;
}

function fitsAt(segment: string, value: string, at: number): boolean {
  for (let i = 0; i < segment.length; i += 1) {
    const wanted = segment.charCodeAt(i);
    if (wanted !== ANY_ONE_CODE && wanted !== value.charCodeAt(at + i)) return false;
  }
  return true;
}

/** The leftmost place in [from, end - length] where the segment fits, or -1. */
function find(segment: string, value: string, from: number, end: number): number {
  const last = end - segment.length;
  if (!segment.includes(ANY_ONE)) {
    const at = value.indexOf(segment, from);
    return at <= last ? at : -1;
  }
  for (let at = from; at <= last; at += 1) if (fitsAt(segment, value, at)) return at;
  return -1;
}

/**
 * True only when every text that `inner` matches is matched by `outer` too. It may miss a cover that needs a proof
 * by cases, but never claims one that is none. Pure.
 */
export function coversPattern(outer: Pattern, inner: Pattern): boolean {
  if (outer.fold !== inner.fold) return false;
  const cover = tokens(outer);
  const covered = tokens(inner);
  // reachable[j]: the tokens of `outer` so far can stand for the first j tokens of `inner`.
  let reachable = covered.map(() => false).concat(false);
  reachable[0] = true;
  for (const token of cover) {
    const next = reachable.map(() => false);
    for (let j = 0; j <= covered.length; j += 1) {
      if (token === '*') next[j] = reachable[j] === true || (j > 0 && next[j - 1] === true);
      else if (j > 0 && reachable[j - 1] === true) {
        const other = covered[j - 1];
        next[j] = other === token || (token === ANY_ONE && other !== '*');
      }
    }
    reachable = next;
  }
  return reachable[covered.length] === true;
}

/** The wildcards, and the literal characters marked so that none of them looks like a wildcard. */
function tokens(pattern: Pattern): string[] {
  return pattern.segments.flatMap((segment, index) => [
    ...(index > 0 ? ['*'] : []),
    ...Array.from(segment, (character) =>
      character === ANY_ONE ? ANY_ONE : `literal ${character}`,
    ),
  ]);
}
