// Limits a rate: a bucket holds as many tokens as its burst, and fills at its rate.
import type { RateLimit } from './rate-settings.ts';

export interface Bucket {
  /** Changed. */
  tokens: number;
  /** Monotonic milliseconds when `tokens` was right. Changed. */
  at: number;
}

export function fullBucket(limit: RateLimit, now: number): Bucket {
  return { tokens: limit.burst, at: now };
}

/** @returns 0 when there was a token, which is taken; else in how many milliseconds there will be one */
export function takeToken(bucket: Bucket, limit: RateLimit, now: number): number {
  const filled = bucket.tokens + (Math.max(0, now - bucket.at) * limit.perSecond) / 1000;
  bucket.tokens = Math.min(limit.burst, filled);
  bucket.at = now;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return 0;
  }
  return Math.ceil(((1 - bucket.tokens) * 1000) / limit.perSecond);
}

/** A token that was taken for nothing. */
export function returnToken(bucket: Bucket, limit: RateLimit): void {
  bucket.tokens = Math.min(limit.burst, bucket.tokens + 1);
}
