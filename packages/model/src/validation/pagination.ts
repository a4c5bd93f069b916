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
  /** Default 100. */
  readonly mostResults?: number;
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
  const { size, sign, question, after } = readRequest(request);
  const page: Keyed<T>[] = [];
  for (const item of items) {
    const key = keyOf(item);
    if (after !== undefined && compare(key, after) * sign <= 0) continue;
    const last = page.length > size ? page.at(-1) : undefined;
    if (last && compare(key, last.key) * sign > 0) continue;
    insert(page, { item, key }, sign);
    if (page.length > size + 1) page.pop(); // one more than the page, to know that there is a next
  }
  return cut(page, size, question);
}

/**
 * One page of items that come in the order of their keys from any key on: only those of the page are looked at, and
 * those that `matches` passes over.
 * @param after the items behind a key, or all
 * @throws BerthError as `pageOf` does
 */
export function pageOfOrdered<T>(
  from: (after: string | undefined) => Iterable<T>,
  keyOf: (item: T) => string,
  matches: (item: T) => boolean,
  request: Omit<PageRequest, 'descending'>,
): Page<T> {
  const { size, question, after } = readRequest(request);
  const page: Keyed<T>[] = [];
  for (const item of from(after)) {
    if (!matches(item)) continue;
    page.push({ item, key: keyOf(item) });
    if (page.length > size) break;
  }
  return cut(page, size, question);
}

interface Keyed<T> {
  readonly item: T;
  readonly key: string;
}

function readRequest(request: PageRequest): {
  readonly size: number;
  readonly sign: 1 | -1;
  readonly question: string;
  readonly after: string | undefined;
} {
  const check = new Checker('InvalidParameterException');
  const most = request.mostResults ?? MOST_RESULTS;
  check.integer('maxResults', request.maxResults, { least: 1, most });
  const sign = request.descending === true ? -1 : 1;
  const question = fingerprint(JSON.stringify([sign, ...request.question]));
  return {
    size: request.maxResults ?? request.defaultResults,
    sign,
    question,
    after: readToken(check, request.nextToken, question),
  };
}

function insert<T>(page: Keyed<T>[], item: Keyed<T>, sign: 1 | -1): void {
  let low = 0;
  let high = page.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare((page[middle] as Keyed<T>).key, item.key) * sign < 0) low = middle + 1;
    else high = middle;
  }
  page.splice(low, 0, item);
}

function cut<T>(found: readonly Keyed<T>[], size: number, question: string): Page<T> {
  const page = found.slice(0, size);
  const last = page.at(-1);
  return {
    items: page.map(({ item }) => item),
    nextToken: last && found.length > size ? writeToken(question, last.key) : undefined,
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
