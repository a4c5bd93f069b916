// X-Amzn-Trace-Id: a request is given an identity that its way through services can be followed by.
// Source: ALB reference, section 4.1.
import { randomFillSync } from 'node:crypto';

import { LIMITS } from './settings.ts';

const BYTES = 12;
const DIGITS = 2 * BYTES;
const pool = Buffer.alloc(BYTES * 512);
let digits = '';
let used = 0;
let second = -1;
let prefix = '';

/**
 * @param received what the client sent, if it did
 * @param now wall time in milliseconds
 */
export function nextTrace(received: string | undefined, now: number): string {
  const seconds = Math.floor(now / 1000);
  if (seconds !== second) {
    second = seconds;
    prefix = `1-${seconds.toString(16).padStart(8, '0')}-`;
  }
  const own = prefix + random();
  if (received === undefined || received === '') return `Root=${own}`;
  const hasRoot = /(?:^|;)\s*Root=/i.test(received);
  const extended = hasRoot ? `Self=${own};${received}` : `Root=${own};${received}`;
  return extended.length > LIMITS.traceHeader ? `Root=${own}` : extended;
}

function random(): string {
  if (used === digits.length) {
    digits = randomFillSync(pool).toString('hex');
    used = 0;
  }
  used += DIGITS;
  return digits.slice(used - DIGITS, used);
}
