// The routing table as text, for people (/debug/routes, logs) and for golden tests. Says what is wrong with it as well.
import { assertNever } from '../assert.ts';

import type { Alternatives, Condition } from './conditions.ts';
import type { CheckSettings } from './group-settings.ts';
import type { CodeRange } from './matcher.ts';
import type { GroupRoutes, ListenerRoutes, Route, RouteAction, RouteTable } from './table.ts';
import { findProblems } from './unreachable.ts';

/** One line a listener, rule, group and target, in a fixed order; ends with a line break. Pure. */
export function printTable(table: RouteTable): string {
  const listeners = [...table.listeners].sort(([a], [b]) => a - b).map(([, routes]) => routes);
  const lines = [
    `revision ${table.records.revision}`,
    ...listeners.flatMap(listenerLines),
    ...[...table.groups.values()].flatMap(groupLines),
    ...findProblems(table).map(
      (found) => `problem: listener ${found.port}, priority ${found.priority}: ${found.problem}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function listenerLines(listener: ListenerRoutes): string[] {
  const { record, routes } = listener;
  return [`listener ${record.port} ${record.protocol} ${record.id}`, ...routes.map(routeLine)];
}

function routeLine(route: Route): string {
  const conditions = route.conditions
    .map((condition) => `${printCondition(condition)} `)
    .join('& ');
  const before = [
    route.authentication?.kind,
    route.transforms?.host && 'host-header-rewrite',
    route.transforms?.url && 'url-rewrite',
  ].flatMap((step) => (step === undefined ? [] : `${step}, `));
  return `  ${route.priority} ${conditions}-> ${before.join('')}${printAction(route.action)}`;
}

export function printCondition(condition: Condition): string {
  switch (condition.field) {
    case 'host-header':
    case 'path-pattern':
      return `${condition.field} ${printAlternatives(condition, ' ')}`;
    case 'http-header':
      return `http-header ${condition.name}: ${printAlternatives(condition, ' | ')}`;
    case 'http-request-method':
      return [condition.field, ...condition.methods].join(' ');
    case 'query-string':
      return [
        condition.field,
        ...condition.pairs.map(({ key, value }) =>
          key ? `${key.text}=${value.text}` : value.text,
        ),
      ].join(' ');
    case 'source-ip':
      return [condition.field, ...condition.blocks.map((block) => block.text)].join(' ');
    default:
      return assertNever(condition);
  }
}

function printAlternatives(wanted: Alternatives, between: string): string {
  return [
    ...wanted.patterns.map((pattern) => pattern.text),
    ...wanted.expressions.map((expression) => `~${expression.text}`),
  ].join(between);
}

export function printAction(action: RouteAction): string {
  switch (action.kind) {
    case 'forward': {
      const groups = action.groups.map(({ group, weight }) => `${group}:${weight}`).join(' ');
      return `forward ${groups}${action.stickyMs === undefined ? '' : ' sticky'}`;
    }
    case 'redirect': {
      const { protocol, host, port, path, query, statusCode } = action.redirect;
      return [
        `redirect ${statusCode} ${protocol ?? '#{protocol}'}://${host ?? '#{host}'}:${port ?? '#{port}'}`,
        `${path ?? '/#{path}'}?${query ?? '#{query}'}`,
      ].join('');
    }
    case 'fixed-response': {
      const { statusCode, contentType, messageBody } = action.response;
      const length = messageBody?.length ?? 0;
      return `fixed-response ${statusCode} ${contentType ?? 'text/plain'} (${length} characters)`;
    }
    case 'broken':
      return `broken (${action.reason})`;
    default:
      return assertNever(action);
  }
}

function groupLines(group: GroupRoutes): string[] {
  const { record, settings, inUse, targets } = group;
  const delay = settings.deregistrationDelayMs / 1000;
  return [
    `group ${record.name} ${settings.protocol} ${settings.algorithm} delay ${delay}s${inUse ? '' : ' unused'}`,
    `  check ${printCheck(settings.check)}`,
    ...targets.map(
      (target) => `  target ${target.id} ${target.address}:${target.port} ${target.state}`,
    ),
  ];
}

function printCheck(check: CheckSettings): string {
  const port = check.port ?? 'traffic-port';
  const codes = check.matcher.map(printRange).join(',');
  return [
    `${check.protocol} ${port} ${check.path} expects ${codes}`,
    `every ${check.intervalMs / 1000}s within ${check.timeoutMs / 1000}s`,
    `up ${check.healthyThreshold} down ${check.unhealthyThreshold}`,
  ].join(', ');
}

function printRange(range: CodeRange): string {
  return range.first === range.last ? String(range.first) : `${range.first}-${range.last}`;
}
