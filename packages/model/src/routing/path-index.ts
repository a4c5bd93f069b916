// Routes by what their path patterns ask for: one path, or a beginning. A tree of beginnings (edges are texts, no two children of a
// node begin alike) and a map of whole paths. Immutable to its readers: a change copies the nodes on its way and shares the
// others; nodes that one edit has made it may change again.
import { type Route, compareRoutes } from './route.ts';

/** The nodes that belong to a change in the making. */
export class Edit {
  readonly #own = new WeakSet<object>();

  owns(part: object): boolean {
    return this.#own.has(part);
  }

  take<T extends object>(part: T): T {
    this.#own.add(part);
    return part;
  }
}

export interface PathNode {
  /** What the edge to this node adds to the beginning. */
  edge: string;
  /** In order of priority. */
  routes: Route[];
  /** By the first character of their edges. */
  children: Map<number, PathNode>;
}

export interface PathIndex {
  root: PathNode;
  whole: Map<string, Route[]>;
}

/** Where a route stands in the index. */
export type PathKey =
  | { readonly kind: 'whole'; readonly path: string }
  | { readonly kind: 'prefix'; readonly prefix: string };

export function newPathIndex(edit: Edit): PathIndex {
  return edit.take({ root: newNode(edit, '', [], new Map()), whole: new Map() });
}

export function isEmpty(index: PathIndex): boolean {
  return index.whole.size === 0 && index.root.routes.length === 0 && index.root.children.size === 0;
}

export function withRoute(index: PathIndex, key: PathKey, route: Route, edit: Edit): PathIndex {
  const own = ownIndex(index, edit);
  if (key.kind === 'prefix') own.root = insert(own.root, key.prefix, 0, route, edit);
  else own.whole.set(key.path, inserted(own.whole.get(key.path) ?? [], route, edit));
  return own;
}

export function withoutRoute(index: PathIndex, key: PathKey, route: Route, edit: Edit): PathIndex {
  const own = ownIndex(index, edit);
  if (key.kind === 'prefix') {
    own.root = remove(own.root, key.prefix, 0, route, edit);
    return own;
  }
  const left = (own.whole.get(key.path) ?? []).filter((other) => other !== route);
  if (left.length === 0) own.whole.delete(key.path);
  else own.whole.set(key.path, edit.take(left));
  return own;
}

function ownIndex(index: PathIndex, edit: Edit): PathIndex {
  if (edit.owns(index)) return index;
  return edit.take({ root: index.root, whole: new Map(index.whole) });
}

function newNode(
  edit: Edit,
  edge: string,
  routes: Route[],
  children: Map<number, PathNode>,
): PathNode {
  return edit.take({ edge, routes, children });
}

function ownNode(node: PathNode, edit: Edit): PathNode {
  return edit.owns(node) ? node : newNode(edit, node.edge, node.routes, new Map(node.children));
}

/** The usual route is a later one than all that are there. */
function inserted(routes: Route[], route: Route, edit: Edit): Route[] {
  const own = edit.owns(routes) ? routes : edit.take([...routes]);
  let at = own.length;
  while (at > 0 && compareRoutes(own[at - 1] as Route, route) > 0) at -= 1;
  if (at === own.length) own.push(route);
  else own.splice(at, 0, route);
  return own;
}

function insert(node: PathNode, key: string, at: number, route: Route, edit: Edit): PathNode {
  const own = ownNode(node, edit);
  if (at === key.length) {
    own.routes = inserted(own.routes, route, edit);
    return own;
  }
  const first = key.charCodeAt(at);
  const child = own.children.get(first);
  if (child === undefined) {
    own.children.set(first, newNode(edit, key.slice(at), edit.take([route]), new Map()));
    return own;
  }
  const shared = sharedLength(child.edge, key, at);
  let below = child;
  if (shared < child.edge.length) {
    const lower = ownNode(child, edit);
    below = newNode(edit, child.edge.slice(0, shared), [], new Map());
    lower.edge = child.edge.slice(shared);
    below.children.set(lower.edge.charCodeAt(0), lower);
  }
  own.children.set(first, insert(below, key, at + shared, route, edit));
  return own;
}

function sharedLength(edge: string, key: string, at: number): number {
  let length = 0;
  while (length < edge.length && edge.charCodeAt(length) === key.charCodeAt(at + length)) {
    length += 1;
  }
  return length;
}

function remove(node: PathNode, key: string, at: number, route: Route, edit: Edit): PathNode {
  const own = ownNode(node, edit);
  if (at === key.length) {
    own.routes = edit.take(own.routes.filter((other) => other !== route));
    return own;
  }
  const first = key.charCodeAt(at);
  const child = own.children.get(first);
  if (child === undefined) return own;
  const left = remove(child, key, at + child.edge.length, route, edit);
  if (left.routes.length > 0 || left.children.size > 1) own.children.set(first, left);
  else if (left.children.size === 0) own.children.delete(first);
  else own.children.set(first, joined(left, edit));
  return own;
}

/** A node that only leads to another is that other one. */
function joined(node: PathNode, edit: Edit): PathNode {
  const [only] = node.children.values();
  const own = ownNode(only as PathNode, edit);
  own.edge = node.edge + own.edge;
  return own;
}
