// Tags, alike for every kind of resource. Pure. Source: ECS reference, section 1.7; ALB reference, section 1.5.
import type { Tag } from '../generated/messages.ts';
import type { Checker } from './check.ts';

const MOST_TAGS = 50;
const CHARACTERS = /^[\p{L}\p{N}\p{Zs}_.:/=+\-@]*$/u;
/** Set by ECS itself and by nobody else; they do not count. */
const RESERVED = /^aws:/i;

/** At most 50, keys of 1-128 and values of 0-256 characters, no key twice, none of AWS's own. */
export function checkTags(check: Checker, tags: readonly Tag[]): void {
  check.atMost('tags', tags.length, MOST_TAGS, 'tags');
  for (const [index, { key, value }] of tags.entries()) {
    const field = `tags[${index}]`;
    checkKey(check, `${field}.key`, key);
    if (value.length > 256 || !CHARACTERS.test(value)) {
      check.expected(
        `${field}.value`,
        value,
        'at most 256 letters, digits, spaces and _ . : / = + - @',
      );
    }
  }
  check.unique(
    'tags',
    tags.map((tag) => tag.key),
  );
}

function checkKey(check: Checker, field: string, key: string): void {
  if (key.length < 1 || key.length > 128 || !CHARACTERS.test(key)) {
    check.expected(field, key, '1 to 128 letters, digits, spaces and _ . : / = + - @');
  }
  if (RESERVED.test(key)) check.expected(field, key, 'a key that does not begin with aws:');
}

/** The resource's tags with the given ones added or replaced. @throws BerthError of the checker's code */
export function withTags(
  check: Checker,
  current: readonly Tag[],
  given: readonly Tag[],
): readonly Tag[] {
  if (given.length === 0) check.refuse('Tags can not be empty.');
  checkTags(check, given);
  const tags = new Map(current.map(({ key, value }) => [key, value]));
  for (const { key, value } of given) tags.set(key, value);
  const merged = Array.from(tags, ([key, value]) => ({ key, value }));
  const counted = merged.filter(({ key }) => !RESERVED.test(key));
  check.atMost('The resource', counted.length, MOST_TAGS, 'tags');
  return merged;
}

/** The resource's tags without those of the given keys, which need not be there. @throws BerthError of the checker's code */
export function withoutTags(
  check: Checker,
  current: readonly Tag[],
  keys: readonly string[],
): readonly Tag[] {
  if (keys.length === 0) check.refuse('tagKeys is empty; expected 1 to 50 keys.');
  check.atMost('tagKeys', keys.length, MOST_TAGS, 'keys');
  for (const [index, key] of keys.entries()) checkKey(check, `tagKeys[${index}]`, key);
  const gone = new Set(keys);
  return current.filter(({ key }) => !gone.has(key));
}
