// Which rule of a listener a request falls to: the first in order of priority whose conditions all hold, else the default rule.
import type { RequestView } from './conditions.ts';
import type { Route } from './route.ts';
import { lookUp } from './rule-index.ts';
import type { ListenerRoutes } from './table.ts';

/** On the path of every request. Pure. */
export function matchRule(listener: ListenerRoutes, request: RequestView): Route {
  return lookUp(listener.index, request) ?? listener.defaultRoute;
}
