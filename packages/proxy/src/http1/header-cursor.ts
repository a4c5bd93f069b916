// Walks over the header fields of a head, one after another, and checks each byte. Strict: a name is a token directly before its colon, a value holds no
// control character but the tab, each line ends with CR LF. Source: RFC 9112, section 5; RFC 9110, sections 5.1 and 5.5.

/** What a character may be part of, by its latin-1 code. */
const TOKEN = 1;
const VALUE = 2;
const PLAIN = 4;
const CLASSES = Uint8Array.from({ length: 256 }, (_, code) => {
  const text = String.fromCharCode(code);
  return (
    (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(text) ? TOKEN : 0) |
    (/[\t\x20-\x7e\x80-\xff]/.test(text) ? VALUE : 0) |
    (/[-0-9A-Za-z]/.test(text) ? PLAIN : 0)
  );
});

const TAB = 0x09;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

/** Names that mean something to the proxy, by their first letter and length: all others are spared a look-up. */
export class NameFilter {
  readonly #lengths = new Int32Array(256);

  /** @param names in lower case, of fewer than 32 characters */
  constructor(names: readonly string[]) {
    for (const name of names) {
      for (const first of [name.charCodeAt(0), name.toUpperCase().charCodeAt(0)]) {
        this.#lengths[first] = (this.#lengths[first] as number) | (1 << name.length);
      }
    }
  }

  /** False: the name is none of them for sure. */
  mayHold(first: number, length: number): boolean {
    return length < 32 && ((this.#lengths[first] as number) & (1 << length)) !== 0;
  }
}

export type HeaderFault = 'name' | 'colon' | 'value' | 'line-end' | 'fold';

export class HeaderCursor {
  nameStart = 0;
  nameEnd = 0;
  /** Without the blanks around it. */
  valueStart = 0;
  valueEnd = 0;
  /** Where the next line begins. */
  next = 0;
  /** The name holds nothing but letters, digits and hyphens. */
  plainName = true;
  /** The line is exactly `Name: value`. */
  canonical = true;
  /** The value has bytes beyond ASCII. */
  wide = false;
  /** A tab follows the value: some parsers take it for a part of it. */
  tabAfter = false;
  fault: HeaderFault | undefined;

  /**
   * Reads the line that begins at `start`; `text` holds the whole of each line that it holds a part of.
   * @returns false when it is malformed: see `fault`
   */
  read(text: string, start: number): boolean {
    let at = start;
    let code = text.charCodeAt(at);
    let names = TOKEN | PLAIN;
    while (code !== COLON) {
      const kind = CLASSES[code] as number;
      if ((kind & TOKEN) === 0) return this.#fail(nameFault(code, at === start));
      names &= kind;
      at += 1;
      code = text.charCodeAt(at);
    }
    if (at === start) return this.#fail('name');
    this.nameStart = start;
    this.nameEnd = at;
    this.plainName = (names & PLAIN) !== 0;
    const afterColon = at + 1;
    at = afterColon;
    code = text.charCodeAt(at);
    while (code === SPACE || code === TAB) {
      at += 1;
      code = text.charCodeAt(at);
    }
    this.valueStart = at;
    let all = 0;
    while (((CLASSES[code] as number) & VALUE) !== 0) {
      all |= code;
      at += 1;
      code = text.charCodeAt(at);
    }
    if (code !== CR) return this.#fail('value');
    if (text.charCodeAt(at + 1) !== 0x0a) return this.#fail('line-end');
    this.next = at + 2;
    const blanksEnd = at;
    this.tabAfter = false;
    while (at > this.valueStart && isBlank(text.charCodeAt(at - 1))) {
      at -= 1;
      if (text.charCodeAt(at) === TAB) this.tabAfter = true;
    }
    this.valueEnd = at;
    this.wide = all >= 0x80;
    this.canonical =
      this.valueStart === afterColon + 1 &&
      text.charCodeAt(afterColon) === SPACE &&
      at === blanksEnd;
    return true;
  }

  #fail(fault: HeaderFault): false {
    this.fault = fault;
    return false;
  }
}

function nameFault(code: number, first: boolean): HeaderFault {
  if (code === CR) return 'colon';
  return first && isBlank(code) ? 'fold' : 'name';
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Every character may be part of a token, and there is one. */
export function isToken(text: string): boolean {
  if (text === '') return false;
  for (let i = 0; i < text.length; i += 1) {
    if (((CLASSES[text.charCodeAt(i)] ?? 0) & TOKEN) === 0) return false;
  }
  return true;
}
