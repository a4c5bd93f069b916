// An application's own cookie in the answer of a target. Source: RFC 6265, section 5.2.
import { headerPairs } from '../header-lines.ts';

export interface AppCookie {
  /** Wall time in milliseconds; undefined: for as long as the browser is open. */
  readonly until: number | undefined;
}

/** @param lines the fields of an answer. @returns the cookie of this name, if it is set */
export function appCookieIn(lines: string, name: string, now: number): AppCookie | undefined {
  // Most answers set no cookie at all.
  if (!lines.includes(`${name}=`)) return undefined;
  const pairs = headerPairs(lines);
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    if (pairs[i]?.toLowerCase() !== 'set-cookie') continue;
    const [first = '', ...attributes] = (pairs[i + 1] ?? '').split(';');
    if (first.slice(0, first.indexOf('=')).trim() === name)
      return { until: untilOf(attributes, now) };
  }
  return undefined;
}

/** Max-Age comes before Expires. */
function untilOf(attributes: readonly string[], now: number): number | undefined {
  let until: number | undefined;
  for (const attribute of attributes) {
    const equals = attribute.indexOf('=');
    const name = attribute.slice(0, equals).trim().toLowerCase();
    const value = attribute.slice(equals + 1).trim();
    if (name === 'max-age' && /^-?\d{1,10}$/.test(value)) return now + 1000 * Number(value);
    if (name === 'expires') {
      const date = Date.parse(value);
      if (!Number.isNaN(date)) until = date;
    }
  }
  return until;
}
