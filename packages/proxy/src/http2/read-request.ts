// Reads the head of a request that came by HTTP/2, strictly; what nghttp2 lets pass is looked at once more. Source: RFC 9113, section 8.3;
// ALB reference, section 6, cases 62-70.
import { type Refusal, type RequestHead, headOfList, refuse } from '../request-head.ts';
import { parseLength } from '../response-head.ts';
import { LIMITS } from '../settings.ts';
import { faultOf } from './fields.ts';

/** What is no HTTP/2 request: its stream is reset. */
export interface StreamFault {
  readonly fault: string;
}

export interface ReadRequest {
  readonly head: RequestHead | Refusal;
  /** As `:method` says. */
  readonly method: string;
  /** As `content-length` says; undefined where there is none. */
  readonly contentLength: number | undefined;
  readonly grpc: boolean;
  /** Bytes of the fields, not compressed. */
  readonly bytes: number;
}

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/;
const GRPC = /^application\/grpc(?:$|[+;])/i;
const PSEUDO: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path']);

/**
 * @param raw names and values in turn, in latin-1
 * @param ended the stream carries no body
 */
export function readHttp2Request(
  raw: readonly string[],
  ended: boolean,
  sourceAddress: string,
): ReadRequest | StreamFault {
  const pseudo = new Map<string, string>();
  const pairs: string[] = [];
  let host: string | undefined;
  let contentLength: number | undefined;
  let cookie = -1;
  let grpc = false;
  let longest = 0;
  let bytes = 0;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    bytes += name.length + value.length + 4;
    if (name.startsWith(':')) {
      if (pairs.length > 0 || host !== undefined) return { fault: 'late pseudo-header' };
      if (!PSEUDO.has(name)) return { fault: 'unknown pseudo-header' };
      if (pseudo.has(name)) return { fault: 'pseudo-header twice' };
      pseudo.set(name, value);
      continue;
    }
    const fault = faultOf(name, value);
    if (fault !== undefined) return { fault };
    longest = Math.max(longest, name.length + value.length + 4);
    if (name === 'host') {
      if (host !== undefined) return { fault: 'more than one host' };
      host = value;
    } else if (name === 'content-length') {
      if (contentLength !== undefined) return { fault: 'more than one content-length' };
      contentLength = parseLength(value);
      if (contentLength === undefined) return { fault: 'malformed content-length' };
    } else if (name === 'cookie' && cookie >= 0) {
      // Source: RFC 9113, section 8.2.3.
      pairs[cookie] = `${pairs[cookie] as string}; ${value}`;
    } else {
      if (name === 'content-type') grpc = GRPC.test(value);
      pairs.push(name, value);
      if (name === 'cookie') cookie = pairs.length - 1;
    }
  }
  const method = pseudo.get(':method');
  const path = pseudo.get(':path');
  const scheme = pseudo.get(':scheme');
  const authority = pseudo.get(':authority');
  if (method === undefined || !METHOD.test(method)) return { fault: 'malformed :method' };
  const read = (head: RequestHead | Refusal): ReadRequest => ({
    head,
    method,
    contentLength,
    grpc,
    bytes,
  });
  if (method === 'CONNECT') return read(refuse(405, 'method not allowed'));
  if (scheme !== 'https' && scheme !== 'http') return { fault: 'malformed :scheme' };
  if (path === undefined || !(path.startsWith('/') || (path === '*' && method === 'OPTIONS'))) {
    return { fault: 'malformed :path' };
  }
  if (/[\0-\x20\x7f]/.test(path)) return { fault: 'malformed :path' };
  if (authority !== undefined && host !== undefined && authority !== host) {
    return { fault: 'host and :authority differ' };
  }
  if (ended && contentLength !== undefined && contentLength !== 0) {
    return { fault: 'content-length without a body' };
  }
  if (longest > LIMITS.requestHeaderLine) return read(refuse(400, 'header line too long'));
  if (pairs.length > 2 * LIMITS.requestHeaders) return read(refuse(400, 'too many headers'));
  return read(
    headOfList({
      method,
      target: path,
      authority: authority ?? host ?? '',
      pairs,
      bodyLength: ended ? 0 : (contentLength ?? -1),
      sourceAddress,
    }),
  );
}
