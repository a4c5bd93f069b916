// Tags of what belongs to load balancing: as elsewhere, but with ELBv2's own errors. Pure. Source: ALB reference, section 1.5.
import { BerthError } from '../errors.ts';
import type { Tag } from '../generated/messages.ts';
import { Checker } from './check.ts';
import { checkTags } from './tags.ts';

const MOST_TAGS = 50;

/** @throws BerthError DuplicateTagKeys, TooManyTags or ValidationError */
export function checkBalancingTags(tags: readonly Tag[]): void {
  const keys = tags.map(({ key }) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) {
    throw new BerthError(
      'DuplicateTagKeys',
      `A tag key was specified more than once: '${twice}'; expected each at most once.`,
    );
  }
  refuseTooMany(tags.length);
  checkTags(new Checker('ValidationError'), tags);
}

/** The tags with `added` laid over them. @throws BerthError TooManyTags */
export function taggedWith(tags: readonly Tag[], added: readonly Tag[]): Tag[] {
  const merged = new Map([...tags, ...added].map((tag) => [tag.key, tag]));
  refuseTooMany(merged.size);
  return [...merged.values()];
}

function refuseTooMany(count: number): void {
  if (count <= MOST_TAGS) return;
  throw new BerthError(
    'TooManyTags',
    `You've reached the limit on the number of tags: ${count} were asked for; expected at most ${MOST_TAGS} for each resource.`,
  );
}
