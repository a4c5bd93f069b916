// ULIDs: 26 characters that sort by the time they were drawn. For events, whose order they are.
// Source: https://github.com/ulid/spec
import type { Clock, Random } from './clock.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_LENGTH = 10;
const RANDOM_LENGTH = 16;

/**
 * A source of ULIDs, each greater than the one before, also within a millisecond and when the clock is set back.
 * Two sources draw different ones.
 */
export function ulidSource(clock: Clock, random: Random): () => string {
  let time = -1;
  let tail: number[] = [];
  return () => {
    const now = clock.now();
    if (now > time) {
      time = now;
      tail = Array.from({ length: RANDOM_LENGTH }, () => Math.floor(random() * 32));
    } else if (!increment(tail)) {
      time += 1;
      tail.fill(0);
    }
    return encodeTime(time) + tail.map((digit) => ALPHABET[digit]).join('');
  };
}

/** The time that a ULID was drawn at, in ms. */
export function ulidTime(ulid: string): number {
  let time = 0;
  for (const character of ulid.slice(0, TIME_LENGTH)) {
    time = time * 32 + ALPHABET.indexOf(character);
  }
  return time;
}

/** Add one to a number in base 32. @returns false when it overflowed */
function increment(digits: number[]): boolean {
  for (let index = digits.length - 1; index >= 0; index -= 1) {
    const digit = (digits[index] ?? 0) + 1;
    digits[index] = digit % 32;
    if (digit < 32) return true;
  }
  return false;
}

function encodeTime(time: number): string {
  let text = '';
  for (let rest = time; text.length < TIME_LENGTH; rest = Math.floor(rest / 32)) {
    text = (ALPHABET[rest % 32] ?? '0') + text;
  }
  return text;
}
