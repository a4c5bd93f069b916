// Finds rules that no request can reach because an earlier rule takes them all, and rules that lead
// nowhere. It never calls a reachable rule unreachable; it may miss one that only a proof by cases would find.
import { blockCovers } from './address.ts';
import type { Condition, QueryPattern } from './conditions.ts';
import { coversPattern } from './pattern.ts';
import type { ListenerRoutes, Route, RouteTable } from './table.ts';

export interface Finding {
  readonly port: number;
  readonly priority: number | 'default';
  readonly problem: string;
}

/** In order of port and priority. Pure. */
export function findProblems(table: RouteTable): readonly Finding[] {
  const ports = [...table.listeners.keys()].sort((a, b) => a - b);
  return ports.flatMap((port) => {
    const listener = table.listeners.get(port) as ListenerRoutes;
    return listener.routes.flatMap((route, index) =>
      problemsOf(route, listener.routes.slice(0, index), table).map((problem) => ({
        port,
        priority: route.priority,
        problem,
      })),
    );
  });
}

function problemsOf(route: Route, earlier: readonly Route[], table: RouteTable): string[] {
  const problems: string[] = [];
  const taker = earlier.find((other) => covers(other, route));
  if (taker !== undefined) {
    problems.push(`unreachable: priority ${taker.priority} takes all of its requests`);
  }
  const { action } = route;
  if (action.kind === 'broken') problems.push(action.reason);
  if (action.kind === 'forward') {
    for (const { group } of action.groups) {
      if (!table.groups.has(group)) problems.push(`target group ${group} does not exist`);
    }
    if (action.cycle.length === 0) problems.push('all weights are zero');
  }
  return problems;
}

/** Every request that `inner` matches is matched by `outer`: each condition of `outer` follows from one of `inner`. */
function covers(outer: Route, inner: Route): boolean {
  return outer.conditions.every((wide) => inner.conditions.some((narrow) => follows(wide, narrow)));
}

/** Whatever meets `narrow` meets `wide`: each alternative of `narrow` lies in one of `wide`. */
function follows(wide: Condition, narrow: Condition): boolean {
  const each = <T>(
    inner: readonly T[],
    outer: readonly T[],
    test: (o: T, i: T) => boolean,
  ): boolean => inner.every((value) => outer.some((other) => test(other, value)));
  if (wide.field === 'http-header') {
    if (narrow.field !== 'http-header' || wide.name !== narrow.name) return false;
    return each(narrow.patterns, wide.patterns, coversPattern);
  }
  if (wide.field === 'host-header' || wide.field === 'path-pattern') {
    if (narrow.field !== wide.field) return false;
    return each(narrow.patterns, wide.patterns, coversPattern);
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

function coversPair(wide: QueryPattern, narrow: QueryPattern): boolean {
  const keys =
    wide.key === undefined || (narrow.key !== undefined && coversPattern(wide.key, narrow.key));
  return keys && coversPattern(wide.value, narrow.value);
}
