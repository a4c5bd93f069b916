// One buffer for all that is read from targets. A buffer of its own for each read, as sockets take by default, costs more than everything else that is done with a large
// answer: the collector runs all the time. What has to outlive the read is copied, large parts into buffers that are used again and again.

const SIZE = 65_536;
/** Smaller parts are copied into what Node.js keeps for small buffers. */
const LARGE = 8_192;
const MOST_FREE = 64;

/** Holds what has just been read, for no longer than the call that hands it over. */
export const READ_BUFFER = Buffer.allocUnsafeSlow(SIZE);

const free: Buffer[] = [];
/** Buffers that are lent and may come back. */
const lent = new WeakMap<ArrayBufferLike, Buffer>();

/** For whoever needs bytes for longer than the call that hands them over: a copy, if they are only lent. */
export function keep(bytes: Buffer): Buffer {
  if (bytes.buffer !== READ_BUFFER.buffer) return bytes;
  if (bytes.length < LARGE) return Buffer.from(bytes);
  const whole = free.pop() ?? Buffer.allocUnsafeSlow(SIZE);
  lent.set(whole.buffer, whole);
  bytes.copy(whole);
  return bytes.length === SIZE ? whole : whole.subarray(0, bytes.length);
}

/** Nobody needs this copy any more; it may be any buffer. Without this call a copy is collected like any other. */
export function giveBack(bytes: Buffer): void {
  const whole = lent.get(bytes.buffer);
  if (whole === undefined) return;
  lent.delete(whole.buffer);
  if (free.length < MOST_FREE) free.push(whole);
}
