// The rules of a listener by host and path, so that a request meets those only that its host and path leave open, however many there
// are. Each rule stands where its narrowest host and path pattern put it; what has neither a text nor a beginning to go
// by (expressions, a wildcard at the start) stands with the rules for any host or path. All conditions are checked
// for each rule that is met, and of several lists the lowest priority wins: the answer is that of trying all rules in order.
import { type Alternatives, type RequestView, conditionHolds } from './conditions.ts';
import {
  Edit,
  type PathIndex,
  type PathKey,
  type PathNode,
  isEmpty,
  newPathIndex,
  withRoute,
  withoutRoute,
} from './path-index.ts';
import { type Pattern, literalPrefix, literalSuffix, onlyText } from './pattern.ts';
import { type Route, compareRoutes } from './route.ts';

/** A rule with more combinations of host and path is found by its host alone, or for any host. */
const MOST_PLACES = 64;
const ANY_PATH: PathKey = { kind: 'prefix', prefix: '' };

type HostKey =
  | { readonly kind: 'any' }
  | { readonly kind: 'whole'; readonly host: string }
  /** Begins with a dot. */
  | { readonly kind: 'suffix'; readonly suffix: string };

const ANY_HOST: HostKey = { kind: 'any' };

export interface RuleIndex {
  readonly any: PathIndex;
  readonly hosts: ReadonlyMap<string, PathIndex>;
  readonly suffixes: ReadonlyMap<string, PathIndex>;
  /** Of the suffixes. */
  readonly longestSuffix: number;
}

export const EMPTY_INDEX: RuleIndex = {
  any: newPathIndex(new Edit()),
  hosts: new Map(),
  suffixes: new Map(),
  longestSuffix: 0,
};

/**
 * The index after some routes have gone and others have come. `index` stays as it was. Pure; the time depends on
 * what changes and, much less, on the number of hosts.
 */
export function changeIndex(
  index: RuleIndex,
  gone: readonly Route[],
  come: readonly Route[],
): RuleIndex {
  if (gone.length === 0 && come.length === 0) return index;
  const edit = new Edit();
  let any = index.any;
  const hosts = new Map(index.hosts);
  const suffixes = new Map(index.suffixes);
  const change = (route: Route, place: typeof withRoute): void => {
    for (const [host, path] of placesOf(route)) {
      if (host.kind === 'any') {
        any = place(any, path, route, edit);
        continue;
      }
      const [map, key] = host.kind === 'whole' ? [hosts, host.host] : [suffixes, host.suffix];
      const changed = place(map.get(key) ?? newPathIndex(edit), path, route, edit);
      if (isEmpty(changed)) map.delete(key);
      else map.set(key, changed);
    }
  };
  for (const route of gone) change(route, withoutRoute);
  for (const route of come) change(route, withRoute);
  let longestSuffix = 0;
  for (const suffix of suffixes.keys()) longestSuffix = Math.max(longestSuffix, suffix.length);
  return { any, hosts, suffixes, longestSuffix };
}

/** The first route in order of priority whose conditions all hold. On the path of every request. Pure. */
export function lookUp(index: RuleIndex, request: RequestView): Route | undefined {
  let best: Route | undefined;
  if (index.hosts.size > 0 || index.suffixes.size > 0) {
    const host = request.host.toLowerCase();
    const own = index.hosts.get(host);
    if (own !== undefined) best = search(own, request, best);
    if (index.suffixes.size > 0) {
      const from = Math.max(0, host.length - index.longestSuffix);
      for (let dot = host.lastIndexOf('.'); dot >= from; dot = before(host, dot)) {
        const found = index.suffixes.get(host.slice(dot));
        if (found !== undefined) best = search(found, request, best);
      }
    }
  }
  return search(index.any, request, best);
}

function before(host: string, dot: number): number {
  return dot === 0 ? -1 : host.lastIndexOf('.', dot - 1);
}

function search(
  index: PathIndex,
  request: RequestView,
  known: Route | undefined,
): Route | undefined {
  let best = known;
  const { path } = request;
  const whole = index.whole.get(path);
  if (whole !== undefined) best = firstOf(whole, request, best);
  let node: PathNode | undefined = index.root;
  for (let at = 0; ; at += node.edge.length) {
    best = firstOf(node.routes, request, best);
    node = node.children.get(path.charCodeAt(at));
    if (node === undefined || !path.startsWith(node.edge, at)) return best;
  }
}

function firstOf(
  routes: readonly Route[],
  request: RequestView,
  best: Route | undefined,
): Route | undefined {
  for (const route of routes) {
    if (best !== undefined && compareRoutes(best, route) <= 0) return best;
    if (routeHolds(route, request)) return route;
  }
  return best;
}

/** Pure. */
export function routeHolds(route: Route, request: RequestView): boolean {
  for (const condition of route.conditions) if (!conditionHolds(condition, request)) return false;
  return true;
}

/** Where a route stands; one place only for a route that stands in few. */
function placesOf(route: Route): readonly (readonly [HostKey, PathKey])[] {
  let hosts: readonly HostKey[] = [ANY_HOST];
  let paths: readonly PathKey[] = [ANY_PATH];
  for (const condition of route.conditions) {
    if (condition.field === 'host-header') hosts = hostKeys(condition);
    if (condition.field === 'path-pattern') paths = pathKeys(condition);
  }
  if (hosts.length * paths.length > MOST_PLACES) paths = [ANY_PATH];
  if (hosts.length > MOST_PLACES) hosts = [ANY_HOST];
  return hosts.flatMap((host) => paths.map((path) => [host, path] as const));
}

function hostKeys(wanted: Alternatives): readonly HostKey[] {
  const keys = new Map<string, HostKey>();
  for (const pattern of wanted.patterns) {
    const key = hostKey(pattern);
    if (key.kind === 'any') return [ANY_HOST];
    keys.set(key.kind === 'whole' ? key.host : `*${key.suffix}`, key);
  }
  return wanted.expressions.length > 0 ? [ANY_HOST] : [...keys.values()];
}

function hostKey(pattern: Pattern): HostKey {
  const host = onlyText(pattern);
  if (host !== undefined) return { kind: 'whole', host };
  const end = literalSuffix(pattern);
  const dot = end.indexOf('.');
  return dot < 0 ? ANY_HOST : { kind: 'suffix', suffix: end.slice(dot) };
}

function pathKeys(wanted: Alternatives): readonly PathKey[] {
  if (wanted.expressions.length > 0) return [ANY_PATH];
  const keys = new Map<string, PathKey>();
  for (const pattern of wanted.patterns) {
    const path = onlyText(pattern);
    const prefix = literalPrefix(pattern);
    if (path !== undefined) keys.set(`=${path}`, { kind: 'whole', path });
    else keys.set(`^${prefix}`, { kind: 'prefix', prefix });
  }
  return [...keys.values()];
}

/**
 * Routes that stand where one that takes all requests of `route` must stand, given one of the host and one of the path patterns
 * of `route`. In no order; some may take none of them.
 */
export function* neighbours(
  index: RuleIndex,
  host: Pattern | undefined,
  path: Pattern | undefined,
): Generator<Route, void, undefined> {
  const indexes = [index.any];
  const name = host === undefined ? undefined : onlyText(host);
  if (name !== undefined) indexes.push(...present(index.hosts.get(name)));
  const end = host === undefined ? '' : literalSuffix(host);
  for (let dot = end.lastIndexOf('.'); dot >= 0; dot = before(end, dot)) {
    indexes.push(...present(index.suffixes.get(end.slice(dot))));
  }
  const text = path === undefined ? undefined : onlyText(path);
  const start = path === undefined ? '' : literalPrefix(path);
  for (const found of indexes) {
    if (text !== undefined) yield* found.whole.get(text) ?? [];
    let node: PathNode | undefined = found.root;
    for (let at = 0; ; at += node.edge.length) {
      yield* node.routes;
      node = node.children.get(start.charCodeAt(at));
      if (node === undefined || !start.startsWith(node.edge, at)) break;
    }
  }
}

function present<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}
