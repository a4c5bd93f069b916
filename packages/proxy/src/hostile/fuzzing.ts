// What all fuzzing has in common: cases that follow from a seed and a number alone, and what is said of a case that finds something.
import { Mutator, seeded } from '../testing/mutations.ts';
import { PIECES } from '../testing/messages.ts';

/** Something that is sent, and how. */
export interface FuzzCase {
  /** In latin-1. */
  readonly text: string;
}

export interface Fuzz<C extends FuzzCase = FuzzCase> {
  /** As `--what` of `npm run fuzz:proxy` names it. */
  readonly what: string;
  readonly seed: number;
  /** The same case for the same seed and number. */
  draw(number: number): C;
  /** @throws what is wrong */
  play(found: C): Promise<void>;
}

/** How often, and for how long, a case that has found something is played again to make it smaller. */
const MOST_PLAYS = 400;
const MOST_MS = 60_000;
const MIXER = 0x9e3779b1;

export function mutatorOf(seed: number, number: number): Mutator {
  const mutator = new Mutator(seeded(Math.imul(seed, MIXER) + number), PIECES);
  // What is drawn first from neighbouring seeds is alike.
  for (let skipped = 0; skipped < 4; skipped += 1) mutator.below(2);
  return mutator;
}

/** @throws what is wrong, with the bytes that show it, as few of them as will do, and how to see it again */
export async function runCase<C extends FuzzCase>(fuzz: Fuzz<C>, number: number): Promise<void> {
  const drawn = fuzz.draw(number);
  const first = await outcome(fuzz, drawn);
  if (first === undefined) return;
  let last = first;
  const text = await minimise(drawn.text, async (shorter) => {
    const failure = await outcome(fuzz, { ...drawn, text: shorter });
    if (failure !== undefined) last = failure;
    return failure !== undefined;
  });
  const lines = [
    `${fuzz.what}, seed ${fuzz.seed}, case ${number}: ${first.message}`,
    `case: ${JSON.stringify(drawn)}`,
    `as few bytes as will do: ${JSON.stringify(text)}`,
    `of these: ${last.message}`,
    `again: npm run fuzz:proxy -- --what ${fuzz.what} --seed ${fuzz.seed} --case ${number}`,
  ];
  throw new Error(lines.join('\n'), { cause: first });
}

async function outcome<C extends FuzzCase>(fuzz: Fuzz<C>, played: C): Promise<Error | undefined> {
  try {
    await fuzz.play(played);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * Takes out of `text` whatever it does not need to fail, in ever smaller parts.
 * @param fails whether a shorter text still does
 */
export async function minimise(
  text: string,
  fails: (text: string) => Promise<boolean>,
): Promise<string> {
  const end = performance.now() + MOST_MS;
  let plays = 0;
  let least = text;
  for (let size = Math.ceil(text.length / 2); size > 0; size = Math.floor(size / 2)) {
    for (let at = 0; at < least.length;) {
      plays += 1;
      if (plays > MOST_PLAYS || performance.now() > end) return least;
      const shorter = least.slice(0, at) + least.slice(at + size);
      if (await fails(shorter)) least = shorter;
      else at += size;
    }
  }
  return least;
}
