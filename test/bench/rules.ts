// What choosing a rule costs with 10, 1,000 and 10,000 rules, against trying them in order in the same run; and how long a table of
// 10,000 rules and 10,000 targets takes to build, and to change by one record. In memory: no store, no network.
import type { RoutingUpdate, RuleCondition } from '@berth/model/generated/messages.ts';
import type { RequestView } from '@berth/model/routing/conditions.ts';
import { emptyUpdate } from '@berth/model/routing/records.ts';
import { routeHolds } from '@berth/model/routing/rule-index.ts';
import { matchRule } from '@berth/model/routing/rule-match.ts';
import {
  EMPTY_TABLE,
  type ListenerRoutes,
  type RouteTable,
  updateTable,
} from '@berth/model/routing/table.ts';
import {
  condition,
  fixed,
  forward,
  listener,
  request,
  rule,
  target,
  targetGroup,
} from '@berth/model/routing/testing.ts';
import { findProblems } from '@berth/model/routing/unreachable.ts';

const SIZES = [10, 1000, 10_000];
const MEASURE_MS = 500;
const CHANGES = 200;

interface Shape {
  readonly conditions: (index: number) => readonly RuleCondition[];
  readonly asks: (index: number) => RequestView;
}

const shapes: Readonly<Record<string, Shape>> = {
  'a host each': {
    conditions: (i) => [condition('host-header', [`shop-${i}.example.com`])],
    asks: (i) => request({ host: `shop-${i}.example.com`, path: '/cart' }),
  },
  'a path each': {
    conditions: (i) => [condition('path-pattern', [`/service-${i}/*`])],
    asks: (i) => request({ path: `/service-${i}/items/7` }),
  },
  'hosts by wildcard, paths, methods': {
    conditions: (i) => [
      condition('host-header', [`*.tenant-${i >> 2}.example.com`]),
      condition('path-pattern', ['/api/*', '/v1/*']),
      condition('http-request-method', [['GET', 'POST', 'PUT', 'DELETE'][i & 3] ?? 'GET']),
    ],
    asks: (i) => request({ host: `www.tenant-${i >> 2}.example.com`, path: '/v1/x' }),
  },
  'no rule fits': {
    conditions: (i) => [condition('path-pattern', [`/service-${i}/*`])],
    asks: () => request({ path: '/somewhere/else' }),
  },
};

function tableOf(shape: Shape, size: number): RouteTable {
  const rules = Array.from({ length: size }, (_, i) =>
    rule('l80', i + 1, shape.conditions(i), forward(`g${i % 100}`)),
  );
  return updateTable(EMPTY_TABLE, {
    ...emptyUpdate(1, true),
    listeners: [listener(80, fixed('404'))],
    rules,
  });
}

type Matcher = (routes: ListenerRoutes, view: RequestView) => unknown;

const inOrder: Matcher = (routes, view) => routes.routes.find((route) => routeHolds(route, view));

/** Nanoseconds a request, all rules asked for in turn. */
function cost(match: Matcher, shape: Shape, size: number): number {
  const routes = tableOf(shape, size).listeners.get(80) as ListenerRoutes;
  const views = Array.from({ length: 1000 }, (_, i) => shape.asks((i * 7919) % size));
  let count = 0;
  const run = (ms: number): number => {
    const start = performance.now();
    count = 0;
    while (performance.now() - start < ms) {
      for (let i = 0; i < 20; i += 1) match(routes, views[count++ % views.length] as RequestView);
    }
    return performance.now() - start;
  };
  run(MEASURE_MS / 4);
  return (run(MEASURE_MS) * 1e6) / count;
}

console.log(
  `${'choosing a rule, ns a request'.padEnd(36)}${SIZES.map((size) => `${size} rules`.padStart(14)).join('')}`,
);
for (const [name, shape] of Object.entries(shapes)) {
  for (const [how, match] of [
    ['', matchRule],
    [', in order', inOrder],
  ] as const) {
    const costs = SIZES.map((size) => cost(match, shape, size));
    const cells = costs.map((ns) => String(Math.round(ns)).padStart(14)).join('');
    console.log(`${(name + how).padEnd(36)}${cells}`);
  }
}

function milliseconds(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

const large = Array.from({ length: 10_000 }, (_, i) => i);
const everything: RoutingUpdate = {
  ...emptyUpdate(1, true),
  listeners: [listener(80, fixed('404'))],
  rules: large.map((i) =>
    rule(
      'l80',
      i + 1,
      [condition('host-header', [`h${i}.example.com`]), condition('path-pattern', ['/a/*'])],
      forward(`g${i % 1000}`),
    ),
  ),
  targetGroups: large.slice(0, 1000).map((i) => targetGroup(`g${i}`)),
  targets: large.map((i) => target(`g${i % 1000}`, `t${i}`)),
};
const builds: number[] = [];
let table = EMPTY_TABLE;
for (let turn = 0; turn < 7; turn += 1) {
  builds.push(milliseconds(() => (table = updateTable(EMPTY_TABLE, everything))));
}
/** @returns the median and the 99th percentile, as text */
function changes(update: (turn: number) => Partial<RoutingUpdate>): string {
  const took = Array.from({ length: CHANGES }, (_, turn) => {
    const next = { ...emptyUpdate(turn + 2, false), ...update(turn) };
    return milliseconds(() => (table = updateTable(table, next)));
  }).sort((a, b) => a - b);
  return `${median(took).toFixed(2)} ms, p99 ${(took[Math.floor(CHANGES * 0.99)] ?? NaN).toFixed(2)} ms`;
}
console.log('\n10,000 rules, 1,000 target groups, 10,000 targets');
console.log(`  built from nothing      ${median(builds).toFixed(0)} ms`);
console.log(
  `  one target more         ${changes((turn) => ({ targets: [target(`g${turn}`, `n${turn}`)] }))}`,
);
console.log(
  `  one rule changed        ${changes((turn) => ({
    rules: [rule('l80', turn + 1, [condition('path-pattern', [`/n${turn}`])], forward('g1'))],
  }))}`,
);
console.log(
  `  one target group more   ${changes((turn) => ({ targetGroups: [targetGroup(`n${turn}`)] }))}`,
);
console.log(`  unreachable rules found ${milliseconds(() => findProblems(table)).toFixed(0)} ms`);
