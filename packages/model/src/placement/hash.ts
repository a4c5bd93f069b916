// Chance that can be replayed: the same seed and the same names always fall the same way, in whatever
// order they are looked at. Not for secrets.

/** FNV-1a over UTF-16 code units; an unsigned 32-bit number. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** Scatters two 32-bit numbers into one, by the finaliser of MurmurHash3. */
export function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ b;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The lot that a choice falls on: evenly from 0 until before `size`. */
export function lot(seed: number, draw: number, size: number): number {
  return Math.floor((mix(seed, draw) / 0x1_0000_0000) * size);
}
