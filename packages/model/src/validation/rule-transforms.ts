// What rules make of requests. Pure. Source: ALB reference, section 2.4.
import type { RuleTransform } from '../generated/messages.ts';
import { compileTransforms } from '../routing/transforms.ts';
import type { Checker } from './check.ts';

const LONGEST = 1024;

/** At most one of each type, each with exactly one rewrite that can be carried out. */
export function checkTransforms(check: Checker, transforms: readonly RuleTransform[]): void {
  for (const [index, { type, rewrites }] of transforms.entries()) {
    const at = `transforms[${index}]`;
    check.word(`${at}.type`, type, ['host-header-rewrite', 'url-rewrite']);
    const [rewrite] = rewrites;
    if (rewrites.length !== 1 || !rewrite) {
      check.refuse(`${at}.rewrites has ${rewrites.length} rewrites; expected exactly one.`);
    }
    for (const part of ['regex', 'replace'] as const) {
      const length = rewrite[part].length;
      if (length > LONGEST || (part === 'regex' && length === 0)) {
        const least = part === 'regex' ? '1' : '0';
        check.refuse(
          `${at}.rewrites[0].${part} has ${length} characters; expected ${least} to ${LONGEST}.`,
        );
      }
    }
    const compiled = compileTransforms(transforms.slice(index, index + 1));
    if (!compiled.ok) check.refuse(`${at} can't be used: ${compiled.problem}.`);
  }
  check.unique(
    'transforms',
    transforms.map(({ type }) => type),
  );
}
