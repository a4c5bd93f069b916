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

/** The id that one request is known by: its own part of the trace, `Root=` or `Self=`. @param trace as `nextTrace` gives it */
export function requestIdOf(trace: string): string {
  return trace.slice('Root='.length, 'Root=1-00000000-000000000000000000000000'.length);
}

/** The id of the whole trace, which several requests may share. @param trace as `nextTrace` gives it */
export function rootOf(trace: string): string {
  return /(?:^|;)\s*Root=([^;]*)/i.exec(trace)?.[1] ?? '';
}

/**
 * A trace context of the same trace, for a request that has none. Source: W3C Trace Context, section 3.2.
 * @param root as `rootOf` gives it: 1-SECONDS-RANDOM, together the sixteen bytes of a trace id
 */
export function traceparentOf(root: string): string | undefined {
  const [, seconds, rest] = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/i.exec(root) ?? [];
  if (seconds === undefined || rest === undefined) return undefined;
  return `00-${(seconds + rest).toLowerCase()}-${random().slice(0, 16)}-01`;
}

function random(): string {
  if (used === digits.length) {
    digits = randomFillSync(pool).toString('hex');
    used = 0;
  }
  used += DIGITS;
  return digits.slice(used - DIGITS, used);
}
