// Ids that Berth draws and the names that people choose. Pure: chance is an argument.
// Source: ECS reference, section 1.6; ALB reference, section 1.2.

/** Uniform in [0, 1). */
type Random = () => number;

const DEPLOYMENT_PREFIX = 'ecs-svc/';
const DEPLOYMENT_DIGITS = 19;

/** `length` lower-case hexadecimal digits: 32 for tasks and hosts, 16 for what belongs to load balancing. */
export function drawHexId(random: Random, length: 16 | 32): string {
  return drawDigits(random, length, 16);
}

/** A version 4 UUID. Source: RFC 9562, section 5.4. */
export function drawUuid(random: Random): string {
  const hex = drawHexId(random, 32);
  const variant = (Number.parseInt(hex.charAt(16), 16) & 0b0011) | 0b1000;
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant.toString(16)}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
}

/** A UUID that follows from a text. */
export function uuidOf(text: string): string {
  const digits = fingerprint(text) + fingerprint(`${text} again`);
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** `ecs-svc/` and 19 decimal digits, the first of them not 0. */
export function drawDeploymentId(random: Random): string {
  const first = String(1 + Math.floor(random() * 9));
  return DEPLOYMENT_PREFIX + first + drawDigits(random, DEPLOYMENT_DIGITS - 1, 10);
}

function drawDigits(random: Random, length: number, base: number): string {
  let digits = '';
  while (digits.length < length) digits += Math.floor(random() * base).toString(base);
  return digits;
}

/** True for what may be the beginning of a task's or host's id, or the whole of it. */
export function isIdPrefix(text: string): boolean {
  return /^[0-9a-f]{1,32}$/.test(text);
}

/**
 * A short fingerprint of a text, 16 hexadecimal digits, the same in every process and version. It tells
 * texts apart that differ by accident; it is no protection against anybody who tries.
 */
export function fingerprint(text: string): string {
  return fnv1a(text, 0x811c9dc5) + fnv1a(text, 0x5bd1e995);
}

function fnv1a(text: string, seed: number): string {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
