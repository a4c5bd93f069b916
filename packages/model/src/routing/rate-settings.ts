// Token buckets as listeners and rules state them.
import type { AttributeReader } from './attribute-reader.ts';

export interface RateLimit {
  readonly perSecond: number;
  /** How many requests at once a rested bucket lets through; at least 1. */
  readonly burst: number;
}

export interface RateLimits {
  /** Of all clients together. */
  readonly total: RateLimit | undefined;
  /** Of each client's address. */
  readonly perClient: RateLimit | undefined;
}

export function rateLimits(read: AttributeReader): RateLimits {
  return { total: rateLimit(read, 'rate_limit'), perClient: rateLimit(read, 'client_rate_limit') };
}

function rateLimit(read: AttributeReader, name: string): RateLimit | undefined {
  const perSecond = read.number(`berth.${name}.requests_per_second`);
  if (perSecond === 0) return undefined;
  const burst = read.number(`berth.${name}.burst`);
  return { perSecond, burst: Math.max(1, burst === 0 ? perSecond : burst) };
}
