// Which certificates a client is shown for the name that it asks for. Source: ALB reference, section 4.7.
import type { ServedPair } from './served-pair.ts';

export interface PairIndex {
  /** Shown when no name matches. */
  readonly fallback: ServedPair;
  /** By DNS name as it stands in certificates. */
  readonly byName: ReadonlyMap<string, readonly ServedPair[]>;
  /** Some name has certificates of both kinds. */
  readonly mixed: boolean;
}

export interface PairChoice {
  /** One, or one of each kind of key: the client's ciphers decide then. ECDSA first. */
  readonly pairs: readonly ServedPair[];
  /** The certificates stand for the name. */
  readonly matched: boolean;
}

/** @param pairs the listener's, the default one first. @returns undefined for none. Pure. */
export function indexPairs(pairs: readonly ServedPair[]): PairIndex | undefined {
  const [fallback] = pairs;
  if (fallback === undefined) return undefined;
  const byName = new Map<string, ServedPair[]>();
  for (const pair of pairs) {
    for (const name of pair.names) {
      const known = byName.get(name);
      if (known === undefined) byName.set(name, [pair]);
      else known.push(pair);
    }
  }
  const mixed = [...byName.values()].some(
    (stands) => new Set(stands.map((pair) => pair.kind)).size > 1,
  );
  return { fallback, byName, mixed };
}

/** @param name from SNI; empty for none. @param now wall time in ms. Pure. */
export function choosePairs(index: PairIndex, name: string, now: number): PairChoice {
  const asked = name.toLowerCase();
  const dot = asked.indexOf('.');
  const found =
    index.byName.get(asked) ??
    // A wildcard stands for exactly one label.
    (dot > 0 ? index.byName.get(`*${asked.slice(dot)}`) : undefined);
  if (found === undefined) return { pairs: [index.fallback], matched: false };
  const best = (kind: ServedPair['kind']): ServedPair[] => {
    const [first] = found.filter((pair) => pair.kind === kind).sort(better(now));
    return first === undefined ? [] : [first];
  };
  return { pairs: [...best('ecdsa'), ...best('rsa')], matched: true };
}

/** Valid ones first, then those with a sound hash, with longer keys, and with more time left. */
function better(now: number): (a: ServedPair, b: ServedPair) => number {
  const valid = (pair: ServedPair): number => Number(pair.notBefore <= now && now < pair.notAfter);
  return (a, b) =>
    valid(b) - valid(a) ||
    Number(b.sound) - Number(a.sound) ||
    b.bits - a.bits ||
    b.notAfter - a.notAfter;
}
