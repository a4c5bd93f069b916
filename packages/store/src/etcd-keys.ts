// Ranges of etcd's keys, and those of its keys that nobody is shown.
import { ROOT } from './keys.ts';

/**
 * Below this are the marks by which a store finds out what became of a transaction (`commit-lane.ts`). They lie within ROOT,
 * so that a watch of all records passes every revision, and they are shown to nobody.
 */
export const MARKS = `${ROOT}-marks/`;

export function isMark(key: string): boolean {
  return key.startsWith(MARKS);
}

/** The first key after all keys that start with the prefix. */
export function endOf(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  for (let at = end.length - 1; at >= 0; at -= 1) {
    const byte = end[at] as number;
    if (byte < 0xff) {
      end[at] = byte + 1;
      return end.subarray(0, at + 1);
    }
  }
  return Buffer.from([0]);
}

/** The key that follows directly. */
export function after(key: string): Buffer {
  return Buffer.from(`${key}\0`);
}
