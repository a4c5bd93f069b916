// Reads the first message of a TLS client, as far as it says whom it wants to reach and in which protocols. Used only where OpenSSL
// would tell too late. Source: RFC 8446, sections 4.1.2 and 5.1; RFC 6066, section 3; RFC 7301.

export interface ClientHello {
  readonly serverName: string | undefined;
  readonly protocols: readonly string[];
}

/** A record holds no more. */
export const LONGEST_HELLO = 5 + 16_384;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ALPN = 16;

/** @returns undefined while more is needed, `none` for what is not the beginning of TLS. Pure. */
export function readClientHello(bytes: Buffer): ClientHello | 'none' | undefined {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE) return 'none';
  if (bytes.length < 5) return undefined;
  const length = bytes.readUInt16BE(3);
  if (length > LONGEST_HELLO - 5 || length < 4) return 'none';
  if (bytes.length < 5 + length) return undefined;
  try {
    return parse(new Reader(bytes.subarray(5, 5 + length)));
  } catch (error) {
    if (error instanceof RangeError) return 'none';
    throw error;
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(size: number): number {
    const value = this.#bytes.readUIntBE(this.#at, size);
    this.#at += size;
    return value;
  }

  /** @param size bytes of the length before it */
  vector(size: number): Reader {
    return new Reader(this.take(this.number(size)));
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('cut short');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }
}

/** @throws RangeError where it is cut short */
function parse(record: Reader): ClientHello | 'none' {
  if (record.number(1) !== CLIENT_HELLO) return 'none';
  const hello = record.vector(3);
  hello.take(2 + 32); // version, random
  hello.vector(1); // session
  hello.vector(2); // ciphers
  hello.vector(1); // compression
  let serverName: string | undefined;
  const protocols: string[] = [];
  if (hello.done) return { serverName, protocols };
  const extensions = hello.vector(2);
  while (!extensions.done) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (type === SERVER_NAME) {
      const names = body.vector(2);
      if (names.number(1) === 0) serverName = names.vector(2).rest().toString('latin1');
    } else if (type === ALPN) {
      const list = body.vector(2);
      while (!list.done) protocols.push(list.vector(1).rest().toString('latin1'));
    }
  }
  return { serverName, protocols };
}
