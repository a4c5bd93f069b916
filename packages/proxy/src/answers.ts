// What the proxy answers by itself: errors in ALB's form, fixed responses and redirects.
// Source: ALB reference, sections 2.3 and 4.3.
import { STATUS_CODES } from 'node:http';

import type { FixedResponseAction } from '@berth/model/generated/messages.ts';

import type { AnswerSink } from './exchange-sides.ts';

const SERVER = 'Server: awselb/2.0\r\n';
const EMPTY = Buffer.alloc(0);

const PHRASES: Readonly<Record<number, string>> = {
  414: 'Request-URI Too Large',
  460: '',
  463: '',
  464: '',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  561: '',
  562: '',
};

export interface Answer {
  readonly status: number;
  /** Of the status line. */
  readonly phrase: string;
  /** Fields without the length. */
  readonly lines: string;
  readonly body: Buffer;
  /** False: an answer of this status has no length. */
  readonly bodied: boolean;
}

const pages = new Map<number, Answer>();

/** The small page that ALB sends for an error or a redirect. */
export function page(status: number, lines = ''): Answer {
  let made = pages.get(status);
  if (made === undefined) {
    made = makePage(status);
    pages.set(status, made);
  }
  return lines === '' ? made : { ...made, lines: made.lines + lines };
}

function makePage(status: number): Answer {
  const phrase = PHRASES[status] ?? STATUS_CODES[status] ?? '';
  const title = phrase === '' ? String(status) : `${status} ${phrase}`;
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  const lines = `${SERVER}Content-Type: text/html\r\n`;
  return { status, phrase, lines, body: Buffer.from(body), bodied: true };
}

/** @param lines more fields */
export function redirectTo(
  location: string,
  statusCode: 'HTTP_301' | 'HTTP_302',
  lines = '',
): Answer {
  const status = Number(statusCode.slice('HTTP_'.length));
  return page(status, `Location: ${headerValue(location)}\r\n${lines}`);
}

const fixed = new WeakMap<FixedResponseAction, Answer>();

export function fixedResponse(action: FixedResponseAction): Answer {
  let made = fixed.get(action);
  if (made === undefined) {
    made = makeFixedResponse(action);
    fixed.set(action, made);
  }
  return made;
}

function makeFixedResponse(action: FixedResponseAction): Answer {
  const status = Number(action.statusCode);
  const phrase = STATUS_CODES[status] ?? '';
  // Source: RFC 9110, section 8.6: no length where there can be no body.
  if (status === 204) return { status, phrase, lines: SERVER, body: EMPTY, bodied: false };
  const type = action.contentType ?? 'text/plain';
  const charset = type.startsWith('text/') ? `${type}; charset=utf-8` : type;
  const lines = `${SERVER}Content-Type: ${charset}\r\n`;
  return { status, phrase, lines, body: Buffer.from(action.messageBody ?? ''), bodied: true };
}

/** 200 with a text of the proxy's own, which nobody may keep. */
export function textAnswer(contentType: string, text: string): Answer {
  const lines = `${SERVER}Content-Type: ${contentType}\r\nCache-Control: no-store\r\n`;
  return { status: 200, phrase: 'OK', lines, body: Buffer.from(text), bodied: true };
}

/**
 * A text as the value of a field: what is beyond ASCII goes as the bytes of its UTF-8, and no control character goes at all, so that a
 * text which somebody has configured can't break a head.
 */
export function headerValue(text: string): string {
  const bare = text.replace(/[\0-\x08\x0a-\x1f\x7f]/g, '');
  return /^[\t -~]*$/.test(bare) ? bare : Buffer.from(bare).toString('latin1');
}

let dateSecond = -1;
let dateLine = '';

/** The Date field of this second. @param now wall time in milliseconds. Source: RFC 9110, section 6.6.1. */
export function dateField(now: number): string {
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateLine = `Date: ${new Date(now).toUTCString()}\r\n`;
  }
  return dateLine;
}

/** @param close the connection ends with this answer */
export function sendAnswer(sink: AnswerSink, made: Answer, close: boolean, now: number): void {
  const { status, phrase, lines, body, bodied } = made;
  sink.head(status, phrase, lines + dateField(now), bodied ? body.length : -1, close);
  sink.finish(body.length === 0 ? undefined : body);
}
