// Reads the Authorization header and the time of a signature. Pure. Source: ECS reference, section 1.3.
import { NotAuthentic } from './failure.ts';

export const ALGORITHM = 'AWS4-HMAC-SHA256';
const PARTS = ['Credential', 'Signature', 'SignedHeaders'] as const;

export interface Scope {
  readonly accessKeyId: string;
  /** YYYYMMDD */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export interface Authorization extends Scope {
  readonly signedHeaders: readonly string[];
  /** Hexadecimal, as it was sent. */
  readonly signature: string;
}

/** @throws NotAuthentic when it is no header of this algorithm, or lacks a part */
export function readAuthorization(header: string): Authorization {
  const space = header.indexOf(' ');
  const algorithm = space < 0 ? header : header.slice(0, space);
  if (algorithm !== ALGORITHM) {
    throw incomplete(
      `Authorization header requires ${ALGORITHM}; other algorithms are not accepted.`,
    );
  }
  const parts = partsOf(header.slice(algorithm.length));
  const missing = PARTS.filter((name) => !parts.get(name));
  if (missing.length > 0) {
    throw incomplete(
      missing.map((name) => `Authorization header requires '${name}' parameter.`).join(' '),
    );
  }
  return {
    ...readScope(parts.get('Credential') ?? ''),
    signedHeaders: readSignedHeaders(parts.get('SignedHeaders') ?? ''),
    signature: parts.get('Signature') ?? '',
  };
}

function partsOf(text: string): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (part.trim() === '') continue;
    if (equals < 0) {
      throw incomplete(
        `'${part.trim().slice(0, 60)}' not a valid key=value pair (missing equal-sign) in Authorization header.`,
      );
    }
    const name = part.slice(0, equals).trim();
    if (parts.has(name)) throw incomplete(`Authorization header has '${name}' more than once.`);
    parts.set(name, part.slice(equals + 1).trim());
  }
  return parts;
}

function readScope(credential: string): Scope {
  const elements = credential.split('/');
  const [accessKeyId, date, region, service, terminator] = elements;
  if (
    elements.length !== 5 ||
    !accessKeyId ||
    date === undefined ||
    region === undefined ||
    service === undefined
  ) {
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential.slice(0, 120)}'`,
    );
  }
  if (terminator !== 'aws4_request') {
    throw new NotAuthentic(
      'mismatch',
      `Credential should be scoped with a valid terminator: 'aws4_request', not '${terminator}'.`,
    );
  }
  return { accessKeyId, date, region, service };
}

function readSignedHeaders(text: string): readonly string[] {
  const names = text.split(';');
  const canonical = names.every(
    (name, index) =>
      name !== '' &&
      name === name.toLowerCase() &&
      (index === 0 || (names[index - 1] ?? '') < name),
  );
  if (canonical) return names;
  throw incomplete(
    'SignedHeaders must be names of headers in lower case, sorted, each once, separated by semicolons.',
  );
}

export interface SigningTime {
  /** YYYYMMDDTHHMMSSZ */
  readonly text: string;
  readonly ms: number;
  /** Which header said so. */
  readonly header: 'x-amz-date' | 'date';
}

/** @throws NotAuthentic when neither header is there, or its value is no time */
export function readSigningTime(
  amzDate: string | undefined,
  date: string | undefined,
): SigningTime {
  if (amzDate !== undefined) {
    const ms = parseBasic(amzDate);
    if (ms !== undefined) return { text: amzDate, ms, header: 'x-amz-date' };
    throw incomplete(`Date must be in ISO-8601 'basic format'. Got '${amzDate.slice(0, 40)}'.`);
  }
  if (date === undefined) {
    throw incomplete(
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    );
  }
  const ms = parseBasic(date) ?? Date.parse(date);
  if (Number.isNaN(ms)) {
    throw incomplete(`Date must be a date of HTTP or ISO-8601 'basic format'. Got '${date}'.`);
  }
  return { text: basicTime(ms), ms, header: 'date' };
}

/** Milliseconds as YYYYMMDDTHHMMSSZ. */
export function basicTime(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
}

function parseBasic(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) || basicTime(ms) !== text ? undefined : ms;
}

function incomplete(message: string): NotAuthentic {
  return new NotAuthentic('incomplete', message);
}
