// Chooses address ranges for an engine of our own that nothing else on this machine uses. Pure.

export interface Range {
  /** As an unsigned 32-bit number. */
  readonly base: number;
  readonly bits: number;
}

export interface EngineRanges {
  /** Of the default bridge: "172.29.0.1/16", its own address and its size. */
  readonly bip: string;
  /** For further networks: "172.30.0.0/16". */
  readonly pool: string;
}

/** Private ranges that other tools take seldom, in the order in which we try them. */
const CANDIDATES = [29, 30, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 31]
  .map((second) => `172.${second}.0.0/16`)
  .concat(['10.199.0.0/16', '10.198.0.0/16', '10.197.0.0/16', '10.196.0.0/16']);

/** @returns undefined for text that is no IPv4 range; a bare address is a range of one */
export function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (!match) return undefined;
  const bytes = match.slice(1, 5).map(Number);
  const bits = match[5] === undefined ? 32 : Number(match[5]);
  if (bytes.some((byte) => byte > 255) || bits > 32) return undefined;
  const address = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const size = 2 ** (32 - bits);
  return { base: Math.floor(address / size) * size, bits };
}

export function overlap(a: Range, b: Range): boolean {
  const end = ({ base, bits }: Range): number => base + 2 ** (32 - bits);
  return a.base < end(b) && b.base < end(a);
}

/**
 * Two ranges that none of the used ones touches.
 * @param used destinations of routes and addresses of interfaces; the default route does not count
 * @returns undefined where everything is taken
 */
export function chooseRanges(used: readonly string[]): EngineRanges | undefined {
  const taken = used.flatMap((text) => parseRange(text) ?? []).filter(({ bits }) => bits > 0);
  const free = CANDIDATES.filter((candidate) => {
    const range = parseRange(candidate);
    return range !== undefined && taken.every((other) => !overlap(range, other));
  });
  const [first, second] = free;
  if (first === undefined || second === undefined) return undefined;
  return { bip: first.replace(/\.0\/16$/, '.1/16'), pool: second };
}
