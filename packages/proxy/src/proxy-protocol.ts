// The PROXY protocol, by which a load balancer in front says whose connection it passes on: read in versions 1 and 2, written in
// version 2. Source: HAProxy's proxy-protocol.txt, sections 2.1 and 2.2.
import type { Socket } from 'node:net';

import { parseAddress } from '@berth/model/routing/address.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface ProxyHeader {
  /** Bytes that it takes. */
  readonly length: number;
  /** Undefined: the connection is the sender's own (LOCAL), or of no kind that has addresses (UNKNOWN). */
  readonly source: Endpoint | undefined;
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V1_START = Buffer.from('PROXY ', 'latin1');
const V1_LONGEST = 107;
const V1_LINE =
  /^PROXY (?:(TCP4|TCP6) ([0-9a-fA-F.:]{2,45}) ([0-9a-fA-F.:]{2,45}) ([0-9]{1,5}) ([0-9]{1,5})|UNKNOWN(?: [ -~]*)?)$/;
const V2_FIXED = 16;
/** With what else it may tell. */
const V2_LONGEST = 2_048;
const LOCAL = 0x20;
const PROXY = 0x21;
const TCP4 = 0x11;
const TCP6 = 0x21;
const V4_BYTES = 12;
const V6_BYTES = 36;

/**
 * @param bytes the first of a connection
 * @returns `none` for what begins otherwise, `malformed` for what only begins so, undefined while more is needed. Pure.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'none' | 'malformed' | undefined {
  if (beginsLike(bytes, SIGNATURE)) {
    return bytes.length < V2_FIXED ? undefined : readVersion2(bytes);
  }
  if (beginsLike(bytes, V1_START)) return readVersion1(bytes);
  return 'none';
}

function beginsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function readVersion1(bytes: Buffer): ProxyHeader | 'malformed' | undefined {
  const end = bytes.subarray(0, V1_LONGEST).indexOf('\r\n');
  if (end < 0) return bytes.length >= V1_LONGEST ? 'malformed' : undefined;
  const found = V1_LINE.exec(bytes.toString('latin1', 0, end));
  if (found === null) return 'malformed';
  const [, family, source = '', destination = '', sourcePort, destinationPort] = found;
  if (family === undefined) return { length: end + 2, source: undefined };
  const v6 = family === 'TCP6';
  const port = portOf(sourcePort);
  for (const address of [source, destination]) {
    if (address.includes(':') !== v6 || parseAddress(address) === undefined) return 'malformed';
  }
  if (port === undefined || portOf(destinationPort) === undefined) return 'malformed';
  return { length: end + 2, source: { address: plain(source), port } };
}

function portOf(text = ''): number | undefined {
  const port = Number(text);
  return /^(?:0|[1-9][0-9]*)$/.test(text) && port <= 65_535 ? port : undefined;
}

function readVersion2(bytes: Buffer): ProxyHeader | 'malformed' | undefined {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const told = bytes.readUInt16BE(14);
  const length = V2_FIXED + told;
  if ((command !== LOCAL && command !== PROXY) || told > V2_LONGEST) return 'malformed';
  if (bytes.length < length) return undefined;
  if (command === LOCAL) return { length, source: undefined };
  if (family === TCP4) {
    if (told < V4_BYTES) return 'malformed';
    const address = bytes.subarray(V2_FIXED, V2_FIXED + 4).join('.');
    return { length, source: { address, port: bytes.readUInt16BE(V2_FIXED + 8) } };
  }
  if (family === TCP6) {
    if (told < V6_BYTES) return 'malformed';
    const address = v6Text(bytes.subarray(V2_FIXED, V2_FIXED + 16));
    return { length, source: { address, port: bytes.readUInt16BE(V2_FIXED + 32) } };
  }
  return { length, source: undefined };
}

function v6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    bytes.readUInt16BE(2 * index).toString(16),
  );
  const mapped = parseAddress(groups.join(':'));
  if (mapped?.length === 4) return mapped.join('.');
  // The longest run of zeros is left out. Source: RFC 5952, section 4.2.
  let best = { at: -1, length: 1 };
  for (let at = 0; at < groups.length;) {
    let length = 0;
    while (groups[at + length] === '0') length += 1;
    if (length > best.length) best = { at, length };
    at += length + 1;
  }
  if (best.at < 0) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}

function plain(address: string): string {
  return address.replace(/^::ffff:(?=[0-9.]+$)/i, '');
}

/**
 * What a connection to a target begins with.
 * @param source the client
 * @param destination where the client has connected to
 */
export function writeProxyHeader(source: Endpoint, destination: Endpoint): Buffer {
  const from = parseAddress(source.address);
  const to = parseAddress(destination.address);
  if (from === undefined || to === undefined) return header(LOCAL, 0, Buffer.alloc(0));
  const v4 = from.length === 4 && to.length === 4;
  const width = v4 ? 4 : 16;
  const told = Buffer.alloc(2 * width + 4);
  told.set(widened(from, width), 0);
  told.set(widened(to, width), width);
  told.writeUInt16BE(source.port, 2 * width);
  told.writeUInt16BE(destination.port, 2 * width + 2);
  return header(PROXY, v4 ? TCP4 : TCP6, told);
}

function header(command: number, family: number, told: Buffer): Buffer {
  const fixed = Buffer.alloc(4);
  fixed.writeUInt8(command, 0);
  fixed.writeUInt8(family, 1);
  fixed.writeUInt16BE(told.length, 2);
  return Buffer.concat([SIGNATURE, fixed, told]);
}

/** An IPv4 address among IPv6 ones is a mapped one. */
function widened(bytes: readonly number[], width: number): readonly number[] {
  if (bytes.length === width) return bytes;
  return [...Array.from({ length: 10 }, () => 0), 255, 255, ...bytes];
}

/**
 * Takes the header off a connection of which nothing has been read; what follows it is put back.
 * @param done called once: with the header, `none` where there is none, or undefined for a connection that is not to be served
 */
export function takeProxyHeader(
  socket: Socket,
  timeoutMs: number,
  done: (header: ProxyHeader | 'none' | undefined) => void,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('data', onData).off('end', onLost).off('close', onLost);
  };
  const onLost = (): void => {
    stop();
    done(undefined);
  };
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const found = readProxyHeader(bytes);
    if (found === undefined) return;
    stop();
    if (found === 'malformed') {
      done(undefined);
      return;
    }
    socket.pause();
    const rest = found === 'none' ? bytes : bytes.subarray(found.length);
    if (rest.length > 0) socket.unshift(rest);
    done(found);
  };
  const timer = setTimeout(onLost, timeoutMs);
  socket.on('data', onData).on('end', onLost).on('close', onLost);
}
