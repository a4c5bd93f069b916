// Tags, alike for every kind of resource. Pure. Source: ECS reference, section 1.7; ALB reference, section 1.5.
import type { Tag } from '../generated/messages.ts';
import type { Checker } from './check.ts';

const MOST_TAGS = 50;
const CHARACTERS = /^[\p{L}\p{N}\p{Zs}_.:/=+\-@]*$/u;

/** At most 50, keys of 1-128 and values of 0-256 characters, no key twice, none of AWS's own. */
export function checkTags(check: Checker, tags: readonly Tag[]): void {
  check.atMost('tags', tags.length, MOST_TAGS, 'tags');
  for (const [index, { key, value }] of tags.entries()) {
    const field = `tags[${index}]`;
    const keyFits = key.length >= 1 && key.length <= 128 && CHARACTERS.test(key);
    if (!keyFits) {
      check.expected(`${field}.key`, key, '1 to 128 letters, digits, spaces and _ . : / = + - @');
    }
    if (/^aws:/i.test(key))
      check.expected(`${field}.key`, key, 'a key that does not begin with aws:');
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
