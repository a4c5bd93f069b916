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

/** METHOD, URL with its port, and version; what was not understood is `-`. */
export function requestText(summary: RequestSummary): string {
  return `${methodOf(summary)} ${urlOf(summary)} ${versionOf(summary)}`;
}

export function methodOf({ head }: RequestSummary): string {
  return head === undefined ? '-' : head.view.method;
}

/** With its port. */
export function urlOf({ head, client, port }: RequestSummary): string {
  const scheme = client.tls === undefined ? 'http' : 'https';
  if (head === undefined) return `${scheme}://-:${port}-`;
  const { authority = '-', target } = head;
  // An address of IPv6 is in brackets.
  const hasPort = authority.includes(':') && !authority.endsWith(']');
  return hasPort
    ? `${scheme}://${authority}${target}`
    : `${scheme}://${authority}:${port}${target}`;
}

function versionOf({ head, protocol }: RequestSummary): string {
  if (head === undefined) return '-';
  switch (protocol) {
    case 'http/1.1':
      return 'HTTP/1.1';
    case 'http/1.0':
      return 'HTTP/1.0';
    case 'h2':
      return 'HTTP/2.0';
  }
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
