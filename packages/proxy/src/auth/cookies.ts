// The cookies of a login: read from a request, split where they would be too long, and deleted. Source: RFC 6265; ALB reference, section 2.3.

/** What browsers are sure to keep, with room for the attributes. */
const SHARD = 3_800;
/** ALB refuses claims above 11 KB; sealed and encoded they need up to five. */
const MOST_SHARDS = 5;

/** Values of the first cookie of each name in all `Cookie` lines. */
export function readCookies(headers: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== 'cookie') continue;
    for (const pair of (headers[i + 1] ?? '').split(';')) {
      const equals = pair.indexOf('=');
      if (equals < 0) continue;
      const name = pair.slice(0, equals).trim();
      if (!found.has(name)) found.set(name, pair.slice(equals + 1).trim());
    }
  }
  return found;
}

/** The whole value of a cookie that was split into NAME-0, NAME-1 ... */
export function joinShards(cookies: ReadonlyMap<string, string>, name: string): string | undefined {
  let whole = cookies.get(`${name}-0`);
  if (whole === undefined) return undefined;
  for (let i = 1; i < MOST_SHARDS; i += 1) {
    const shard = cookies.get(`${name}-${i}`);
    if (shard === undefined || shard === '') break;
    whole += shard;
  }
  return whole;
}

/**
 * `Set-Cookie` values of a cookie that may need several; shards that an earlier, longer value has left are deleted.
 * @param maxAge seconds
 * @returns undefined when it is too long even so
 */
export function splitShards(
  name: string,
  value: string,
  maxAge: number,
  present: ReadonlyMap<string, string>,
): string[] | undefined {
  const count = Math.ceil(value.length / SHARD);
  if (count > MOST_SHARDS) return undefined;
  const lines: string[] = [];
  for (let i = 0; i < count; i += 1) {
    lines.push(setCookie(`${name}-${i}`, value.slice(i * SHARD, (i + 1) * SHARD), maxAge));
  }
  for (let i = count; i < MOST_SHARDS; i += 1) {
    if (present.has(`${name}-${i}`)) lines.push(setCookie(`${name}-${i}`, '', 0));
  }
  return lines;
}

/** Only for HTTPS, where the action is allowed; sent along when a provider sends the browser back. */
export function setCookie(name: string, value: string, maxAge: number): string {
  return `${name}=${value}; Max-Age=${maxAge}; Path=/; Secure; HttpOnly; SameSite=Lax`;
}
