// Times, ids and numbers as people read them. Pure.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, in one or two units: 4s, 3m, 2h15m, 3d4h. @param ms a clock that runs behind gives 0s */
export function age(ms: number): string {
  if (ms < SECOND) return '0s';
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return two(ms, MINUTE, 'm', SECOND, 's', 10);
  if (ms < DAY) return two(ms, HOUR, 'h', MINUTE, 'm', 10);
  return two(ms, DAY, 'd', HOUR, 'h', 10);
}

/** The small unit is left out from `exactBelow` of the large one on, where nobody asks for it. */
function two(
  ms: number,
  large: number,
  largeUnit: string,
  small: number,
  smallUnit: string,
  exactBelow: number,
): string {
  const whole = Math.floor(ms / large);
  const part = Math.floor((ms % large) / small);
  return whole >= exactBelow || part === 0
    ? `${whole}${largeUnit}`
    : `${whole}${largeUnit}${part}${smallUnit}`;
}

/** How long something took: 0.31 s, 4.2 s, 39 s, 2 min 5 s. */
export function duration(ms: number): string {
  if (ms < SECOND) return `${(ms / SECOND).toFixed(2)} s`;
  if (ms < 9.95 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  const seconds = Math.round(ms / SECOND);
  if (seconds < 60) return `${seconds} s`;
  const rest = seconds % 60;
  return rest === 0
    ? `${Math.floor(seconds / 60)} min`
    : `${Math.floor(seconds / 60)} min ${rest} s`;
}

/** A short time by the clock of a proxy: 480 µs, 48.1 ms, 2.3 s. @param took microseconds */
export function micros(took: number): string {
  if (took < 1_000) return `${took} µs`;
  if (took < 999_950) return `${(took / 1_000).toFixed(1)} ms`;
  return duration(took / 1_000);
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND,
  m: MINUTE,
  h: HOUR,
  d: DAY,
};

/** Milliseconds of "500ms", "90s", "10m", "1h30m" or a bare number of seconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * SECOND;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    sum += Number(number) * (UNITS[unit ?? ''] ?? 0);
  }
  return sum;
}

/** 1234567 as 1,234,567. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** "1 task", "3 tasks". */
export function count(number: number, word: string): string {
  return `${grouped(number)} ${word}${number === 1 ? '' : 's'}`;
}

/**
 * A function that shortens each of these ids to a prefix that names it among them.
 * @param least letters that are always shown
 */
export function shortener(ids: Iterable<string>, least = 8): (id: string) => string {
  const sorted = [...new Set(ids)].sort();
  let length = least;
  for (const [index, id] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next === undefined) continue;
    let same = 0;
    while (same < id.length && id[same] === next[same]) same += 1;
    length = Math.max(length, same + 1);
  }
  return (id) => id.slice(0, length);
}

/** The last part of an ARN, or the text itself: an id, a name, family:revision. */
export function lastOf(arn: string): string {
  return arn.split('/').at(-1) ?? arn;
}

/** UTC with seconds, for a line of its own: 2026-01-31 12:00:07Z. */
export function absolute(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}
