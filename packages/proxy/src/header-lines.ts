// Header fields as one text: each `Name: value\r\n`, in latin-1, already checked.

/** Names and values in turn. */
export function headerPairs(lines: string): string[] {
  const pairs: string[] = [];
  for (let start = 0; start < lines.length;) {
    const colon = lines.indexOf(':', start);
    const end = lines.indexOf('\r\n', colon);
    if (colon < 0 || end < 0) break;
    pairs.push(lines.slice(start, colon), lines.slice(colon + 2, end));
    start = end + 2;
  }
  return pairs;
}

/** Names and values in turn, as one text. They must have been checked. */
export function headerLines(pairs: readonly string[]): string {
  let lines = '';
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    lines += `${pairs[i] as string}: ${pairs[i + 1] as string}\r\n`;
  }
  return lines;
}

/** The fields without those of these names, which are in lower case. */
export function withoutHeaders(lines: string, names: ReadonlySet<string>): string {
  let left = '';
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf('\r\n', start) + 2;
    const name = lines.slice(start, lines.indexOf(':', start)).toLowerCase();
    if (!names.has(name)) left += lines.slice(start, end);
    start = end;
  }
  return left;
}

/** The elements of a list, without the blanks around them; other white space is part of an element. Source: RFC 9110, section 5.6.1. */
export function listOf(value: string): string[] {
  return value.split(',').map((element) => element.replace(/^[\t ]+|[\t ]+$/g, ''));
}
