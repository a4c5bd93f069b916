// Where events are sent: what somebody may ask for. Pure.
import { BerthError } from '../errors.ts';
import type { CreateEventSinkRequest, EventSinkRecord } from '../generated/messages.ts';
import { parsePattern } from './pattern.ts';

export const MOST_SINKS = 20;
/** Kept of a sink; then the oldest gives way. */
export const DEAD_LETTERS_KEPT = 500;
const MOST_HEADERS = 20;
const MOST_HEADER_BYTES = 4_096;
const MOST_URL_BYTES = 2_048;
const DEFAULT_TRIES = 10;
const DEFAULT_TIMEOUT_SECONDS = 10;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** Made by the sender. */
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** All of a sink but its headers, and what only the api knows. */
export type CheckedSink = Pick<
  EventSinkRecord,
  'name' | 'kind' | 'url' | 'format' | 'pattern' | 'mostTries' | 'timeoutSeconds'
>;

/** @throws BerthError InvalidParameterException that names the parameter and what it may be */
export function checkSink(request: CreateEventSinkRequest): CheckedSink {
  const { name, kind, url, pattern, headers } = request;
  if (!NAME.test(name)) {
    throw refused(
      'name',
      `must be 1 to 64 letters, digits, _ or -, with a letter or digit first; found "${name}"`,
    );
  }
  if (kind === 'file') {
    if (url !== undefined) throw refused('url', 'is of webhooks; a file is named after its sink');
    if (headers.length > 0) throw refused('headers', 'are of webhooks');
  } else checkUrl(url);
  if (headers.length > MOST_HEADERS) {
    throw refused('headers', `may be ${MOST_HEADERS}; found ${headers.length}`);
  }
  const seen = new Set<string>();
  for (const { name: header, value } of headers) checkHeader(header, value, seen);
  if (pattern !== undefined) parsePattern(pattern);
  return {
    name,
    kind,
    url,
    format: request.format ?? 'cloudevents',
    pattern,
    mostTries: within('mostTries', request.mostTries ?? DEFAULT_TRIES, 1, 100),
    timeoutSeconds: within(
      'timeoutSeconds',
      request.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
      1,
      60,
    ),
  };
}

function checkUrl(url: string | undefined): void {
  if (url === undefined) throw refused('url', 'is needed for a webhook');
  if (url.length > MOST_URL_BYTES) throw refused('url', `may have ${MOST_URL_BYTES} characters`);
  if (!URL.canParse(url)) throw refused('url', `must be a URL; found "${url}"`);
  const { protocol, username, password } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw refused('url', `must begin with http:// or https://; found "${protocol}"`);
  }
  if (username !== '' || password !== '') {
    throw refused('url', 'must not hold a password: it would be shown; send a header instead');
  }
}

function checkHeader(name: string, value: string, seen: Set<string>): void {
  const lower = name.toLowerCase();
  if (!TOKEN.test(name)) throw refused('headers', `"${name}" is no name of a header`);
  if (OWN_HEADERS.has(lower)) throw refused('headers', `${name} is set by the sender`);
  if (seen.has(lower)) throw refused('headers', `${name} is named twice`);
  seen.add(lower);
  if (value.length > MOST_HEADER_BYTES || !/^[\t\x20-\x7e]*$/.test(value)) {
    throw refused(
      'headers',
      `the value of ${name} may be ${MOST_HEADER_BYTES} characters of ASCII`,
    );
  }
}

function within(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw refused(name, `must be ${least} to ${most}; found ${value}`);
}

function refused(parameter: string, problem: string): BerthError {
  return new BerthError('InvalidParameterException', `${parameter} ${problem}.`);
}
