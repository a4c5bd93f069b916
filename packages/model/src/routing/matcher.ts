// The matcher of a health check: which HTTP or gRPC codes count as healthy. Source: ALB reference, section 3.3.

/** Both ends included. */
export interface CodeRange {
  readonly first: number;
  readonly last: number;
}

const HTTP = /^([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?$/;
const GRPC = /^([0-9]{1,2})(?:-([0-9]{1,2}))?$/;

/** `200`, `200,202`, `200-299`; of gRPC `12`, `0-99`. @returns undefined for a text that is none of them. Pure. */
export function parseMatcher(
  text: string,
  codes: 'http' | 'grpc' = 'http',
): readonly CodeRange[] | undefined {
  const form = codes === 'http' ? HTTP : GRPC;
  const ranges: CodeRange[] = [];
  for (const part of text.split(',')) {
    const found = form.exec(part.trim());
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
