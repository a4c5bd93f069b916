// Reads the head of a target's response, strictly: what is not understood to the last byte is refused, since a response whose
// end is in doubt could give its tail to the next client. Source: RFC 9112; ALB reference, section 6, cases 92-95.
import { classifyResponseHeader } from './header-names.ts';

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, without those that belong to the connection. */
  readonly headers: string[];
  /** -1 when it is not said. */
  readonly contentLength: number;
  readonly chunked: boolean;
  /** The target is ready for another request on this connection. */
  readonly keepAlive: boolean;
  /** For how long, when it said so. */
  readonly keepAliveMs: number | undefined;
  /** The protocol of a 101 response, in lower case. */
  readonly upgrade: string | undefined;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

const FORBIDDEN_IN_VALUE = /[\0-\x08\x0a-\x1f\x7f]/;
const KEEP_ALIVE_TIMEOUT = /(?:^|[,\s])timeout=([0-9]{1,6})(?:$|[,\s])/i;

/**
 * @param text the head in latin-1, up to and with the line break of its last header
 * @returns what is wrong with it, as text, where it can't be trusted
 */
export function parseResponseHead(text: string): ResponseHead | string {
  let lineEnd = text.indexOf('\r\n');
  const status = STATUS_LINE.exec(text.slice(0, lineEnd));
  if (status === null) return 'malformed status line';
  const headers: string[] = [];
  let contentLength = -1;
  let chunked = false;
  let keepAlive = status[1] === '1';
  let keepAliveMs: number | undefined;
  let upgrade: string | undefined;
  let named: string | undefined;
  for (let start = lineEnd + 2; start < text.length; start = lineEnd + 2) {
    lineEnd = text.indexOf('\r\n', start);
    const colon = text.indexOf(':', start);
    if (colon < 0 || colon > lineEnd) return 'header line without a colon';
    const name = text.slice(start, colon);
    const value = trimmed(text, colon + 1, lineEnd);
    if (FORBIDDEN_IN_VALUE.test(value)) return `control character in header ${name}`;
    switch (classifyResponseHeader(name)) {
      case 'forward':
        headers.push(name, value);
        break;
      case 'content-length': {
        const length = parseLength(value);
        if (length === undefined) return 'malformed Content-Length';
        if (contentLength >= 0 && contentLength !== length) return 'contradicting Content-Length';
        // Source: RFC 9110, section 8.6: a 204 has none; some clients would wait for so many bytes.
        if (contentLength < 0 && status[2] !== '204') headers.push(name, String(length));
        contentLength = length;
        break;
      }
      case 'transfer-encoding':
        if (chunked || value.toLowerCase() !== 'chunked') return 'unknown Transfer-Encoding';
        if (status[1] === '0') return 'Transfer-Encoding in HTTP/1.0';
        chunked = true;
        break;
      case 'connection':
        named = named === undefined ? value.toLowerCase() : `${named},${value.toLowerCase()}`;
        break;
      case 'keep-alive': {
        const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1];
        if (seconds !== undefined) keepAliveMs = Number(seconds) * 1000;
        break;
      }
      case 'upgrade':
        upgrade = value.toLowerCase();
        break;
      case 'drop':
        break;
      case 'invalid':
        return 'malformed header name';
    }
  }
  if (chunked && contentLength >= 0) return 'both Transfer-Encoding and Content-Length';
  if (named !== undefined && named !== 'keep-alive') {
    const tokens = named.split(',').map((token) => token.trim());
    if (tokens.includes('close')) keepAlive = false;
    else if (tokens.includes('keep-alive')) keepAlive = true;
    dropNamed(headers, tokens);
  } else if (named === 'keep-alive') keepAlive = true;
  return {
    status: Number(status[2]),
    reason: status[3] ?? '',
    headers,
    contentLength,
    chunked,
    keepAlive,
    keepAliveMs,
    upgrade,
  };
}

/** Digits only, and no more of them than a double holds exactly. */
export function parseLength(text: string): number | undefined {
  if (!/^[0-9]{1,16}$/.test(text)) return undefined;
  const length = Number(text);
  return Number.isSafeInteger(length) ? length : undefined;
}

function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Headers that `Connection` names belong to the connection too; a length that frames the body stays. */
function dropNamed(headers: string[], tokens: readonly string[]): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = headers[i]?.toLowerCase() ?? '';
    if (name !== 'content-length' && tokens.includes(name)) headers.splice(i, 2);
  }
}
