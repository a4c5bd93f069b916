// A fault of the list: how it is brought about in the lab, and what must hold.
import assert from 'node:assert/strict';

import type { Ground } from './ground.ts';
import type { Row } from './measure.ts';

export interface Extent {
  /** Of the faults that are measured many times. */
  readonly rounds: number;
  /** Everything as long as the issue asks for; else as short as it still shows something. */
  readonly full: boolean;
  /** Times that must be kept may be so many times as long: a machine of two cores that also runs the tests is slow at times. */
  readonly leniency: number;
}

export interface Fault {
  /** The command line names it. */
  readonly name: string;
  /** What must hold. */
  readonly title: string;
  /** Also in `npm test`. */
  readonly reduced: boolean;
  readonly run: (ground: Ground, extent: Extent) => Promise<void>;
}

export function assertNoneLost(row: Row): void {
  assert.equal(row.failed, 0, `${row.fault}: ${row.failed} of ${row.requests} failed: ${row.how}`);
}

/** Of some rounds the time that all but one in a hundred keep: of fewer than a hundred the longest. */
export function p99(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}

export function assertWithin(what: string, times: readonly number[], ms: number): void {
  assert.ok(times.length > 0, `${what} was not measured`);
  assert.ok(p99(times) <= ms, `${what}: ${times.map(Math.round).join(', ')} ms, at most ${ms} ms`);
}
