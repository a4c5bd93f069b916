// Where a request would go, and rules that nothing reaches. Asked of the same table that proxies route by.
import { BerthError } from '@berth/model/errors.ts';
import type {
  FindRouteProblemsRequest,
  FindRouteProblemsResponse,
  ListenerRecord,
  RouteGroup,
  TestRouteRequest,
  TestRouteResponse,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { parseAddress } from '@berth/model/routing/address.ts';
import {
  type ConditionReport,
  explainRoute,
  type RouteQuestion,
} from '@berth/model/routing/explain.ts';
import { applyUpdate, emptyUpdate, NO_RECORDS } from '@berth/model/routing/records.ts';
import { redirectLocation } from '@berth/model/routing/redirect.ts';
import { matchRule } from '@berth/model/routing/rule-match.ts';
import { buildTable, type Route, type RouteTable } from '@berth/model/routing/table.ts';
import { findProblems } from '@berth/model/routing/unreachable.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { balancerOf } from '../../views/balancer.ts';
import { targetHealthViews } from '../../views/target-health-view.ts';
import {
  defaultRuleView,
  listenerArn,
  listenerView,
  ruleView,
  targetGroupArn,
} from '../../views/load-balancing-view.ts';
import { actingListener, actingRule } from '../../views/traffic-weights.ts';
import type { OperationContext } from '../deps.ts';
import type { Place } from '../resolve.ts';
import { listenerOn, requireListener } from './find.ts';

const MOST_PASSED = 100;
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const MOST_HEADERS = 100;

/** @throws BerthError ValidationError for what is no request; ListenerNotFound */
export function testRoute(on: OperationContext, request: TestRouteRequest): TestRouteResponse {
  const { cache, realm } = on;
  const url = urlOf(request.url);
  const listener = listenerAsked({ state: cache, realm }, request.listener, url);
  const question = questionOf(request, url, listener.port);
  const table = tableOf(cache, [listener]);
  const explained = explainRoute(table, question);
  const routes = table.listeners.get(listener.port);
  if (!explained || !routes) {
    throw new BerthError(
      'ListenerNotFound',
      `Nothing is known of the listener on port ${listener.port}.`,
    );
  }
  const route = matchRule(routes, question);
  const ruleArn = (key: string): string =>
    arn.rule(realm, balancerOf(cache, listener), listener.id, ruleIdOf(key, listener));
  return {
    listener: listenerView(cache, realm, listener),
    rule: route.record
      ? ruleView(cache, realm, route.record, listener)
      : defaultRuleView(cache, realm, listener),
    conditions: explained.conditions.map(shown),
    passed: explained.passed.slice(0, MOST_PASSED).map(({ key, priority, failed }) => ({
      ruleArn: ruleArn(key),
      priority: String(priority),
      failed: shown(failed),
    })),
    rulesPassed: explained.passed.length,
    authentication: explained.authentication,
    action: explained.action,
    transformed: explained.transformed,
    targetGroups: groupsOf(on, route),
    location: locationOf(route, listener, question),
  };
}

/** Of one listener, or all: rules that can't match anything, and rules that lead nowhere. */
export function findRouteProblems(
  on: OperationContext,
  request: FindRouteProblemsRequest,
): FindRouteProblemsResponse {
  const { cache, realm } = on;
  const listeners = request.listener
    ? [requireListener({ state: cache, realm }, request.listener).value]
    : Array.from(cache.list(collections.listeners), ({ value }) => value);
  const byPort = new Map(listeners.map((listener) => [listener.port, listener]));
  return {
    problems: findProblems(tableOf(cache, listeners)).flatMap(
      ({ port, key, priority, problem }) => {
        const listener = byPort.get(port);
        if (!listener) return [];
        return [
          {
            listenerArn: listenerArn(cache, realm, listener),
            port,
            ruleArn: arn.rule(
              realm,
              balancerOf(cache, listener),
              listener.id,
              ruleIdOf(key, listener),
            ),
            priority: String(priority),
            problem,
          },
        ];
      },
    ),
  };
}

function tableOf(state: State, listeners: readonly ListenerRecord[]): RouteTable {
  const update = {
    ...emptyUpdate(state.revision, true),
    listeners: listeners.map((listener) => actingListener(state, listener)),
    rules: listeners.flatMap(({ id }) =>
      Array.from(state.list(collections.rules, id), ({ value }) => actingRule(state, value)),
    ),
    targetGroups: Array.from(state.list(collections.targetGroups), ({ value }) => value),
    loadBalancers: Array.from(state.list(collections.loadBalancers), ({ value }) => value),
  };
  return buildTable(applyUpdate(NO_RECORDS, update));
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new BerthError(
    'ValidationError',
    `url is ${JSON.stringify(text.slice(0, 80))}; expected one like https://example.com:8443/path?query.`,
  );
}

function listenerAsked(place: Place, asked: string | undefined, url: URL): ListenerRecord {
  if (asked) return requireListener(place, asked).value;
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const found = listenerOn(place.state, port)?.value;
  if (found) return found;
  throw new BerthError(
    'ListenerNotFound',
    `One or more listeners not found (nothing listens on port ${port})`,
  );
}

function questionOf(request: TestRouteRequest, url: URL, port: number): RouteQuestion {
  const refuse = (message: string): never => {
    throw new BerthError('ValidationError', message);
  };
  const method = request.method || 'GET';
  if (!METHOD.test(method)) refuse(`method is ${JSON.stringify(method)}; expected one like GET.`);
  const sourceAddress = request.sourceIp || '127.0.0.1';
  if (!parseAddress(sourceAddress)) {
    refuse(`sourceIp is ${JSON.stringify(sourceAddress)}; expected an IP address.`);
  }
  const { headers } = request;
  if (headers.length > MOST_HEADERS) {
    refuse(`headers has ${headers.length} headers; expected at most ${MOST_HEADERS}.`);
  }
  for (const { name } of headers) {
    if (!HEADER_NAME.test(name)) refuse(`${JSON.stringify(name)} is no name of a header.`);
  }
  const given = headers.find(({ name }) => name.toLowerCase() === 'host')?.value;
  const authority = given ?? url.host;
  const others = headers.filter(({ name }) => name.toLowerCase() !== 'host');
  const { path, query } = targetOf(request.url);
  return {
    port,
    method,
    host: authority.replace(/:\d{1,5}$/, ''),
    path,
    query,
    headers: ['Host', authority, ...others.flatMap(({ name, value }) => [name, value])],
    sourceAddress,
  };
}

/** As written: rules see the path before anybody has made it plain. */
function targetOf(url: string): { path: string; query: string } {
  const [, target = ''] = /^https?:\/\/[^/?#]*([^#]*)/i.exec(url) ?? [];
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  return { path: path === '' ? '/' : path, query: mark < 0 ? '' : target.slice(mark + 1) };
}

/** LISTENER/RULE, or LISTENER/default: the default rule bears the listener's id. */
function ruleIdOf(key: string, { id }: ListenerRecord): string {
  const last = key.slice(key.indexOf('/') + 1);
  return last === 'default' ? id : last;
}

function shown({ condition, holds, compared }: ConditionReport): ConditionReport {
  return { condition, holds, compared };
}

function groupsOf({ cache, realm }: OperationContext, { action }: Route): RouteGroup[] {
  if (action.kind !== 'forward') return [];
  return action.groups.map(({ group, weight }) => {
    const record = cache.get(collections.targetGroups, group)?.value;
    const targets = record ? targetHealthViews(cache, record) : [];
    const registered = targets.filter(({ state }) => state !== 'draining');
    return {
      targetGroupArn: targetGroupArn(cache, realm, group),
      weight,
      healthyTargets: registered.filter(({ state }) => state === 'healthy').length,
      registeredTargets: registered.length,
    };
  });
}

function locationOf(
  { action }: Route,
  { protocol }: ListenerRecord,
  { host, port, path, query }: RouteQuestion,
): string | undefined {
  if (action.kind !== 'redirect') return undefined;
  const scheme = protocol === 'HTTPS' ? 'https' : 'http';
  return redirectLocation(action.redirect, { protocol: scheme, host, port, path, query });
}
