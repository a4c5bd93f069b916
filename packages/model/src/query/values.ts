// The typed values of a query: dotted versions, dates and counts.

/** The numbers of a dotted version; undefined when it does not start with one. What follows the numbers is ignored. */
export function parseVersion(text: string): readonly number[] | undefined {
  const match = /^v?(\d{1,9}(?:\.\d{1,9})*)/.exec(text);
  return match?.[1]?.split('.').map(Number);
}

/** Below, at or above zero as `a` is older than, the same as or newer than `b`; missing numbers are 0. */
export function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** From `from` until before `until`, in milliseconds since the Unix epoch: a day, or a second. */
export interface Period {
  readonly from: number;
  readonly until: number;
}

/** 2018-06-18, 2018-06-18T22:28:28, ...Z or ...+00:00; without a zone the time is UTC. */
export function parseDate(text: string): Period | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (!match) return undefined;
  const [, day = '', time, zone] = match;
  if (time === undefined && zone !== undefined) return undefined;
  const from = Date.parse(`${day}${time ?? 'T00:00:00'}${zone ?? 'Z'}`);
  return Number.isNaN(from) ? undefined : { from, until: from + (time ? 1000 : 86_400_000) };
}

/** Below, at or above zero as the instant lies before, in or after the period. */
export function comparePeriod(instant: number, period: Period): number {
  if (instant < period.from) return -1;
  return instant < period.until ? 0 : 1;
}

export function parseCount(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Two decimal numbers compare as numbers, anything else as text by code unit. */
export function compareTexts(a: string, b: string): number {
  const decimal = /^-?\d{1,15}(\.\d{1,15})?$/;
  if (decimal.test(a) && decimal.test(b)) return Number(a) - Number(b);
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
