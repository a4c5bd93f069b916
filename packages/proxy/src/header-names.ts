// What each header name means to the proxy, in both directions. Names repeat endlessly, so that their classes are
// remembered by the name as it was sent; the memory is bounded, in number and in length.
import { NameFilter } from './http1/header-cursor.ts';

export type RequestHeaderClass =
  | 'forward'
  | 'host'
  | 'content-length'
  | 'transfer-encoding'
  | 'connection'
  | 'upgrade'
  | 'expect'
  | 'te'
  | 'x-forwarded-for'
  | 'x-amzn-trace-id'
  /** Hop-by-hop, set by the proxy itself, or a way to pretend to be such. */
  | 'drop'
  /** Some servers would take it for the header that frames the body. */
  | 'suspicious';

export type ResponseHeaderClass =
  | 'forward'
  | 'content-length'
  | 'transfer-encoding'
  | 'connection'
  | 'keep-alive'
  | 'upgrade'
  | 'date'
  | 'drop';

const REQUEST: Readonly<Record<string, RequestHeaderClass>> = {
  host: 'host',
  'content-length': 'content-length',
  'transfer-encoding': 'transfer-encoding',
  connection: 'connection',
  upgrade: 'upgrade',
  'x-forwarded-for': 'x-forwarded-for',
  'x-amzn-trace-id': 'x-amzn-trace-id',
  'keep-alive': 'drop',
  'proxy-connection': 'drop',
  'proxy-authorization': 'drop',
  te: 'te',
  trailer: 'drop',
  expect: 'expect',
  'http2-settings': 'drop',
  'x-forwarded-proto': 'drop',
  'x-forwarded-port': 'drop',
  'x-forwarded-host': 'drop',
};

const RESPONSE: Readonly<Record<string, ResponseHeaderClass>> = {
  'content-length': 'content-length',
  'transfer-encoding': 'transfer-encoding',
  connection: 'connection',
  'keep-alive': 'keep-alive',
  upgrade: 'upgrade',
  date: 'date',
  'proxy-connection': 'drop',
  'proxy-authenticate': 'drop',
  te: 'drop',
  trailer: 'drop',
};

/** Identity that only a load balancer may state. */
const IDENTITY = /^x-amzn-(?:oidc|mtls|tls)-/;
/** Names that a client can't have removed by naming them in `Connection`. */
const PROTECTED =
  /^(?:host|content-length|content-type|authorization|cookie|x-forwarded-.*|x-amzn-.*)$/;
const REMEMBERED = 4096;
const REMEMBERED_LENGTH = 64;

const requestClasses = new Map<string, RequestHeaderClass>();
const responseClasses = new Map<string, ResponseHeaderClass>();

/** Names with a meaning only in a WebSocket handshake; they are forwarded. */
const HANDSHAKE = ['sec-websocket-key', 'sec-websocket-version'];
/** What the two names that frame a body are without their punctuation. */
const FRAMING: ReadonlySet<string> = new Set(['contentlength', 'transferencoding']);
/** Of the length of any name that is one of the two but for its hyphens. */
const FRAMING_LIKE = [...FRAMING].flatMap((name) =>
  Array.from({ length: 32 - name.length }, (_, more) => name + '-'.repeat(more)),
);
const requestFilter = new NameFilter([...Object.keys(REQUEST), ...HANDSHAKE, ...FRAMING_LIKE]);
const responseFilter = new NameFilter(Object.keys(RESPONSE));
const X = 0x78;
const HYPHEN = 0x2d;

/**
 * False: the header is forwarded and means nothing else.
 * @param first the code of the name's first character
 * @param plain nothing but letters, digits and hyphens
 */
export function isSpecialRequestHeader(first: number, length: number, plain: boolean): boolean {
  if (!plain || first === HYPHEN || (first | 0x20) === X) return true;
  return requestFilter.mayHold(first, length);
}

/** As `isSpecialRequestHeader`. */
export function isSpecialResponseHeader(first: number, length: number): boolean {
  return responseFilter.mayHold(first, length);
}

/** @param name as sent; already known to be a token */
export function classifyRequestHeader(name: string): RequestHeaderClass {
  return requestClasses.get(name) ?? remember(requestClasses, name, requestClass(name));
}

/** @param name as sent by the target; already known to be a token */
export function classifyResponseHeader(name: string): ResponseHeaderClass {
  return responseClasses.get(name) ?? remember(responseClasses, name, responseClass(name));
}

export function isProtected(lowerCaseName: string): boolean {
  return PROTECTED.test(lowerCaseName);
}

/**
 * A client may say it behind the body of its request, where nobody looks for what frames a request, leads it on or says whom it is from.
 * Source: RFC 9110, section 6.5.1.
 */
export function mayTrail(lowerCaseName: string): boolean {
  return classifyRequestHeader(lowerCaseName) === 'forward' && !isProtected(lowerCaseName);
}

/** What servers make of a name that see all its punctuation as one: CGI, WSGI and their like. */
export function aliasOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

function remember<T>(classes: Map<string, T>, name: string, found: T): T {
  if (name.length > REMEMBERED_LENGTH) return found;
  if (classes.size >= REMEMBERED) classes.clear();
  classes.set(name, found);
  return found;
}

function requestClass(name: string): RequestHeaderClass {
  const lower = name.toLowerCase();
  const known = Object.hasOwn(REQUEST, lower) ? REQUEST[lower] : undefined;
  if (known !== undefined) return known;
  if (IDENTITY.test(lower)) return 'drop';
  if (FRAMING.has(lower.replace(/[^a-z0-9]/g, ''))) return 'suspicious';
  // Some servers see `Content_Type` and `Content-Type` as one name.
  const alias = aliasOf(lower);
  if (alias === lower) return 'forward';
  const pretends = Object.hasOwn(REQUEST, alias) || IDENTITY.test(alias) || isProtected(alias);
  return pretends ? 'drop' : 'forward';
}

function responseClass(name: string): ResponseHeaderClass {
  const lower = name.toLowerCase();
  return (Object.hasOwn(RESPONSE, lower) ? RESPONSE[lower] : undefined) ?? 'forward';
}
