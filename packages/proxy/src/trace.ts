// X-Amzn-Trace-Id: a request is given an identity that its way through services can be followed by.
// Source: ALB reference, section 4.1.
import { randomFillSync } from 'node:crypto';

import { LIMITS } from './settings.ts';

const BYTES = 12;
const pool = Buffer.alloc(BYTES * 512);
let used = pool.length;

/**
 * @param received what the client sent, if it did
 * @param now wall time in milliseconds
 */
export function nextTrace(received: string | undefined, now: number): string {
  const seconds = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, '0');
  const own = `1-${seconds}-${random()}`;
  if (received === undefined || received === '') return `Root=${own}`;
  const hasRoot = /(?:^|;)\s*Root=/i.test(received);
  const extended = hasRoot ? `Self=${own};${received}` : `Root=${own};${received}`;
  return extended.length > LIMITS.traceHeader ? `Root=${own}` : extended;
}

function random(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += BYTES;
  return pool.toString('hex', used - BYTES, used);
}
