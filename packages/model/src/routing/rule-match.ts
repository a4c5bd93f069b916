// Which rule of a listener a request falls to: the first in order of priority whose conditions all hold.
import { type RequestView, conditionHolds } from './conditions.ts';
import type { ListenerRoutes, Route } from './table.ts';

/**
 * Always finds one, since the default rule has no conditions; undefined only for a listener without
 * routes. On the path of every request: no allocation. Pure.
 */
export function matchRule(listener: ListenerRoutes, request: RequestView): Route | undefined {
  for (const route of listener.routes) if (holds(route, request)) return route;
  return undefined;
}

function holds(route: Route, request: RequestView): boolean {
  for (const condition of route.conditions) if (!conditionHolds(condition, request)) return false;
  return true;
}
