// Reads the head of a target's response, strictly: what is not understood to the last byte is refused, since a response whose
// end is in doubt could give its tail to the next client. Source: RFC 9112; ALB reference, section 6, cases 92-95.
import { listOf, withoutHeaders } from './header-lines.ts';
import { classifyResponseHeader, isSpecialResponseHeader } from './header-names.ts';
import { HeaderCursor, type HeaderFault } from './http1/header-cursor.ts';
import { TextMemo } from './http1/text-memo.ts';

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** End-to-end fields as they go out, without the length. */
  readonly lines: string;
  /** -1 when it is not said. */
  readonly contentLength: number;
  readonly chunked: boolean;
  /** The target is ready for another request on this connection. */
  readonly keepAlive: boolean;
  /** For how long, when it said so. */
  readonly keepAliveMs: number | undefined;
  /** The protocol of a 101 response, in lower case. */
  readonly upgrade: string | undefined;
  /** `lines` hold a Date. */
  readonly dated: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const OK_LINE = 'HTTP/1.1 200 OK\r\n';
const KEEP_ALIVE_TIMEOUT = /(?:^|[,\s])timeout=([0-9]{1,6})(?:$|[,\s])/i;
const FAULTS: Readonly<Record<HeaderFault, string>> = {
  name: 'malformed header name',
  colon: 'header line without a colon',
  value: 'control character in a header',
  'line-end': 'bare CR in a header',
  fold: 'folded header line',
};

const cursor = new HeaderCursor();

/** What some of the fields say together; one of these is used again and again. */
class Fields {
  contentLength = -1;
  chunked = false;
  connection: string | undefined;
  keepAliveMs: number | undefined;
  upgrade: string | undefined;
  dated = false;

  clear(): void {
    this.contentLength = -1;
    this.chunked = false;
    this.connection = undefined;
    this.keepAliveMs = undefined;
    this.upgrade = undefined;
    this.dated = false;
  }

  /** @returns true when the line goes to the client; false when it does not; or what is wrong */
  take(name: string, value: string, http10: boolean): boolean | string {
    switch (classifyResponseHeader(name)) {
      case 'forward':
        return true;
      case 'date':
        this.dated = true;
        return true;
      case 'content-length': {
        const length = cursor.tabAfter ? undefined : parseLength(value);
        if (length === undefined) return 'malformed Content-Length';
        if (this.contentLength >= 0) return 'more than one Content-Length';
        this.contentLength = length;
        return false;
      }
      case 'transfer-encoding':
        if (this.chunked || cursor.tabAfter || value.toLowerCase() !== 'chunked')
          return 'unknown Transfer-Encoding';
        if (http10) return 'Transfer-Encoding in HTTP/1.0';
        this.chunked = true;
        return false;
      case 'connection': {
        const lower = value.toLowerCase();
        this.connection = this.connection === undefined ? lower : `${this.connection},${lower}`;
        return false;
      }
      case 'keep-alive': {
        const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1];
        if (seconds !== undefined) this.keepAliveMs = Number(seconds) * 1000;
        return false;
      }
      case 'upgrade':
        this.upgrade = value.toLowerCase();
        return false;
      case 'drop':
        return false;
    }
  }
}

const fields = new Fields();
const known = new TextMemo<ResponseHead>();

/**
 * @param text the head in latin-1
 * @param end of the head: behind the line break of its last header
 * @returns what is wrong with it, as text, where it can't be trusted
 */
export function parseResponseHead(text: string, end = text.length): ResponseHead | string {
  const own = text.slice(0, end);
  const before = known.get(own);
  if (before !== undefined) return before;
  const head = readResponseHead(own);
  if (typeof head !== 'string') known.set(own, head);
  return head;
}

function readResponseHead(text: string): ResponseHead | string {
  const end = text.length;
  const lineEnd = text.indexOf('\r\n');
  let status = 200;
  let reason = 'OK';
  let http10 = false;
  if (!text.startsWith(OK_LINE)) {
    const found = STATUS_LINE.exec(text.slice(0, lineEnd));
    if (found === null) return 'malformed status line';
    http10 = found[1] === '0';
    status = Number(found[2]);
    if (http10 && status < 200) return 'interim response in HTTP/1.0';
    reason = found[3] ?? '';
  }
  fields.clear();
  let lines = '';
  let runStart = lineEnd + 2;
  for (let at = runStart; at < end;) {
    if (!cursor.read(text, at)) return FAULTS[cursor.fault ?? 'name'];
    const { nameEnd, next, canonical } = cursor;
    let forwarded: boolean | string = true;
    if (isSpecialResponseHeader(text.charCodeAt(at), nameEnd - at)) {
      const value = text.slice(cursor.valueStart, cursor.valueEnd);
      forwarded = fields.take(text.slice(at, nameEnd), value, http10);
      if (typeof forwarded === 'string') return forwarded;
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
  const { connection, contentLength, chunked, keepAliveMs, upgrade, dated } = fields;
  if (chunked && contentLength >= 0) return 'both Transfer-Encoding and Content-Length';
  let keepAlive = !http10;
  if (connection === 'keep-alive') keepAlive = true;
  else if (connection !== undefined) {
    const tokens = new Set(listOf(connection));
    if (tokens.has('close')) keepAlive = false;
    else if (tokens.has('keep-alive')) keepAlive = true;
    // Headers that `Connection` names belong to the connection too.
    lines = withoutHeaders(lines, tokens);
  }
  return {
    status,
    reason,
    lines,
    // Source: RFC 9110, section 8.6: a 204 has none; some clients would wait for so many bytes.
    contentLength: status === 204 ? -1 : contentLength,
    chunked,
    keepAlive,
    keepAliveMs,
    upgrade,
    dated,
  };
}

/** Digits only, and no more of them than a double holds exactly. */
export function parseLength(text: string): number | undefined {
  if (!/^[0-9]{1,16}$/.test(text)) return undefined;
  const length = Number(text);
  return Number.isSafeInteger(length) ? length : undefined;
}
