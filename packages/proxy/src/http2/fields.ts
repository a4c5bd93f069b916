// Header fields between the text that the proxy works with and the lists of HTTP/2. Names are lower case in HTTP/2; fields that belong to a
// connection of HTTP/1.1 have no place there. Source: RFC 9113, section 8.2.
import type { Http2Stream } from 'node:http2';

import { headerPairs } from '../header-lines.ts';

const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** What Node.js refuses to send beside them; `te` is sent on purpose only. */
const UNSENDABLE: ReadonlySet<string> = new Set([...CONNECTION_FIELDS, 'http2-settings', 'te']);

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const UNFIT_VALUE = /[\0-\x08\x0a-\x1f\x7f]|^[\t ]|[\t ]$/;

/** Names and values in turn, for a HEADERS frame. */
export function fieldsOf(lines: string): string[] {
  const pairs = headerPairs(lines);
  const fields: string[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const name = (pairs[i] as string).toLowerCase();
    if (!UNSENDABLE.has(name)) fields.push(name, pairs[i + 1] as string);
  }
  return fields;
}

/** What is wrong with a regular field as it was received, if anything. */
export function faultOf(name: string, value: string): string | undefined {
  if (!NAME.test(name)) return 'malformed name of a field';
  if (UNFIT_VALUE.test(value)) return 'malformed value of a field';
  if (CONNECTION_FIELDS.has(name)) return 'field of an HTTP/1.1 connection';
  return name === 'te' && value.toLowerCase() !== 'trailers' ? 'te other than trailers' : undefined;
}

/**
 * Trailers as lines.
 * @param passes by its name; what does not is left out
 * @returns undefined for malformed ones
 */
export function trailerLines(
  pairs: readonly string[],
  passes: (name: string) => boolean = () => true,
): string | undefined {
  let lines = '';
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const name = pairs[i] as string;
    const value = pairs[i + 1] as string;
    if (name.startsWith(':') || faultOf(name, value) !== undefined) return undefined;
    if (!FRAMING.test(name) && passes(name)) lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** Such trailers would be part of the framing or the routing, had they come as headers. Source: RFC 9110, section 6.5.1. */
const FRAMING = /^(?:content-length|host|te|trailer)$/;

/** For `Http2Stream.sendTrailers`. */
export function trailerObject(lines: string): Record<string, string | string[]> {
  const fields = fieldsOf(lines);
  // A trailer may be called `constructor`.
  const trailers = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const known = trailers[name];
    if (known === undefined) trailers[name] = value;
    else trailers[name] = [...(Array.isArray(known) ? known : [known]), value];
  }
  return trailers;
}

/**
 * Resets a stream in the middle of what it sends. Not by `close`: that ends it first, so that what was cut short looks complete.
 * It must have a listener for errors.
 */
export function breakOff(stream: Http2Stream): void {
  if (!stream.destroyed) stream.destroy(new Error('broken off'));
}
