// Reads the head of a request of HTTP/1.x, each byte of it, and refuses what is ambiguous. It reads nothing that llhttp's strict mode would read otherwise (see
// differential.test.ts). Source: RFC 9112; ALB reference, sections 4.2, 4.4 and 6.
import type { RequestView } from '@berth/model/routing/conditions.ts';

import { listOf } from '../header-lines.ts';
import { classifyRequestHeader, isSpecialRequestHeader } from '../header-names.ts';
import {
  type Refusal,
  type RequestHead,
  destinationOf,
  refuse,
  tooManyAddresses,
  withoutNamed,
} from '../request-head.ts';
import type { DesyncFinding } from '../request-summary.ts';
import { parseLength } from '../response-head.ts';
import { LIMITS } from '../settings.ts';

import { HeaderCursor, type HeaderFault, isToken } from './header-cursor.ts';
import { TextMemo } from './text-memo.ts';

const METHOD_LIMIT = 64;
const HTTP_11 = ' HTTP/1.1';
const HTTP_10 = ' HTTP/1.0';
const NON_ASCII: DesyncFinding = { classification: 'Acceptable', reason: 'NonCompliantHeader' };
const EMPTY_LENGTH: DesyncFinding = {
  classification: 'Acceptable',
  reason: 'GetHeadZeroContentLength',
};
const UNDEFINED_LENGTH: DesyncFinding = {
  classification: 'Ambiguous',
  reason: 'UndefinedContentLengthSemantics',
};
const UNDEFINED_CODING: DesyncFinding = {
  classification: 'Ambiguous',
  reason: 'UndefinedTransferEncodingSemantics',
};
const KNOWN_CODING = /^(?:chunked|compress|deflate|gzip|identity)(?:\s*;.*)?$/;

const cursor = new HeaderCursor();

/** A request of HTTP/1.x whose head is sound. */
export class Http1Head implements RequestHead, RequestView {
  readonly #fields: Fields;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly sourceAddress: string;
  readonly target: string;
  readonly authority: string | undefined;
  readonly bodyLength: number;
  readonly ambiguous: boolean;
  readonly lines: string;
  readonly forwardedFor: string | undefined;
  readonly trace: string | undefined;
  readonly trailers: boolean;
  readonly oddNames: boolean;
  readonly desync: DesyncFinding | undefined;
  readonly http10: boolean;
  /** The client's connection may carry another request. */
  readonly keepAlive: boolean;
  /** The client waits for a 100 before it sends the body. */
  readonly expectsContinue: boolean;
  /** A WebSocket handshake. */
  readonly upgrade: boolean;

  constructor(
    method: string,
    target: string,
    host: string,
    authority: string | undefined,
    source: string,
    fields: Fields,
  ) {
    const { http10 } = fields;
    this.#fields = fields;
    this.method = method;
    this.target = target;
    this.host = host;
    this.authority = authority;
    this.sourceAddress = source;
    const question = target.indexOf('?');
    this.path = question < 0 ? target : target.slice(0, question);
    this.query = question < 0 ? '' : target.slice(question + 1);
    this.http10 = http10;
    this.lines = fields.lines;
    const { chunked, length } = fields;
    this.bodyLength = chunked ? -1 : length < 0 ? 0 : length;
    const undefinedBody = method === 'GET' || method === 'HEAD';
    this.ambiguous = undefinedBody && this.bodyLength !== 0;
    this.desync = undefinedBody ? findingOf(chunked, length, fields.wide) : wideOf(fields.wide);
    this.forwardedFor = fields.forwardedFor;
    this.trace = fields.trace;
    this.trailers = fields.trailers;
    this.oddNames = fields.oddNames;
    this.keepAlive = http10 ? fields.keepAlive && !fields.close : !fields.close;
    this.expectsContinue = fields.expectsContinue && !http10 && this.bodyLength !== 0;
    this.upgrade =
      fields.webSocket === WHOLE_HANDSHAKE && method === 'GET' && !http10 && this.bodyLength === 0;
  }

  get view(): RequestView {
    return this;
  }

  get headers(): readonly string[] {
    return this.#fields.pairs;
  }
}

function findingOf(chunked: boolean, length: number, wide: boolean): DesyncFinding | undefined {
  if (chunked) return UNDEFINED_CODING;
  if (length > 0) return UNDEFINED_LENGTH;
  return wideOf(wide) ?? (length === 0 ? EMPTY_LENGTH : undefined);
}

function wideOf(wide: boolean): DesyncFinding | undefined {
  return wide ? NON_ASCII : undefined;
}

/** The parts of a handshake that must all be there. */
const ASKS = 1;
const HAS_KEY = 2;
const HAS_VERSION = 4;
const CONNECTION_SAYS = 8;
const WHOLE_HANDSHAKE = ASKS | HAS_KEY | HAS_VERSION | CONNECTION_SAYS;

/** What the fields say together. Not changed any more once they have been read. */
class Fields {
  readonly http10: boolean;
  readonly #text: string;
  #pairs: readonly string[] | undefined;
  /** Those that are forwarded, as they go out. */
  lines = '';
  host: string | undefined;
  length = -1;
  chunked = false;
  connection: string | undefined;
  forwardedFor: string | undefined;
  trace: string | undefined;
  trailers = false;
  oddNames = false;
  wide = false;
  keepAlive = false;
  close = false;
  expectsContinue = false;
  webSocket = 0;

  /** @param text the fields as they came */
  constructor(text: string, http10: boolean) {
    this.#text = text;
    this.http10 = http10;
  }

  /** Names and values in turn. */
  get pairs(): readonly string[] {
    return (this.#pairs ??= fieldPairs(this.#text));
  }

  /** @returns true when the line goes to the target as it is; false when it does not; or why the request is refused */
  take(name: string, value: string, plain: boolean): boolean | Refusal {
    switch (classifyRequestHeader(name)) {
      case 'forward':
        this.oddNames ||= !plain;
        this.#handshake(name, value);
        return true;
      case 'host':
        if (this.host !== undefined) return refuse(400, 'more than one Host');
        this.host = value;
        return false;
      case 'content-length':
        return this.#takeLength(value);
      case 'transfer-encoding':
        return this.#takeCoding(value);
      case 'connection':
        this.connection = this.connection === undefined ? value : `${this.connection},${value}`;
        return false;
      case 'expect':
        if (value.toLowerCase() !== '100-continue') return refuse(417, 'unknown expectation');
        this.expectsContinue = true;
        return false;
      case 'te':
        this.trailers ||= value.toLowerCase() === 'trailers';
        return false;
      case 'upgrade':
        if (value.toLowerCase() === 'websocket') this.webSocket |= ASKS;
        return false;
      case 'x-forwarded-for':
        this.forwardedFor =
          this.forwardedFor === undefined ? value : `${this.forwardedFor}, ${value}`;
        return false;
      case 'x-amzn-trace-id':
        this.trace = this.trace === undefined ? value : `${this.trace};${value}`;
        return false;
      case 'suspicious':
        return refuse(
          400,
          'header that others take for one that frames the body',
          'Ambiguous',
          'SuspiciousHeader',
        );
      case 'drop':
        return false;
    }
  }

  #handshake(name: string, value: string): void {
    const lower = name.toLowerCase();
    if (lower === 'sec-websocket-key') this.webSocket |= HAS_KEY;
    else if (lower === 'sec-websocket-version' && value === '13') this.webSocket |= HAS_VERSION;
  }

  #takeLength(value: string): false | Refusal {
    const length = cursor.tabAfter ? undefined : parseLength(value);
    if (length === undefined) {
      return refuse(400, 'malformed Content-Length', 'Severe', 'BadContentLength');
    }
    if (this.length >= 0) {
      return this.length === length
        ? refuse(400, 'more than one Content-Length', 'Ambiguous', 'DuplicateContentLength')
        : refuse(400, 'contradicting Content-Length', 'Severe', 'MultipleContentLength');
    }
    this.length = length;
    return false;
  }

  #takeCoding(value: string): false | Refusal {
    const lower = value.toLowerCase();
    if (lower === 'chunked' && !this.chunked && !cursor.tabAfter) {
      this.chunked = true;
      return false;
    }
    const codings = listOf(lower);
    const chunked = codings.filter((coding) => coding === 'chunked').length;
    if (chunked + (this.chunked ? 1 : 0) > 1) {
      return refuse(
        400,
        'more than one Transfer-Encoding',
        'Severe',
        'MultipleTransferEncodingChunked',
      );
    }
    // Where the body ends is only known of what is chunked in the end; `identity` is a coding no more.
    const framed = chunked > 0 ? codings.at(-1) === 'chunked' : lower !== 'identity';
    const sound = framed && !this.chunked && !cursor.tabAfter && codings.every(isToken);
    const status = sound ? 501 : 400;
    return codings.every((coding) => KNOWN_CODING.test(coding))
      ? refuse(status, 'Transfer-Encoding not served')
      : refuse(status, 'unknown Transfer-Encoding', 'Severe', 'BadTransferEncoding');
  }

  /** After the last field. */
  finish(): Refusal | undefined {
    if (this.chunked && this.length >= 0) {
      return refuse(400, 'Transfer-Encoding with Content-Length', 'Ambiguous', 'BothTeClPresent');
    }
    if (this.chunked && this.http10) {
      return refuse(
        400,
        'Transfer-Encoding in HTTP/1.0',
        'Ambiguous',
        'UndefinedTransferEncodingSemantics',
      );
    }
    if (this.forwardedFor !== undefined && tooManyAddresses(this.forwardedFor)) {
      return refuse(463, 'too many addresses in X-Forwarded-For');
    }
    if (this.connection !== undefined) this.#readConnection(this.connection.toLowerCase());
    return undefined;
  }

  #readConnection(value: string): void {
    if (value === 'keep-alive') this.keepAlive = true;
    else if (value === 'close') this.close = true;
    else {
      for (const token of listOf(value)) {
        if (token === 'keep-alive') this.keepAlive = true;
        else if (token === 'close') this.close = true;
        else if (token === 'upgrade') this.webSocket |= CONNECTION_SAYS;
      }
    }
  }
}

const known = new TextMemo<Fields>();

/**
 * @param text the head in latin-1, from its first line on
 * @param end of the head: behind the line break of its last field
 * @param source address of the client's end of the connection
 */
export function scanRequestHead(text: string, end: number, source: string): Http1Head | Refusal {
  const lineEnd = text.indexOf('\r\n');
  const http10 = text.startsWith(HTTP_10, lineEnd - HTTP_10.length);
  if (!http10 && !text.startsWith(HTTP_11, lineEnd - HTTP_11.length)) {
    return refuseLine(text.slice(0, lineEnd));
  }
  const methodEnd = text.indexOf(' ');
  const targetEnd = lineEnd - HTTP_11.length;
  const method = text.startsWith('GET ') ? 'GET' : text.slice(0, methodEnd);
  if (methodEnd >= targetEnd) return refuse(400, 'no request target', 'Ambiguous', 'MissingUri');
  if (method.length > METHOD_LIMIT || !isToken(method)) {
    return refuse(400, 'malformed method', 'Severe', 'BadMethod');
  }
  const sentTarget = text.slice(methodEnd + 1, targetEnd);

  const fields = fieldsOf(text.slice(lineEnd + 2, end), http10);
  if ('problem' in fields) return fields;
  if (method === 'CONNECT' || method === 'TRACE' || method === 'TRACK') {
    return refuse(405, 'method not allowed');
  }
  const to = destinationOf(method, sentTarget, fields.host, http10);
  if ('problem' in to) return to;
  const { target, hostname, authority } = to;
  return new Http1Head(method, target, hostname, authority, source, fields);
}

/** @param text all lines of the fields */
function fieldsOf(text: string, http10: boolean): Fields | Refusal {
  const before = known.get(text);
  if (before?.http10 === http10) return before;
  const fields = readFields(text, http10);
  if (!('problem' in fields)) known.set(text, fields);
  return fields;
}

function readFields(text: string, http10: boolean): Fields | Refusal {
  const fields = new Fields(text, http10);
  const end = text.length;
  let lines = '';
  let count = 0;
  let runStart = 0;
  for (let at = 0; at < end;) {
    if (!cursor.read(text, at)) return refuseField(cursor.fault, text, at);
    count += 1;
    if (count > LIMITS.requestHeaders) return refuse(400, 'too many headers');
    if (cursor.next - at > LIMITS.requestHeaderLine) return refuse(400, 'header line too long');
    const { nameEnd, next, plainName, canonical } = cursor;
    if (cursor.wide) fields.wide = true;
    let forwarded = true;
    if (isSpecialRequestHeader(text.charCodeAt(at), nameEnd - at, plainName)) {
      const taken = fields.take(
        text.slice(at, nameEnd),
        text.slice(cursor.valueStart, cursor.valueEnd),
        plainName,
      );
      if (typeof taken === 'object') return taken;
      forwarded = taken;
    }
    if (!forwarded || !canonical) {
      if (runStart < at) lines += text.slice(runStart, at);
      if (forwarded) {
        lines += `${text.slice(at, nameEnd)}: ${text.slice(cursor.valueStart, cursor.valueEnd)}\r\n`;
      }
      runStart = next;
    }
    at = next;
  }
  if (runStart < end) lines += text.slice(runStart, end);
  const wrong = fields.finish();
  if (wrong !== undefined) return wrong;
  const { connection } = fields;
  fields.lines =
    connection === undefined || connection === 'keep-alive' || connection === 'close'
      ? lines
      : withoutNamed(lines, connection);
  return fields;
}

/** What is wrong with a request line that does not end as one should. */
function refuseLine(line: string): Refusal {
  if (/ HTTP\/[2-9]\.[0-9]$/.test(line)) {
    return refuse(505, 'HTTP version not supported', 'Severe', 'BadVersion');
  }
  if (/ HTTP\/[01]\.[0-9]$/.test(line)) {
    return refuse(400, 'HTTP version not supported', 'Acceptable', 'NonCompliantVersion');
  }
  return refuse(400, 'malformed request line', 'Severe', 'BadVersion');
}

function refuseField(fault: HeaderFault | undefined, text: string, at: number): Refusal {
  const line = text.slice(at, at + LIMITS.requestHeaderLine);
  switch (fault) {
    case 'fold':
      return refuse(400, 'folded header line', 'Ambiguous', 'MultilineHeader');
    case 'colon':
      return refuse(400, 'header line without a colon', 'Ambiguous', 'MissingHeaderColon');
    case 'line-end':
      return refuse(400, 'bare CR in a header', 'Severe', 'BadHeader');
    case 'value':
      return /^[^\r]*[\0\n]/.test(line)
        ? refuse(400, 'NUL or bare LF in a header', 'Severe', 'BadHeader')
        : refuse(400, 'control character in a header', 'Acceptable', 'NonCompliantHeader');
    case 'name':
    case undefined:
      return line.startsWith(':')
        ? refuse(400, 'empty header name', 'Ambiguous', 'EmptyHeader')
        : refuse(400, 'malformed header name', 'Acceptable', 'NonCompliantHeader');
  }
}

/** Names and values in turn, of fields that have been read. */
function fieldPairs(text: string): readonly string[] {
  const pairs: string[] = [];
  for (let start = 0; start < text.length; start = cursor.next) {
    if (!cursor.read(text, start)) break;
    pairs.push(text.slice(start, cursor.nameEnd), text.slice(cursor.valueStart, cursor.valueEnd));
  }
  return pairs;
}

const DOUBTFUL = /[^\r]\n|\r[^\n]|[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/**
 * What is already wrong with a head that has not come to its end.
 * @param text all of it, or from one character before what is new
 * @param length bytes of it so far
 */
export function doubtIncomplete(text: string, length: number, lines: boolean): Refusal | undefined {
  if (DOUBTFUL.test(text)) return refuse(400, 'malformed head', 'Severe', 'BadHeader');
  if (!lines && length > LIMITS.requestTarget + METHOD_LIMIT) {
    return refuse(414, 'request line too long');
  }
  return length > LIMITS.requestHead ? refuse(400, 'head too long') : undefined;
}
