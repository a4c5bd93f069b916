// Finds rules that no request can reach, because earlier rules take all of theirs or because they ask for what no request
// has, and rules that lead nowhere. It never calls a reachable rule unreachable; it may miss one that only a deeper proof would find.
import { blockCovers } from './address.ts';
import type { Alternatives, Condition, QueryPattern } from './conditions.ts';
import { type Pattern, coversPattern, literalPrefix } from './pattern.ts';
import { type Route, compareRoutes } from './route.ts';
import { neighbours } from './rule-index.ts';
import type { ListenerRoutes, RouteTable } from './table.ts';

export interface Finding {
  readonly port: number;
  readonly priority: number | 'default';
  /** LISTENER/RULE of the rule. */
  readonly key: string;
  /** Of the rules that take all of its requests; empty for other problems. */
  readonly takenBy: readonly (number | 'default')[];
  readonly problem: string;
}

/** In order of port and priority. Pure. */
export function findProblems(table: RouteTable): readonly Finding[] {
  const ports = [...table.listeners.keys()].sort((a, b) => a - b);
  return ports.flatMap((port) => {
    const listener = table.listeners.get(port) as ListenerRoutes;
    return listener.routes.flatMap((route) => {
      const { key, priority } = route;
      const takenBy = takers(listener, route).map((taker) => taker.priority);
      const problems = [
        ...(takenBy.length === 0 ? [] : [takenText(takenBy)]),
        ...impossible(route),
        ...nowhere(route, table),
      ];
      return problems.map((problem, index) => ({
        port,
        priority,
        key,
        takenBy: index === 0 ? takenBy : [],
        problem,
      }));
    });
  });
}

function takenText(takenBy: readonly (number | 'default')[]): string {
  return takenBy.length === 1
    ? `unreachable: priority ${takenBy[0] ?? ''} takes all of its requests`
    : `unreachable: priorities ${takenBy.join(', ')} together take all of its requests`;
}

/** Conditions that nothing meets. */
function impossible(route: Route): string[] {
  return route.conditions.flatMap((condition) => {
    if (condition.field === 'path-pattern') {
      const { patterns, expressions } = condition;
      const none = expressions.length === 0 && !patterns.some(fitsSomePath);
      return none ? ['unreachable: no path begins like its path patterns'] : [];
    }
    return isVoid(condition) ? [`unreachable: its ${condition.field} has no value`] : [];
  });
}

function fitsSomePath(pattern: Pattern): boolean {
  const start = literalPrefix(pattern);
  return start === '' || start.startsWith('/');
}

function isVoid(condition: Condition): boolean {
  switch (condition.field) {
    case 'host-header':
    case 'path-pattern':
    case 'http-header':
      return condition.patterns.length === 0 && condition.expressions.length === 0;
    case 'http-request-method':
      return condition.methods.length === 0;
    case 'query-string':
      return condition.pairs.length === 0;
    case 'source-ip':
      return condition.blocks.length === 0;
  }
}

function nowhere(route: Route, table: RouteTable): string[] {
  const { action, settings } = route;
  const problems: string[] = [];
  const missing = (group: string): void => {
    if (!table.groups.has(group)) problems.push(`target group ${group} does not exist`);
  };
  if (action.kind === 'broken') problems.push(action.reason);
  if (action.kind === 'forward') {
    for (const { group } of action.groups) missing(group);
    if (action.shares.length === 0) problems.push('all weights are zero');
  }
  if (settings.mirror !== undefined) missing(settings.mirror.group);
  return problems;
}

/** More combinations of host and path are not looked at one by one. */
const MOST_PARTS = 64;

/** Earlier routes that between them take every request of `route`; none when some request may get through. */
function takers(listener: ListenerRoutes, route: Route): readonly Route[] {
  const found = new Set<Route>();
  for (const part of partsOf(route)) {
    const taker = takerOf(listener, part);
    if (taker === undefined) return [];
    found.add(taker);
  }
  return [...found].sort(compareRoutes);
}

/** The route split up, so that each part has one host and one path pattern at most. */
function partsOf(route: Route): readonly Route[] {
  let parts: readonly (readonly Condition[])[] = [[]];
  for (const condition of route.conditions) {
    const options =
      condition.field === 'host-header' || condition.field === 'path-pattern'
        ? alternativesOf(condition).map((wanted): Condition => ({ ...condition, ...wanted }))
        : [condition];
    parts = parts.flatMap((part) => options.map((option) => [...part, option]));
    if (parts.length > MOST_PARTS) return [route];
  }
  return parts.map((conditions) => ({ ...route, conditions }));
}

function alternativesOf({ patterns, expressions }: Alternatives): Alternatives[] {
  return [
    ...patterns.map((pattern) => ({ patterns: [pattern], expressions: [] })),
    ...expressions.map((expression) => ({ patterns: [], expressions: [expression] })),
  ];
}

function takerOf(listener: ListenerRoutes, part: Route): Route | undefined {
  let first: Route | undefined;
  const host = part.conditions.find((condition) => condition.field === 'host-header');
  const path = part.conditions.find((condition) => condition.field === 'path-pattern');
  for (const other of neighbours(listener.index, host?.patterns[0], path?.patterns[0])) {
    if (compareRoutes(other, part) >= 0) continue;
    if (first !== undefined && compareRoutes(first, other) <= 0) continue;
    if (covers(other, part)) first = other;
  }
  return first;
}

/** Every request that `inner` matches is matched by `outer`: each condition of `outer` follows from one of `inner`. */
function covers(outer: Route, inner: Route): boolean {
  return outer.conditions.every((wide) => inner.conditions.some((narrow) => follows(wide, narrow)));
}

/** Whatever meets `narrow` meets `wide`: each alternative of `narrow` lies in one of `wide`. */
function follows(wide: Condition, narrow: Condition): boolean {
  if (wide.field === 'http-header') {
    if (narrow.field !== 'http-header' || wide.name !== narrow.name) return false;
    return coversAlternatives(wide, narrow);
  }
  if (wide.field === 'host-header' || wide.field === 'path-pattern') {
    return narrow.field === wide.field && coversAlternatives(wide, narrow);
  }
  if (wide.field === 'http-request-method') {
    if (narrow.field !== 'http-request-method') return false;
    return each(narrow.methods, wide.methods, (a, b) => a === b);
  }
  if (wide.field === 'query-string') {
    if (narrow.field !== 'query-string') return false;
    return each(narrow.pairs, wide.pairs, coversPair);
  }
  return narrow.field === 'source-ip' && each(narrow.blocks, wide.blocks, blockCovers);
}

function each<T>(inner: readonly T[], outer: readonly T[], test: (o: T, i: T) => boolean): boolean {
  return inner.every((value) => outer.some((other) => test(other, value)));
}

/** Of expressions only equal ones are known to cover each other. */
function coversAlternatives(wide: Alternatives, narrow: Alternatives): boolean {
  const expressions = each(narrow.expressions, wide.expressions, (a, b) => a.text === b.text);
  const everything = wide.patterns.some((pattern) => pattern.text === '*');
  return everything || (expressions && each(narrow.patterns, wide.patterns, coversPattern));
}

function coversPair(wide: QueryPattern, narrow: QueryPattern): boolean {
  const keys =
    wide.key === undefined || (narrow.key !== undefined && coversPattern(wide.key, narrow.key));
  return keys && coversPattern(wide.value, narrow.value);
}
