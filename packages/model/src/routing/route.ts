// A rule, compiled: what it asks of a request, what it makes of it, and what is done with it.
import type {
  Action,
  AuthenticateOidcAction,
  FixedResponseAction,
  JwtValidationAction,
  ListenerRecord,
  RedirectAction,
  RuleRecord,
} from '../generated/messages.ts';
import { nameOf } from '../resources/arn.ts';

import { type Condition, compileCondition } from './conditions.ts';
import { DEFAULT_RULE_SETTINGS, type RuleSettings, ruleSettings } from './rule-settings.ts';
import { type Transforms, compileTransforms } from './transforms.ts';
import { sharesOf } from './weights.ts';

export interface ForwardRoute {
  readonly kind: 'forward';
  readonly groups: readonly { readonly group: string; readonly weight: number }[];
  /** Of each group, in lowest terms; empty when all weights are zero. */
  readonly shares: readonly number[];
  /** For how long a client keeps the group that it was given first; undefined: it does not. */
  readonly stickyMs: number | undefined;
}

export type RouteAction =
  | ForwardRoute
  | { readonly kind: 'redirect'; readonly redirect: RedirectAction }
  | { readonly kind: 'fixed-response'; readonly response: FixedResponseAction }
  /** A record that says nothing usable; answered with an error. */
  | { readonly kind: 'broken'; readonly reason: string };

/** Comes before the routing action. */
export type Authentication =
  | { readonly kind: 'authenticate-oidc'; readonly oidc: AuthenticateOidcAction }
  | { readonly kind: 'jwt-validation'; readonly jwt: JwtValidationAction };

export interface Route {
  /** LISTENER/RULE, or LISTENER/default. */
  readonly key: string;
  readonly priority: number | 'default';
  /** All must hold; the default rule has none. */
  readonly conditions: readonly Condition[];
  readonly authentication: Authentication | undefined;
  /** Undefined: the request goes on as it came. */
  readonly transforms: Transforms | undefined;
  readonly action: RouteAction;
  readonly settings: RuleSettings;
  /** What it was made from; the default rule has none of its own. */
  readonly record: RuleRecord | undefined;
}

/** Pure and total. */
export function compileRule(rule: RuleRecord): Route {
  const transforms = compileTransforms(rule.transforms);
  return {
    key: `${rule.listenerId}/${rule.id}`,
    priority: rule.priority,
    conditions: rule.conditions.map(compileCondition),
    ...compileActions(rule.actions),
    ...(transforms.ok
      ? { transforms: transforms.transforms }
      : { transforms: undefined, action: broken(transforms.problem) }),
    settings: ruleSettings(rule.attributes),
    record: rule,
  };
}

/** Pure and total. */
export function compileDefaultRule(listener: ListenerRecord): Route {
  return {
    key: `${listener.id}/default`,
    priority: 'default',
    conditions: [],
    ...compileActions(listener.defaultActions),
    transforms: undefined,
    settings: DEFAULT_RULE_SETTINGS,
    record: undefined,
  };
}

/** The order in which rules are tried. */
export function compareRoutes(a: Route, b: Route): number {
  return orderOf(a) - orderOf(b) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

function orderOf(route: Route): number {
  return route.priority === 'default' ? Number.MAX_SAFE_INTEGER : route.priority;
}

/** Target groups that get requests by this route, copies included. */
export function groupsOf(route: Route): readonly string[] {
  const { action, settings } = route;
  const own = action.kind === 'forward' ? action.groups.map(({ group }) => group) : [];
  return settings.mirror === undefined ? own : [...own, settings.mirror.group];
}

function broken(reason: string): RouteAction {
  return { kind: 'broken', reason };
}

/** The routing action is the last one. A request never gets past an authentication that can't be read. */
function compileActions(actions: readonly Action[]): Pick<Route, 'authentication' | 'action'> {
  const routing = compileAction(actions.at(-1));
  const before = actions.slice(0, -1);
  if (before.length === 0) return { authentication: undefined, action: routing };
  const [first] = before;
  const { type, authenticateOidc: oidc, jwtValidation: jwt } = first as Action;
  if (before.length > 1) {
    return { authentication: undefined, action: broken('more than one action before the last') };
  }
  if (type === 'authenticate-oidc' && oidc !== undefined) {
    return { authentication: { kind: type, oidc }, action: routing };
  }
  if (type === 'jwt-validation' && jwt !== undefined) {
    return { authentication: { kind: type, jwt }, action: routing };
  }
  return { authentication: undefined, action: broken(`${type} without settings`) };
}

function compileAction(action: Action | undefined): RouteAction {
  switch (action?.type) {
    case 'forward':
      return compileForward(action);
    case 'redirect':
      if (action.redirect === undefined) return broken('redirect without settings');
      return { kind: 'redirect', redirect: action.redirect };
    case 'fixed-response':
      if (action.fixedResponse === undefined) return broken('fixed-response without settings');
      return { kind: 'fixed-response', response: action.fixedResponse };
    case 'authenticate-oidc':
    case 'jwt-validation':
      return broken(`${action.type} without a routing action`);
    case undefined:
      return broken('no action');
  }
}

function compileForward(action: Action): RouteAction {
  const groups = (action.forward?.targetGroups ?? []).map((tuple) => ({
    group: nameOf(tuple.targetGroupArn),
    weight: tuple.weight ?? 1,
  }));
  if (groups.length === 0) return broken('forward without a target group');
  const sticky = action.forward?.targetGroupStickinessConfig;
  return {
    kind: 'forward',
    groups,
    // The weight of a single group is irrelevant.
    shares: groups.length === 1 ? [1] : sharesOf(groups.map((group) => group.weight)),
    stickyMs: sticky?.enabled === true ? 1000 * (sticky.durationSeconds ?? 1) : undefined,
  };
}
