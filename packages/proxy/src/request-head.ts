// Reads the head of a client's request on top of Node's parser, refuses what is ambiguous, and writes the head that a target
// gets: one framing header, nothing that belonged to the client's connection, nothing that only the proxy may state.
// Source: ALB reference, sections 4.1 and 6; RFC 9112.
import type { IncomingMessage } from 'node:http';

import type { RequestView } from '@berth/model/routing/conditions.ts';

import { classifyRequestHeader, isProtected } from './header-names.ts';
import { parseLength } from './response-head.ts';
import { LIMITS } from './settings.ts';

export interface Refusal {
  readonly status: number;
  readonly problem: string;
}

export interface RequestHead {
  readonly view: RequestView;
  /** Origin-form, or `*`. */
  readonly target: string;
  /** As sent, with its port; undefined for HTTP/1.0 without one. */
  readonly authority: string | undefined;
  /** Bytes of body; -1 when it is chunked. */
  readonly bodyLength: number;
  /** A body where its meaning is undefined: neither connection is used again. */
  readonly ambiguous: boolean;
  /** End-to-end headers as they go out, each with its line break. */
  readonly lines: string;
  readonly forwardedFor: string | undefined;
  readonly trace: string | undefined;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)([^#]*)$/i;

const FORBIDDEN_IN_TARGET = /[\0-\x20\x7f\\#]/;

const FORBIDDEN_IN_VALUE = /[\0-\x08\x0a-\x1f\x7f]/;
const AUTHORITY =
  /^([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\])(?::([0-9]{1,5}))?$/;

/** @param source address of the client's end of the connection */
export function readRequestHead(message: IncomingMessage, source: string): RequestHead | Refusal {
  const method = message.method ?? '';
  if (message.httpVersionMajor !== 1) {
    return refuse(message.httpVersionMajor === 0 ? 400 : 505, 'HTTP version not supported');
  }
  if (method === 'TRACE' || method === 'TRACK') return refuse(405, 'method not allowed');
  const headers = message.rawHeaders;
  if (headers.length > 2 * LIMITS.requestHeaders) return refuse(400, 'too many headers');
  let host: string | undefined;
  let length: number | undefined;
  let chunked = false;
  let connection: string | undefined;
  let forwardedFor: string | undefined;
  let trace: string | undefined;
  let lines = '';
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (FORBIDDEN_IN_VALUE.test(value)) return refuse(400, 'control character in a header');
    switch (classifyRequestHeader(name)) {
      case 'forward':
        if (name.length + value.length > LIMITS.requestHeaderLine - 4) {
          return refuse(400, 'header line too long');
        }
        lines += `${name}: ${value}\r\n`;
        break;
      case 'host':
        if (host !== undefined) return refuse(400, 'more than one Host');
        host = value;
        break;
      case 'content-length':
        if (length !== undefined) return refuse(400, 'more than one Content-Length');
        length = parseLength(value);
        if (length === undefined) return refuse(400, 'malformed Content-Length');
        break;
      case 'transfer-encoding':
        if (chunked) return refuse(400, 'more than one Transfer-Encoding');
        if (value.toLowerCase() !== 'chunked') return refuse(501, 'unknown Transfer-Encoding');
        chunked = true;
        break;
      case 'connection':
        connection = connection === undefined ? value : `${connection},${value}`;
        break;
      case 'x-forwarded-for':
        forwardedFor = forwardedFor === undefined ? value : `${forwardedFor}, ${value}`;
        break;
      case 'x-amzn-trace-id':
        trace = trace === undefined ? value : `${trace};${value}`;
        break;
      case 'suspicious':
        return refuse(400, 'header that others take for one that frames the body');
      case 'upgrade':
      case 'drop':
        break;
    }
  }
  if (chunked && length !== undefined) return refuse(400, 'Transfer-Encoding with Content-Length');
  const http10 = message.httpVersionMinor === 0;
  if (chunked && http10) return refuse(400, 'Transfer-Encoding in HTTP/1.0');
  if (forwardedFor !== undefined && addresses(forwardedFor) > LIMITS.forwardedAddresses) {
    return refuse(463, 'too many addresses in X-Forwarded-For');
  }

  let target = message.url ?? '';
  if (target.length > LIMITS.requestTarget) return refuse(414, 'request target too long');
  if (FORBIDDEN_IN_TARGET.test(target)) return refuse(400, 'malformed request target');
  let authority = host;
  if (!target.startsWith('/')) {
    const absolute = ABSOLUTE.exec(target);
    if (absolute !== null) {
      if (host === undefined && !http10) return refuse(400, 'no Host');
      authority = absolute[1];
      const rest = absolute[2] ?? '';
      target = rest.startsWith('/') ? rest : `/${rest}`;
    } else if (target !== '*' || method !== 'OPTIONS') {
      return refuse(400, 'malformed request target');
    }
  }
  if (authority === undefined && !http10) return refuse(400, 'no Host');
  const hostname = authority === undefined ? '' : hostnameOf(authority);
  if (hostname === undefined) return refuse(400, 'malformed Host');

  if (connection !== undefined && connection !== 'keep-alive' && connection !== 'close') {
    lines = withoutNamed(lines, connection, headers);
  }
  const bodyLength = chunked ? -1 : (length ?? 0);
  const question = target.indexOf('?');
  return {
    view: {
      method,
      host: hostname,
      path: question < 0 ? target : target.slice(0, question),
      query: question < 0 ? '' : target.slice(question + 1),
      headers,
      sourceAddress: source,
    },
    target,
    authority,
    bodyLength,
    ambiguous: bodyLength !== 0 && (method === 'GET' || method === 'HEAD'),
    lines,
    forwardedFor,
    trace,
  };
}

export function isRefusal(head: RequestHead | Refusal): head is Refusal {
  return 'problem' in head;
}

function refuse(status: number, problem: string): Refusal {
  return { status, problem };
}

/** The name or address without its port; undefined when the text is no authority. */
function hostnameOf(authority: string): string | undefined {
  const found = AUTHORITY.exec(authority);
  if (found === null || Number(found[2] ?? 0) > 65_535) return undefined;
  return found[1];
}

function addresses(forwardedFor: string): number {
  return forwardedFor.split(',').length;
}

/** Leaves out the headers that `Connection` names, except those that a client may not have removed. */
function withoutNamed(lines: string, connection: string, headers: readonly string[]): string {
  const named = new Set(
    connection
      .toLowerCase()
      .split(',')
      .map((token) => token.trim()),
  );
  for (const token of ['keep-alive', 'close', 'upgrade', '']) named.delete(token);
  if (named.size === 0) return lines;
  let left = '';
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    if (classifyRequestHeader(name) !== 'forward') continue;
    const lower = name.toLowerCase();
    if (!named.has(lower) || isProtected(lower)) left += `${name}: ${headers[i + 1] as string}\r\n`;
  }
  return left;
}

export interface ForwardedBy {
  readonly clientAddress: string;
  readonly listenerPort: number;
  /** Where the request came in, for a client that did not name a host. */
  readonly listenerAddress: string;
  /** `Root=1-...` or `Self=1-...` of this request: see `nextTrace`. */
  readonly trace: string;
}

/** @param upgrade the protocol to switch to, if that is asked for */
export function writeRequestHead(
  head: RequestHead,
  by: ForwardedBy,
  upgrade: string | undefined,
): string {
  const { view, forwardedFor } = head;
  const from =
    forwardedFor === undefined ? by.clientAddress : `${forwardedFor}, ${by.clientAddress}`;
  const framing =
    head.bodyLength < 0
      ? 'Transfer-Encoding: chunked\r\n'
      : head.bodyLength > 0 || expectsLength(view.method)
        ? `Content-Length: ${head.bodyLength}\r\n`
        : '';
  const connection = upgrade === undefined ? '' : `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  return `${view.method} ${head.target} HTTP/1.1\r\nHost: ${head.authority ?? by.listenerAddress}\r\n${head.lines}X-Forwarded-For: ${from}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: ${by.listenerPort}\r\nX-Amzn-Trace-Id: ${by.trace}\r\n${framing}${connection}\r\n`;
}

/** A request of these methods says that its body is empty. Source: RFC 9110, section 8.6. */
function expectsLength(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}
