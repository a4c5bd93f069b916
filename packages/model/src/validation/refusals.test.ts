// How the tests of validation state a rule. It has no tests of its own.
import assert from 'node:assert/strict';

import { isBerthError } from '../errors.ts';

/** One rule: what it accepts, what it refuses, and in which words. */
export interface Rule<T> {
  readonly accepts: T;
  readonly refuses: T;
  readonly message: string;
  readonly code?: string;
}

/** A test for each rule: the good value passes, the bad one is refused with exactly this code and text. */
export function describeRules<T>(
  code: string,
  rules: Readonly<Record<string, Rule<T>>>,
  accept: (value: T) => unknown,
): void {
  for (const [name, rule] of Object.entries(rules)) {
    it(name, () => {
      accept(rule.accepts);
      assertRefused(() => accept(rule.refuses), rule.code ?? code, rule.message);
    });
  }
}

export function assertRefused(act: () => unknown, code: string, message: string): void {
  assert.throws(act, (error) => {
    assert.ok(isBerthError(error), String(error));
    assert.deepEqual({ code: error.code, message: error.message }, { code, message });
    return true;
  });
}
