// IP addresses and CIDR blocks, for conditions on the source address. An IPv4 address that arrives mapped
// into IPv6 (::ffff:192.0.2.1) is the IPv4 address.

/** 4 or 16 bytes. */
export type AddressBytes = readonly number[];

export interface Block {
  readonly text: string;
  readonly bytes: AddressBytes;
  readonly prefix: number;
}

/** The bytes of an address; undefined for a text that is none. A zone (%eth0) is ignored. Pure. */
export function parseAddress(text: string): AddressBytes | undefined {
  const plain = text.split('%', 1)[0] ?? '';
  if (!plain.includes(':')) return parseV4(plain);
  const bytes = parseV6(plain);
  if (bytes === undefined) return undefined;
  const mapped =
    bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return mapped ? bytes.slice(12) : bytes;
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part)))
    return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseV6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '');
  const tail = groups(halves[1] ?? '');
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const bytes: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes('.') && index === parts.length - 1) {
      const v4 = parseV4(part);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const value = Number.parseInt(part, 16);
      bytes.push(value >> 8, value & 255);
    } else return undefined;
  }
  return bytes;
}

/** A CIDR block, or one address; undefined for a text that is neither. Pure. */
export function parseBlock(text: string): Block | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const bytes = parseAddress(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  if (length === undefined) return { text, bytes, prefix: bytes.length * 8 };
  if (!/^(0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  // The prefix of a mapped IPv4 block counts from the start of the IPv6 address.
  const prefix = Number(length) - (address.includes(':') && bytes.length === 4 ? 96 : 0);
  return prefix >= 0 && prefix <= bytes.length * 8 ? { text, bytes, prefix } : undefined;
}

/** Pure. */
export function blockContains(block: Block, address: AddressBytes): boolean {
  return block.bytes.length === address.length && sameBits(block.bytes, address, block.prefix);
}

/** True when each address of `inner` lies in `outer`. Pure. */
export function blockCovers(outer: Block, inner: Block): boolean {
  return inner.prefix >= outer.prefix && blockContains(outer, inner.bytes);
}

function sameBits(left: AddressBytes, right: AddressBytes, bits: number): boolean {
  for (let i = 0; i * 8 < bits; i += 1) {
    const shift = Math.max(0, 8 - (bits - i * 8));
    if ((left[i] ?? 0) >> shift !== (right[i] ?? 0) >> shift) return false;
  }
  return true;
}
