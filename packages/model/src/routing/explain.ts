// Why a request falls to its rule: for each rule before it the first condition that did not hold, with what was compared. For people who
// ask `berth route test`.
import { type Condition, type RequestView, conditionHolds } from './conditions.ts';
import { printAction, printCondition } from './print.ts';
import type { Route } from './route.ts';
import { pathFor } from './plain-path.ts';
import { matchRule } from './rule-match.ts';
import type { RouteTable } from './table.ts';
import { transformRequest } from './transforms.ts';

export interface RouteQuestion extends RequestView {
  /** That the request comes in on. */
  readonly port: number;
}

export interface ConditionReport {
  /** As people write it. */
  readonly condition: string;
  readonly holds: boolean;
  /** What of the request it was compared with. */
  readonly compared: string;
}

export interface PassedRule {
  /** LISTENER/RULE */
  readonly key: string;
  readonly priority: number | 'default';
  /** The first of its conditions that does not hold. */
  readonly failed: ConditionReport;
}

export interface RouteExplanation {
  readonly listenerId: string;
  readonly protocol: string;
  /** The rule that the request falls to: LISTENER/RULE, or LISTENER/default. */
  readonly key: string;
  readonly priority: number | 'default';
  /** All of them hold. */
  readonly conditions: readonly ConditionReport[];
  /** Runs before the action. */
  readonly authentication: string | undefined;
  readonly action: string;
  /** Host and URL as the target would get them; or why that fails. Undefined: as they came. */
  readonly transformed: string | undefined;
  /** In order of priority. */
  readonly passed: readonly PassedRule[];
}

/** @returns undefined when nothing listens on the port. Pure. */
export function explainRoute(
  table: RouteTable,
  asked: RouteQuestion,
): RouteExplanation | undefined {
  const listener = table.listeners.get(asked.port);
  if (listener === undefined) return undefined;
  const path = pathFor(listener.settings.pathNormalization, asked.path);
  const request = path === undefined ? asked : { ...asked, path };
  const winner = matchRule(listener, request);
  const passed: PassedRule[] = [];
  for (const route of listener.routes) {
    if (route === winner) break;
    const failed = route.conditions.find((condition) => !conditionHolds(condition, request));
    if (failed === undefined) continue;
    const { key, priority } = route;
    passed.push({ key, priority, failed: report(failed, request) });
  }
  return {
    listenerId: listener.record.id,
    protocol: listener.record.protocol,
    key: winner.key,
    priority: winner.priority,
    conditions: winner.conditions.map((condition) => report(condition, request)),
    authentication: winner.authentication?.kind,
    action:
      path === undefined
        ? 'refused with 400: its path has no plain form'
        : printAction(winner.action),
    transformed: transformed(winner, request),
    passed,
  };
}

function transformed(route: Route, request: RequestView): string | undefined {
  if (route.transforms === undefined) return undefined;
  const { host, path, query } = request;
  const target = query === '' ? path : `${path}?${query}`;
  const made = transformRequest(route.transforms, { authority: host, target });
  return made.ok ? `${made.authority}${made.target}` : made.problem;
}

function report(condition: Condition, request: RequestView): ConditionReport {
  return {
    condition: printCondition(condition),
    holds: conditionHolds(condition, request),
    compared: comparedWith(condition, request),
  };
}

function comparedWith(condition: Condition, request: RequestView): string {
  switch (condition.field) {
    case 'host-header':
      return `host ${shown(request.host)}`;
    case 'path-pattern':
      return `path ${shown(request.path)}`;
    case 'http-request-method':
      return `method ${shown(request.method)}`;
    case 'query-string':
      return `query ${shown(request.query)}`;
    case 'source-ip':
      return `source address ${shown(request.sourceAddress)}`;
    case 'http-header': {
      const lines = headerLines(condition.name, request.headers);
      return lines.length === 0
        ? `no header ${condition.name}`
        : `header ${condition.name} ${lines.map(shown).join(', ')}`;
    }
  }
}

function headerLines(name: string, headers: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === name) found.push(headers[i + 1] ?? '');
  }
  return found;
}

const LONGEST = 200;

function shown(text: string): string {
  return JSON.stringify(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}
