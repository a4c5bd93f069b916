// Takes turns by the weights of a forward action: exact over a cycle, and evenly spaced in it (0101 rather than 0011), so
// that a share of five percent is felt by each twentieth request and not by a burst.

/**
 * @param weights 0-999 each, one a target group
 * @returns the same in lowest terms; empty when all are zero. Pure.
 */
export function sharesOf(weights: readonly number[]): readonly number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  return divisor === 0 ? [] : weights.map((weight) => weight / divisor);
}

/**
 * Smooth weighted round robin: everyone gains their share, the richest is chosen and pays the total. Over as many turns as the shares
 * add up to, each index comes up as often as its share says.
 * @param credit what each has saved up; all zero at first. Changed.
 * @returns an index into `shares`; -1 when there are none
 */
export function takeTurn(shares: readonly number[], credit: number[]): number {
  let best = -1;
  let total = 0;
  for (let index = 0; index < shares.length; index += 1) {
    const share = shares[index] ?? 0;
    total += share;
    credit[index] = (credit[index] ?? 0) + share;
    if (share > 0 && (best < 0 || (credit[index] ?? 0) > (credit[best] ?? 0))) best = index;
  }
  if (best >= 0) credit[best] = (credit[best] ?? 0) - total;
  return best;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
