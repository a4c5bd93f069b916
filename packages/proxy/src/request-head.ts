// The head of a client's request once it has been read and found sound, whatever protocol it came in; and the head that a target gets: nothing that
// belonged to the client's connection, nothing that only the proxy may state. Source: ALB reference, sections 4.1 and 6; RFC 9112.
import type { RequestView } from '@berth/model/routing/conditions.ts';

import type { ClientInfo } from './exchange-sides.ts';
import { listOf } from './header-lines.ts';
import { aliasOf, classifyRequestHeader, isProtected } from './header-names.ts';
import type { DesyncFinding } from './request-summary.ts';
import { LIMITS } from './settings.ts';

export interface Refusal {
  readonly status: number;
  readonly problem: string;
  readonly desync?: DesyncFinding | undefined;
}

export interface RequestHead {
  readonly view: RequestView;
  /** Origin-form, or `*`. */
  readonly target: string;
  /** As sent, with its port; undefined for HTTP/1.0 without one. */
  readonly authority: string | undefined;
  /** Bytes of body; -1 when that is not known. */
  readonly bodyLength: number;
  /** A body where its meaning is undefined: neither connection is used again. */
  readonly ambiguous: boolean;
  /** End-to-end headers as they go out; no Host, nothing that the proxy states itself. */
  readonly lines: string;
  readonly forwardedFor: string | undefined;
  readonly trace: string | undefined;
  /** The client takes trailers. */
  readonly trailers: boolean;
  /** Some name among `lines` holds more than letters, digits and hyphens. */
  readonly oddNames: boolean;
  readonly desync: DesyncFinding | undefined;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)([^#]*)$/i;
const FORBIDDEN_IN_TARGET = /[^\x21\x22\x24-\x5b\x5d-\x7e]/;
const NUL_OR_CR = /[\0\r]/;
const ONLY_SPACES_ODD = /^[\x20-\x22\x24-\x5b\x5d-\x7e]*$/;
const AUTHORITY =
  /^([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\])(?::([0-9]{1,5}))?$/;
const REMEMBERED_AUTHORITIES = 1024;
const REMEMBERED_LENGTH = 128;

const hostnames = new Map<string, string>();

export function isRefusal(head: RequestHead | Refusal): head is Refusal {
  return 'problem' in head;
}

export function refuse(
  status: number,
  problem: string,
  classification?: DesyncFinding['classification'],
  reason = '',
): Refusal {
  return {
    status,
    problem,
    desync: classification === undefined ? undefined : { classification, reason },
  };
}

export interface Destination {
  readonly target: string;
  readonly authority: string | undefined;
  /** Without its port; empty when there is no authority. */
  readonly hostname: string;
}

/**
 * Where a request is to go, of its target and its Host. Source: RFC 9112, sections 3.2 and 3.2.2.
 * @param hostOptional HTTP/1.0
 */
export function destinationOf(
  method: string,
  sentTarget: string,
  host: string | undefined,
  hostOptional: boolean,
): Destination | Refusal {
  let target = sentTarget;
  if (target.length > LIMITS.requestTarget) return refuse(414, 'request target too long');
  if (FORBIDDEN_IN_TARGET.test(target)) {
    const problem = 'malformed request target';
    if (NUL_OR_CR.test(target)) return refuse(400, problem, 'Severe', 'BadUri');
    return ONLY_SPACES_ODD.test(target)
      ? refuse(400, problem, 'Acceptable', 'SpaceInUri')
      : refuse(400, problem, 'Ambiguous', 'AmbiguousUri');
  }
  let authority = host;
  if (target.charCodeAt(0) !== 0x2f) {
    const absolute = ABSOLUTE.exec(target);
    if (absolute !== null) {
      if (host === undefined && !hostOptional) return refuse(400, 'no Host');
      authority = absolute[1];
      const rest = absolute[2] ?? '';
      target = rest.startsWith('/') ? rest : `/${rest}`;
    } else if (target !== '*' || method !== 'OPTIONS') {
      return refuse(400, 'malformed request target');
    }
  }
  if (authority === undefined) {
    return hostOptional ? { target, authority, hostname: '' } : refuse(400, 'no Host');
  }
  const hostname = hostnameOf(authority);
  return hostname === undefined ? refuse(400, 'malformed Host') : { target, authority, hostname };
}

/** The name or address without its port; undefined when the text is no authority. */
function hostnameOf(authority: string): string | undefined {
  const known = hostnames.get(authority);
  if (known !== undefined) return known;
  const found = AUTHORITY.exec(authority);
  const hostname = found?.[1];
  if (hostname === undefined || Number(found?.[2] ?? 0) > 65_535) return undefined;
  if (authority.length <= REMEMBERED_LENGTH) {
    if (hostnames.size >= REMEMBERED_AUTHORITIES) hostnames.clear();
    hostnames.set(authority, hostname);
  }
  return hostname;
}

export function tooManyAddresses(forwardedFor: string): boolean {
  return forwardedFor.split(',').length > LIMITS.forwardedAddresses;
}

const BARE = /^(?:keep-alive|close|upgrade|te|)$/;

/** Leaves out the headers that `Connection` names, except those that a client may not have removed. */
export function withoutNamed(lines: string, connection: string): string {
  const named = new Set(
    listOf(connection.toLowerCase()).filter((token) => !BARE.test(token) && !isProtected(token)),
  );
  return named.size === 0 ? lines : keepLines(lines, (name) => !named.has(name.toLowerCase()));
}

function keepLines(lines: string, keeps: (name: string) => boolean): string {
  let left = '';
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf('\r\n', start) + 2;
    if (keeps(lines.slice(start, lines.indexOf(':', start)))) left += lines.slice(start, end);
    start = end;
  }
  return left;
}

const PLAIN_NAME = /^[-A-Za-z0-9]+$/;

/** The headers that are left under `drop_invalid_header_fields`. */
export function plainNamesOnly(lines: string): string {
  return keepLines(lines, (name) => PLAIN_NAME.test(name));
}

export interface HeaderList {
  readonly method: string;
  /** As sent: `:path`. */
  readonly target: string;
  readonly authority: string;
  /** Regular fields, names and values in turn; already well-formed by the rules of their protocol. */
  readonly pairs: readonly string[];
  readonly bodyLength: number;
  readonly sourceAddress: string;
}

/** The head of a request that did not come as HTTP/1.1 text: the same law for its fields. */
export function headOfList(list: HeaderList): RequestHead | Refusal {
  const { method, pairs, bodyLength, sourceAddress } = list;
  if (method === 'TRACE' || method === 'TRACK') return refuse(405, 'method not allowed');
  const to = destinationOf(method, list.target, list.authority, false);
  if ('problem' in to) return to;
  let lines = '';
  let forwardedFor: string | undefined;
  let trace: string | undefined;
  let trailers = false;
  let oddNames = false;
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const name = pairs[i] as string;
    const value = pairs[i + 1] as string;
    switch (classifyRequestHeader(name)) {
      case 'forward':
        lines += `${name}: ${value}\r\n`;
        oddNames ||= !PLAIN_NAME.test(name);
        break;
      case 'x-forwarded-for':
        forwardedFor = forwardedFor === undefined ? value : `${forwardedFor}, ${value}`;
        break;
      case 'x-amzn-trace-id':
        trace = trace === undefined ? value : `${trace};${value}`;
        break;
      case 'te':
        trailers ||= value.toLowerCase() === 'trailers';
        break;
      case 'suspicious':
        return refuse(400, 'header that others take for one that frames the body');
      default:
        break;
    }
  }
  if (forwardedFor !== undefined && tooManyAddresses(forwardedFor)) {
    return refuse(463, 'too many addresses in X-Forwarded-For');
  }
  const question = to.target.indexOf('?');
  return {
    view: {
      method,
      host: to.hostname,
      path: question < 0 ? to.target : to.target.slice(0, question),
      query: question < 0 ? '' : to.target.slice(question + 1),
      headers: pairs,
      sourceAddress,
    },
    target: to.target,
    authority: to.authority,
    bodyLength,
    ambiguous: false,
    lines,
    forwardedFor,
    trace,
    trailers,
    oddNames,
    desync: undefined,
  };
}

/** What the attributes of a load balancer and a listener say of the head that targets get. */
export interface ForwardingRules {
  readonly dropInvalidHeaders: boolean;
  readonly tlsHeaders: boolean;
  readonly forwardedFor: 'append' | 'preserve' | 'remove';
  readonly forwardedForPort: boolean;
  /** By the usual name in lower case. */
  readonly renamedHeaders: ReadonlyMap<string, string>;
}

/**
 * The fields for the target.
 * @param trace the value of X-Amzn-Trace-Id, see `nextTrace`
 */
export function outgoingLines(
  head: RequestHead,
  client: ClientInfo,
  listenerPort: number,
  trace: string,
  rules: ForwardingRules,
): string {
  const { tls } = client;
  let own = rules.dropInvalidHeaders && head.oddNames ? plainNamesOnly(head.lines) : head.lines;
  // Clients can't say themselves what the proxy says under another name.
  if (rules.renamedHeaders.size > 0) {
    const taken = renamedNames(rules.renamedHeaders);
    own = keepLines(own, (name) => !taken.has(aliasOf(name)));
  }
  const lines = `${own}${forwardedFor(head, client, rules)}X-Forwarded-Proto: ${tls === undefined ? 'http' : 'https'}\r\nX-Forwarded-Port: ${listenerPort}\r\nX-Amzn-Trace-Id: ${trace}\r\n`;
  if (tls === undefined) return lines;
  const renamed = (name: string): string => rules.renamedHeaders.get(name.toLowerCase()) ?? name;
  let more = '';
  if (rules.tlsHeaders) {
    more += `${renamed('X-Amzn-Tls-Version')}: ${tls.version}\r\n`;
    more += `${renamed('X-Amzn-Tls-Cipher-Suite')}: ${tls.cipher}\r\n`;
  }
  for (const [name, value] of tls.identityHeaders) more += `${renamed(name)}: ${value}\r\n`;
  return lines + more;
}

function renamedNames(renamed: ReadonlyMap<string, string>): ReadonlySet<string> {
  return new Set([...renamed.values()].map(aliasOf));
}

function forwardedFor(head: RequestHead, client: ClientInfo, rules: ForwardingRules): string {
  const before = head.forwardedFor;
  if (rules.forwardedFor === 'remove') return '';
  if (rules.forwardedFor === 'preserve') {
    return before === undefined ? '' : `X-Forwarded-For: ${before}\r\n`;
  }
  const { address, port } = client;
  const bracketed = address.includes(':') ? `[${address}]` : address;
  const own = rules.forwardedForPort ? `${bracketed}:${port}` : address;
  return before === undefined || before === ''
    ? `X-Forwarded-For: ${own}\r\n`
    : `X-Forwarded-For: ${before}, ${own}\r\n`;
}

/**
 * The Host that a target gets: with the listener's port unless that is the scheme's own. Source: ALB reference, section 4.1.
 * @param authority as sent, checked
 */
export function hostForTarget(
  authority: string,
  listenerPort: number,
  secure: boolean,
  preserve: boolean,
): string {
  if (preserve) return authority;
  const usual = secure ? 443 : 80;
  const hasPort = authority.lastIndexOf(':') > authority.lastIndexOf(']');
  if (listenerPort !== usual) return hasPort ? authority : `${authority}:${listenerPort}`;
  return hasPort && authority.endsWith(`:${usual}`)
    ? authority.slice(0, authority.lastIndexOf(':'))
    : authority;
}
