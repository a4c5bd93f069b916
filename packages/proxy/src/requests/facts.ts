// What several tellers of a request's story read from its summary. Pure.
import type { RequestSummary } from '../request-summary.ts';

/** ALB's word for the kind of request. Source: ALB reference, section 4.5, field 1. */
export function kindOf(summary: RequestSummary): string {
  const secure = summary.client.tls !== undefined;
  if (summary.upgrade && summary.status === 101) return secure ? 'wss' : 'ws';
  if (summary.protocol !== 'h2') return secure ? 'https' : 'http';
  return headerOf(summary, 'content-type')?.startsWith('application/grpc') === true
    ? 'grpcs'
    : 'h2';
}

/** METHOD, URL with its port, version; what was not understood is `-`. */
export function requestLine(summary: RequestSummary): {
  readonly method: string;
  readonly url: string;
  readonly version: string;
} {
  const { head, client, port } = summary;
  const scheme = client.tls === undefined ? 'http' : 'https';
  if (head === undefined) return { method: '-', url: `${scheme}://-:${port}-`, version: '-' };
  const authority = head.authority ?? '-';
  const hasPort = /:[0-9]+$/.test(authority);
  const place = hasPort ? authority : `${authority}:${port}`;
  const version = summary.protocol === 'h2' ? 'HTTP/2.0' : summary.protocol.toUpperCase();
  return { method: head.view.method, url: `${scheme}://${place}${head.target}`, version };
}

/** The first field of this name, which is in lower case. */
export function headerOf(summary: RequestSummary, name: string): string | undefined {
  const lines = summary.head?.lines;
  if (lines === undefined) return undefined;
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf('\r\n', start);
    if (end < 0) return undefined;
    if (
      lines.charCodeAt(start + name.length) === 0x3a &&
      lines.slice(start, start + name.length).toLowerCase() === name
    ) {
      return lines.slice(start + name.length + 1, end).trim();
    }
    start = end + 2;
  }
  return undefined;
}

export function addressOf(place: { readonly address: string; readonly port: number }): string {
  const { address, port } = place;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
