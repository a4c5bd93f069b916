// When a load sends what: fixed before it begins, so that a stall shows as what users would have felt. Pure.
import type { Kind } from './fate.ts';

export interface LoadOptions {
  /** Of the sample service behind each proxy: http://10.128.0.31:8080/hello. They take turns. */
  readonly urls: readonly string[];
  /** In all, WebSocket conversations among them. */
  readonly requestsPerSecond: number;
  /** A request that is not answered by then has failed. */
  readonly timeoutMs: number;
  /** It ends by itself after so long. */
  readonly seconds: number;
  /** Besides those under way, none is begun; it counts as failed. */
  readonly mostOpen: number;
}

export interface Departure {
  /** Since the load began. */
  readonly atMs: number;
  readonly kind: Kind;
  readonly door: number;
}

/** What a hundred requests consist of. Conversations last two seconds and say ten messages each. */
const MIX: readonly (readonly [Kind, number])[] = [
  ['keep-alive', 59],
  ['new connection', 25],
  ['upload', 10],
  ['slow', 5],
  ['websocket', 1],
];
const KINDS = MIX.flatMap(([kind, count]) => Array<Kind>(count).fill(kind));
/** Coprime to their number: mixes the kinds evenly. */
const STRIDE = 37;

/** How many there are in all. */
export function countOf({ requestsPerSecond, seconds }: LoadOptions): number {
  return Math.floor(requestsPerSecond * seconds);
}

/** The request of this number, from 0 on. Each door gets the same mixture. */
export function departure(
  number: number,
  { urls, requestsPerSecond }: Pick<LoadOptions, 'urls' | 'requestsPerSecond'>,
): Departure {
  const turn = Math.floor(number / urls.length);
  return {
    atMs: (number / requestsPerSecond) * 1000,
    kind: KINDS[(turn * STRIDE) % KINDS.length] ?? 'keep-alive',
    door: number % urls.length,
  };
}
