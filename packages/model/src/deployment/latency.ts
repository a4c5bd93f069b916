// How long requests took, as numbers of requests by bucket: eight buckets to each doubling, so that a time is known to within an
// eighth. Sums and differences of such counts are counts again. Pure.

const LEAST_MS = 0.125;
const A_DOUBLING = 8;
const DOUBLINGS = 24;
export const BUCKETS = DOUBLINGS * A_DOUBLING;

export function bucketOf(milliseconds: number): number {
  if (milliseconds <= LEAST_MS) return 0;
  const bucket = Math.ceil(Math.log2(milliseconds / LEAST_MS) * A_DOUBLING);
  return Math.min(bucket, BUCKETS - 1);
}

/** The longest that belongs to a bucket, in ms. */
export function longestOf(bucket: number): number {
  return LEAST_MS * 2 ** (bucket / A_DOUBLING);
}

/** Below which this share of the requests took; undefined for none. @param share 0-1 */
export function quantile(counts: readonly number[], share: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let left = Math.ceil(total * share);
  const bucket = counts.findIndex((count) => (left -= count) <= 0);
  return longestOf(bucket);
}

export function added(a: readonly number[], b: readonly number[]): number[] {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, bucket) => (a[bucket] ?? 0) + (b[bucket] ?? 0));
}

/** What came to `before` until it was `after`. */
export function since(after: readonly number[], before: readonly number[]): number[] {
  return after.map((count, bucket) => Math.max(0, count - (before[bucket] ?? 0)));
}
