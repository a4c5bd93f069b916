// Is an answer what a case expects? Structures are compared by the members that the expectation names, lists item by item, and
// regular expressions stand for the texts that they match.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';

/** Stands for anything that is there. */
export const ANY = Symbol('anything');
/** Stands for a member that must not be there. */
export const ABSENT = Symbol('nothing');
/** Stands for a time of the last minutes. */
export const RECENT = Symbol('a recent time');

const RECENT_MS = 600_000;

/** @throws AssertionError that says where they differ */
export function assertMatches(actual: unknown, expected: unknown, path = 'answer'): void {
  const fail = (what: string): never => {
    assert.fail(`${path}: expected ${what}, found ${inspect(actual, { depth: 4 })}`);
  };
  if (expected === ABSENT) {
    if (actual !== undefined) fail('nothing');
  } else if (expected === ANY) {
    if (actual === undefined || actual === null) fail('something');
  } else if (expected === RECENT) {
    const recent = actual instanceof Date && Math.abs(actual.getTime() - Date.now()) < RECENT_MS;
    if (!recent) fail('a time of the last minutes');
  } else if (expected instanceof RegExp) {
    if (typeof actual !== 'string' || !expected.test(actual)) fail(`a text like ${expected}`);
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) {
      fail(`a list of ${expected.length}`);
    }
    expected.forEach((item, index) => {
      assertMatches((actual as unknown[])[index], item, `${path}[${index}]`);
    });
  } else if (typeof expected === 'object' && expected !== null) {
    if (typeof actual !== 'object' || actual === null) fail('a structure');
    for (const [name, part] of Object.entries(expected)) {
      assertMatches((actual as Record<string, unknown>)[name], part, `${path}.${name}`);
    }
  } else if (!Object.is(actual, expected)) fail(inspect(expected));
}
