// The matcher of a health check: which HTTP codes count as healthy. Source: ALB reference, section 3.3.

/** Both ends included. */
export interface CodeRange {
  readonly first: number;
  readonly last: number;
}

/** `200`, `200,202`, `200-299`. @returns undefined for a text that is none of them. Pure. */
export function parseMatcher(text: string): readonly CodeRange[] | undefined {
  const ranges: CodeRange[] = [];
  for (const part of text.split(',')) {
    const found = /^([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?$/.exec(part.trim());
    if (found === null) return undefined;
    const first = Number(found[1]);
    const last = Number(found[2] ?? found[1]);
    if (last < first) return undefined;
    ranges.push({ first, last });
  }
  return ranges;
}

/** Pure. */
export function matcherAccepts(ranges: readonly CodeRange[], code: number): boolean {
  return ranges.some((range) => code >= range.first && code <= range.last);
}
