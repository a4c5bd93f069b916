// What the proxy answers by itself: errors in ALB's form, fixed responses and redirects.
// Source: ALB reference, sections 2.3 and 4.3.
import { STATUS_CODES, type ServerResponse } from 'node:http';

import type { FixedResponseAction } from '@berth/model/generated/messages.ts';

const SERVER = 'awselb/2.0';

const PHRASES: Readonly<Record<number, string>> = {
  414: 'Request-URI Too Large',
  463: '',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
};

export interface Answer {
  readonly status: number;
  /** Of the status line. */
  readonly phrase: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/** The small page that ALB sends for an error or a redirect. */
export function page(status: number, headers: readonly string[] = []): Answer {
  const phrase = PHRASES[status] ?? STATUS_CODES[status] ?? '';
  const title = phrase === '' ? String(status) : `${status} ${phrase}`;
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  return answer(status, phrase, 'text/html', body, headers);
}

export function redirectTo(location: string, statusCode: 'HTTP_301' | 'HTTP_302'): Answer {
  return page(Number(statusCode.slice('HTTP_'.length)), ['Location', location]);
}

export function fixedResponse(action: FixedResponseAction): Answer {
  const status = Number(action.statusCode);
  const phrase = STATUS_CODES[status] ?? '';
  // Source: RFC 9110, section 8.6: no length where there can be no body.
  if (status === 204) return { status, phrase, headers: ['Server', SERVER], body: '' };
  const type = action.contentType ?? 'text/plain';
  const charset = type.startsWith('text/') ? `${type}; charset=utf-8` : type;
  return answer(status, phrase, charset, action.messageBody ?? '', []);
}

function answer(
  status: number,
  phrase: string,
  type: string,
  body: string,
  more: readonly string[],
): Answer {
  const length = String(Buffer.byteLength(body));
  const headers = ['Server', SERVER, 'Content-Type', type, 'Content-Length', length, ...more];
  return { status, phrase, headers, body };
}

/** @param close the connection ends with this answer */
export function sendAnswer(response: ServerResponse, made: Answer, close: boolean): void {
  const headers = close ? [...made.headers, 'Connection', 'close'] : [...made.headers];
  response.writeHead(made.status, made.phrase, headers);
  response.end(made.body);
}

/** The answer as bytes, for a connection that Node's HTTP server has given up; always its last. */
export function answerText(made: Answer): string {
  let head = `HTTP/1.1 ${made.status} ${made.phrase}\r\n`;
  for (let i = 0; i + 1 < made.headers.length; i += 2) {
    head += `${made.headers[i] as string}: ${made.headers[i + 1] as string}\r\n`;
  }
  return `${head}Connection: close\r\n\r\n${made.body}`;
}
