import assert from 'node:assert/strict';

import fc from 'fast-check';

import type { RuleCondition } from '../generated/messages.ts';
import { type RequestView, conditionHolds } from './conditions.ts';
import { emptyUpdate } from './records.ts';
import { compareRoutes } from './route.ts';
import { matchRule } from './rule-match.ts';
import { EMPTY_TABLE, type ListenerRoutes, type Route, buildTable, updateTable } from './table.ts';
import { condition, fixed, listener, request, rule, update } from './testing.ts';
import { findProblems } from './unreachable.ts';

/** What the index must agree with. */
function firstMatch(routes: readonly Route[], view: RequestView): Route | undefined {
  return [...routes]
    .sort(compareRoutes)
    .find((route) => route.conditions.every((wanted) => conditionHolds(wanted, view)));
}

const hosts = fc.constantFrom(
  'a.com',
  'A.com',
  'b.a.com',
  'c.b.a.com',
  '.a.com',
  'xa.com',
  'com',
  '',
  'a.com.',
);
const paths = fc.constantFrom('/', '/a', '/a/', '/a/b', '/ab', '/a/b/c', '/abc', '/b', '*', '//a');
const hostPatterns = fc.constantFrom(
  'a.com',
  '*.a.com',
  '*a.com',
  '*.com',
  'b.*',
  '?.a.com',
  '*.b.a.com',
  '*',
  '?a.com',
);
const pathPatterns = fc.constantFrom(
  '/a',
  '/a*',
  '/a/*',
  '/a/b',
  '/a/b*',
  '/?b',
  '*',
  '/*/b',
  '/ab*c',
  'a',
  '/a?',
);
const expressions = fc.constantFrom('^/a', 'b$', '^a\\.', 'c', '[');

function conditions(): fc.Arbitrary<readonly RuleCondition[]> {
  const some = (one: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
    fc.array(one, { minLength: 1, maxLength: 3 });
  const regexValues = fc.option(some(expressions), { nil: undefined, freq: 4 });
  const one = (
    field: RuleCondition['field'],
    values: fc.Arbitrary<string[]>,
  ): fc.Arbitrary<RuleCondition> =>
    fc
      .tuple(values, regexValues)
      .map(([texts, regexes]) =>
        regexes === undefined
          ? condition(field, texts)
          : condition(field, [], { regexValues: regexes }),
      );
  return fc
    .tuple(
      fc.option(one('host-header', some(hostPatterns)), { nil: undefined }),
      fc.option(one('path-pattern', some(pathPatterns)), { nil: undefined }),
      fc.option(
        some(fc.constantFrom('GET', 'POST')).map((methods) =>
          condition('http-request-method', methods),
        ),
        { nil: undefined, freq: 2 },
      ),
    )
    .map((parts) => parts.filter((part) => part !== undefined));
}

const rules = fc
  .array(conditions(), { maxLength: 12 })
  .map((all) => all.map((one, index) => rule('l80', index + 1, one, fixed('200'))));

const requests = fc
  .record({ host: hosts, path: paths, method: fc.constantFrom('GET', 'POST') })
  .map((parts) => request(parts));

function listenerOf(table: ReturnType<typeof buildTable>): ListenerRoutes {
  return table.listeners.get(80) as ListenerRoutes;
}

describe('the index of rules', () => {
  it('finds what trying all rules in order finds', () => {
    fc.assert(
      fc.property(rules, fc.array(requests, { minLength: 1, maxLength: 8 }), (made, asked) => {
        const table = updateTable(
          EMPTY_TABLE,
          update(1, { snapshot: true, listeners: [listener(80, fixed('404'))], rules: made }),
        );
        const routes = listenerOf(table);
        for (const view of asked) {
          assert.equal(matchRule(routes, view).key, firstMatch(routes.routes, view)?.key);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('after any changes is the index built afresh', () => {
    const step = fc.record({
      put: fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), conditions()), { maxLength: 4 }),
      remove: fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
        let table = updateTable(
          EMPTY_TABLE,
          update(1, { snapshot: true, listeners: [listener(80, fixed('404'))] }),
        );
        const old: [ListenerRoutes, string][] = [];
        for (const { put, remove } of steps) {
          old.push([listenerOf(table), JSON.stringify(shape(listenerOf(table)))]);
          table = updateTable(table, {
            ...emptyUpdate(2, false),
            rules: put.map(([priority, wanted]) => rule('l80', priority, wanted, fixed('200'))),
            removedRules: remove.map((priority) => `l80/r${priority}`),
          });
          assert.deepEqual(table, buildTable(table.records));
        }
        for (const [routes, was] of old) assert.equal(JSON.stringify(shape(routes)), was);
      }),
    );
  });

  it('is not led astray by a long host of many dots', () => {
    const table = updateTable(
      EMPTY_TABLE,
      update(1, {
        listeners: [listener(80, fixed('404'))],
        rules: [rule('l80', 1, [condition('host-header', ['*.a.com'])], fixed('200'))],
      }),
    );
    const host = `${'.'.repeat(16_000)}a.com`;
    assert.equal(matchRule(listenerOf(table), request({ host })).priority, 1);
  });
});

/** All that an index holds, as plain values. */
function shape({ index }: ListenerRoutes): unknown {
  return JSON.parse(
    JSON.stringify(index, (_, value: unknown) => (value instanceof Map ? [...value] : value)),
  );
}

describe('unreachable rules', () => {
  it('match no request that is tried', () => {
    fc.assert(
      fc.property(rules, fc.array(requests, { minLength: 8, maxLength: 16 }), (made, asked) => {
        const table = updateTable(
          EMPTY_TABLE,
          update(1, { snapshot: true, listeners: [listener(80, fixed('404'))], rules: made }),
        );
        const taken = new Map(
          findProblems(table)
            .filter((found) => found.problem.startsWith('unreachable'))
            .map((found) => [found.key, found.problem]),
        );
        // An asterisk is no path; OPTIONS * is not what rules are written for.
        for (const view of asked.filter(({ path }) => path !== '*')) {
          const { key } = matchRule(listenerOf(table), view);
          assert.equal(taken.get(key), undefined);
        }
      }),
      { numRuns: 400 },
    );
  });

  const cases: readonly (readonly [string, readonly (readonly RuleCondition[])[], string])[] = [
    ['shadowed by a wider path', [[condition('path-pattern', ['/a*'])], [condition('path-pattern', ['/a/*'])]], 'unreachable: priority 1 takes all of its requests'],
    ['shadowed by two together', [[condition('path-pattern', ['/a/*'])], [condition('path-pattern', ['/b/*'])], [condition('path-pattern', ['/a/x', '/b/y'])]], 'unreachable: priorities 1, 2 together take all of its requests'],
    ['shadowed by a host without path', [[condition('host-header', ['*.a.com'])], [condition('host-header', ['x.a.com']), condition('path-pattern', ['/q'])]], 'unreachable: priority 1 takes all of its requests'],
    ['shadowed by the same expression', [[condition('path-pattern', [], { regexValues: ['^/x'] })], [condition('path-pattern', [], { regexValues: ['^/x'] }), condition('http-request-method', ['GET'])]], 'unreachable: priority 1 takes all of its requests'],
    ['asking for a path without a slash', [[condition('path-pattern', ['img/*'])]], 'unreachable: no path begins like its path patterns'],
    ['asking for an impossible block', [[condition('source-ip', ['nonsense'])]], 'unreachable: its source-ip has no value'],
  ]; // prettier-ignore
  for (const [name, wanted, problem] of cases) {
    it(`are reported: ${name}`, () => {
      const table = updateTable(
        EMPTY_TABLE,
        update(1, {
          listeners: [listener(80, fixed('404'))],
          rules: wanted.map((one, index) => rule('l80', index + 1, one, fixed('200'))),
        }),
      );
      const found = findProblems(table);
      assert.deepEqual(
        found.map((one) => [one.priority, one.problem]),
        [[wanted.length, problem]],
      );
    });
  }
});
