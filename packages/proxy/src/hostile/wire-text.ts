// Reads what the proxy has written to a target or to a client, by nothing but the letter of RFC 9112 for the canonical form in which the
// proxy writes: another pair of eyes than its own parsers.

const CRLF = '\r\n';
const REQUEST_LINE = /^([-!#$%&'*+.^_`|~0-9A-Za-z]+) ([!-~\x80-\xff]+) HTTP\/1\.1$/;
const STATUS_LINE = /^HTTP\/1\.1 ([2-5][0-9]{2}) ([\t -~\x80-\xff]*)$/;
const FIELD = /^([-!#$%&'*+.^_`|~0-9A-Za-z]+): ?([\t -~\x80-\xff]*)$/;

export interface Message {
  readonly first: string;
  readonly method: string;
  readonly body: string;
  /** It came to its end. */
  readonly complete: boolean;
}

/** @throws when a message is not framed in exactly one way. What is cut off at its end is an incomplete message. */
export function requestsIn(text: string): Message[] {
  const found: Message[] = [];
  let rest = text;
  while (rest !== '') {
    const head = headOf(rest, REQUEST_LINE);
    if (head === undefined) return [...found, cut(rest)];
    if (count(head.fields, 'host') !== 1) throw new Error(`not one Host: ${show(rest)}`);
    const framing = framingOf(head.fields, rest);
    const read = bodyOf(rest.slice(head.length), framing ?? 0, rest);
    found.push({ first: head.first, method: head.match[1] ?? '', ...read });
    rest = rest.slice(head.length + read.length);
  }
  return found;
}

/**
 * @param bodiless the answer is one to HEAD
 * @throws when it is not framed in exactly one way
 */
export function responseIn(text: string, bodiless: boolean): Message & { readonly extra: string } {
  const head = headOf(text, STATUS_LINE);
  if (head === undefined) return { ...cut(text), extra: '' };
  const status = head.match[1] ?? '';
  const framing = framingOf(head.fields, text);
  const rest = text.slice(head.length);
  const none = bodiless || status === '204' || status === '304';
  const untilClose = framing === undefined && !none;
  const read = untilClose
    ? { body: rest, complete: true, length: rest.length }
    : bodyOf(rest, none ? 0 : (framing ?? 0), text);
  return { first: head.first, method: '', ...read, extra: rest.slice(read.length) };
}

type Fields = readonly (readonly [name: string, value: string])[];

interface Head {
  readonly first: string;
  readonly match: RegExpExecArray;
  readonly fields: Fields;
  readonly length: number;
}

function headOf(text: string, line: RegExp): Head | undefined {
  const end = text.indexOf(CRLF + CRLF);
  if (end < 0) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split(CRLF);
  const match = line.exec(first);
  if (match === null) throw new Error(`no first line: ${show(text)}`);
  const fields = lines.map((field) => {
    const found = FIELD.exec(field);
    if (found === null) throw new Error(`no field ${JSON.stringify(field)}: ${show(text)}`);
    return [(found[1] ?? '').toLowerCase(), found[2] ?? ''] as const;
  });
  return { first, match, fields, length: end + 4 };
}

const count = (fields: Fields, name: string): number =>
  fields.filter(([found]) => found === name).length;

/** @returns a length, `chunked`, or undefined where nothing is said */
function framingOf(fields: Fields, text: string): number | 'chunked' | undefined {
  const lengths = fields.filter(([name]) => name === 'content-length');
  const codings = fields.filter(([name]) => name === 'transfer-encoding');
  if (lengths.length + codings.length > 1) throw new Error(`framed twice: ${show(text)}`);
  const [coding] = codings;
  if (coding !== undefined) {
    if (coding[1] !== 'chunked') throw new Error(`an odd coding: ${show(text)}`);
    return 'chunked';
  }
  const [length] = lengths;
  if (length === undefined) return undefined;
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(length[1])) throw new Error(`an odd length: ${show(text)}`);
  return Number(length[1]);
}

function bodyOf(
  text: string,
  framing: number | 'chunked',
  whole: string,
): { readonly body: string; readonly complete: boolean; readonly length: number } {
  if (framing !== 'chunked') {
    const body = text.slice(0, framing);
    return { body, complete: body.length === framing, length: body.length };
  }
  let body = '';
  let at = 0;
  for (;;) {
    const line = text.indexOf(CRLF, at);
    if (line < 0) return { body, complete: false, length: text.length };
    const size = text.slice(at, line);
    if (!/^[0-9a-f]{1,14}$/.test(size)) throw new Error(`an odd chunk: ${show(whole)}`);
    const bytes = Number.parseInt(size, 16);
    const after = line + 2 + bytes;
    body += text.slice(line + 2, after);
    if (text.length < after + 2) return { body, complete: false, length: text.length };
    if (text.slice(after, after + 2) !== CRLF) {
      throw new Error(`a chunk without its end: ${show(whole)}`);
    }
    at = after + 2;
    if (bytes === 0) return { body, complete: true, length: at };
  }
}

function cut(text: string): Message {
  return { first: text, method: '', body: '', complete: false };
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 2_000));
}
