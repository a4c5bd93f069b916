// Lists in pages. A token says after which item the next page begins and for which question it was given, so
// that it can't be used with another. An item that is there all the time is on exactly one page, whatever comes and goes
// between them. Pure. Source: ECS reference, section 1.5.
import { fingerprint } from '../resources/ids.ts';
import { Checker } from './check.ts';

export interface PageRequest {
  /** What makes this list: the operation and all its filters. */
  readonly question: readonly (string | undefined)[];
  readonly nextToken: string | undefined;
  readonly maxResults: number | undefined;
  readonly defaultResults: number;
  readonly descending?: boolean;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextToken: string | undefined;
}

const MOST_RESULTS = 100;
const VERSION = '1';

/**
 * One page of the items, ordered by key.
 * @param keyOf a text without control characters, different for each item; texts compare by code units
 * @throws BerthError InvalidParameterException for a page size out of range or a token that was not given for this question
 */
export function pageOf<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  request: PageRequest,
): Page<T> {
  const check = new Checker('InvalidParameterException');
  check.integer('maxResults', request.maxResults, { least: 1, most: MOST_RESULTS });
  const size = request.maxResults ?? request.defaultResults;
  const sign = request.descending === true ? -1 : 1;
  const question = fingerprint(JSON.stringify([sign, ...request.question]));
  const after = readToken(check, request.nextToken, question);
  const sorted = Array.from(items, (item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => after === undefined || compare(key, after) * sign > 0)
    .sort((a, b) => compare(a.key, b.key) * sign);
  const page = sorted.slice(0, size);
  const last = page.at(-1);
  return {
    items: page.map(({ item }) => item),
    nextToken: last && sorted.length > size ? writeToken(question, last.key) : undefined,
  };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function writeToken(question: string, key: string): string {
  const body = VERSION + question + key;
  return toHex(fingerprint(body) + body);
}

/** The key after which the page begins; undefined for the first page. */
function readToken(
  check: Checker,
  token: string | undefined,
  question: string,
): string | undefined {
  if (token === undefined || token === '') return undefined;
  const text = fromHex(token);
  const body = text?.slice(16);
  const genuine =
    body !== undefined && text === fingerprint(body) + body && body.startsWith(VERSION);
  if (!genuine)
    check.refuse('Invalid nextToken: it was not given by this API; begin again without one.');
  if (body.slice(1, 17) !== question) {
    check.refuse('Invalid nextToken: it was given for other arguments; begin again without one.');
  }
  return body.slice(17);
}

function toHex(text: string): string {
  let hex = '';
  for (let index = 0; index < text.length; index += 1) {
    hex += text.charCodeAt(index).toString(16).padStart(4, '0');
  }
  return hex;
}

function fromHex(hex: string): string | undefined {
  if (!/^([0-9a-f]{4})+$/.test(hex)) return undefined;
  let text = '';
  for (let index = 0; index < hex.length; index += 4) {
    text += String.fromCharCode(Number.parseInt(hex.slice(index, index + 4), 16));
  }
  return text;
}
