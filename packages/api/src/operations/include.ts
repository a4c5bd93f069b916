// What a describe call asks to be told besides. Pure. Source: ECS reference, sections 1.7 and 2.2.
import { Checker } from '@berth/model/validation/check.ts';

/** @throws BerthError InvalidParameterException for a word that the operation does not know */
export function included<W extends string>(
  include: readonly string[],
  words: readonly W[],
): ReadonlySet<W> {
  const check = new Checker('InvalidParameterException');
  for (const [index, word] of include.entries()) check.word(`include[${index}]`, word, words);
  return new Set(include as readonly W[]);
}
