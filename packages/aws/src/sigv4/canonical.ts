// The text that a signature covers. Pure. Source: ECS reference, section 1.3; AWS Signature Version 4, "create a
// canonical request". Texts hold a request's bytes as latin1, as Node's parser gives them.

const UNRESERVED = /[A-Za-z0-9\-._~]/;

/** @param path as it stood in the request line: what is encoded there is encoded once more */
export function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  const tail = segments.length > 0 && /\/\.{0,2}$/.test(path) ? '/' : '';
  return `/${segments.map(encoded).join('/')}${tail}`;
}

/** @param query as it stood after the question mark */
export function canonicalQuery(query: string): string {
  if (query === '') return '';
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair): readonly [string, string] => {
      const equals = pair.indexOf('=');
      const [name, value] =
        equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return [encoded(decoded(name)), encoded(decoded(value))];
    })
    .sort(([a, b], [c, d]) => compare(a, c) || compare(b, d))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

export function canonicalHeaderValue(value: string): string {
  return value.replace(/^[ \t]+|[ \t]+$/g, '').replace(/ +/g, ' ');
}

function encoded(text: string): string {
  let out = '';
  for (const character of text) {
    out += UNRESERVED.test(character)
      ? character
      : `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

function decoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
