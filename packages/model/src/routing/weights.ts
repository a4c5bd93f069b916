// Turns the weights of a forward action into a fixed cycle of choices: exact over the cycle, and evenly spaced in
// it (0101 rather than 0011), so that a share of five percent is felt by each twentieth request and not by a burst.

/**
 * @param weights 0-999 each, one a target group
 * @returns indices into `weights`; empty when all are zero. Each index appears in proportion to its weight.
 * Pure.
 */
export function weightCycle(weights: readonly number[]): readonly number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  if (divisor === 0) return [];
  const shares = weights.map((weight) => weight / divisor);
  const total = shares.reduce((sum, share) => sum + share, 0);
  // Smooth weighted round robin: everyone gains their share, the richest is chosen and pays the total.
  const credit = shares.map(() => 0);
  const cycle: number[] = [];
  while (cycle.length < total) {
    let best = -1;
    for (const [index, share] of shares.entries()) {
      credit[index] = (credit[index] ?? 0) + share;
      if (share > 0 && (best < 0 || (credit[index] ?? 0) > (credit[best] ?? 0))) best = index;
    }
    credit[best] = (credit[best] ?? 0) - total;
    cycle.push(best);
  }
  return cycle;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
