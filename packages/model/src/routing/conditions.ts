// The conditions of a rule, compiled once when the table is built. Values inside one condition are alternatives;
// conditions of one rule must all hold. Case counts for path and method only. Source: ALB reference, section 2.2.
import type { QueryStringPair, RuleCondition } from '../generated/messages.ts';

import {
  type AddressBytes,
  type Block,
  blockContains,
  parseAddress,
  parseBlock,
} from './address.ts';
import { type Pattern, compilePattern, matchesPattern } from './pattern.ts';

/** What rules see of a request: exactly as received, nothing decoded or normalised. */
export interface RequestView {
  readonly method: string;
  /** Without its port. */
  readonly host: string;
  /** Without the query. */
  readonly path: string;
  /** Without the `?`; empty when there is none. */
  readonly query: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** The peer of the TCP connection. */
  readonly sourceAddress: string;
}

export interface QueryPattern {
  readonly key: Pattern | undefined;
  readonly value: Pattern;
}

export type Condition =
  | { readonly field: 'host-header'; readonly patterns: readonly Pattern[] }
  | { readonly field: 'path-pattern'; readonly patterns: readonly Pattern[] }
  | { readonly field: 'http-header'; readonly name: string; readonly patterns: readonly Pattern[] }
  | { readonly field: 'http-request-method'; readonly methods: readonly string[] }
  | { readonly field: 'query-string'; readonly pairs: readonly QueryPattern[] }
  | { readonly field: 'source-ip'; readonly blocks: readonly Block[] };

/** Pure and total: a value that can't be read (an impossible CIDR block) matches nothing. */
export function compileCondition(condition: RuleCondition): Condition {
  const patterns = (fold: boolean): Pattern[] =>
    condition.values.map((value) => compilePattern(value, { fold }));
  switch (condition.field) {
    case 'host-header':
      return { field: 'host-header', patterns: patterns(true) };
    case 'path-pattern':
      return { field: 'path-pattern', patterns: patterns(false) };
    case 'http-header':
      return {
        field: 'http-header',
        name: (condition.httpHeaderName ?? '').toLowerCase(),
        patterns: patterns(true),
      };
    case 'http-request-method':
      return { field: 'http-request-method', methods: condition.values };
    case 'query-string':
      return { field: 'query-string', pairs: condition.queryString.map(compilePair) };
    case 'source-ip':
      return {
        field: 'source-ip',
        blocks: condition.values.map(parseBlock).filter((block) => block !== undefined),
      };
  }
}

function compilePair(pair: QueryStringPair): QueryPattern {
  const options = { fold: true, escapes: true };
  return {
    key: pair.key === undefined ? undefined : compilePattern(pair.key, options),
    value: compilePattern(pair.value, options),
  };
}

/** Pure. */
export function conditionHolds(condition: Condition, request: RequestView): boolean {
  switch (condition.field) {
    case 'host-header':
      return anyMatches(condition.patterns, request.host);
    case 'path-pattern':
      return anyMatches(condition.patterns, request.path);
    case 'http-header':
      return headerHolds(condition.name, condition.patterns, request.headers);
    case 'http-request-method':
      return condition.methods.includes(request.method);
    case 'query-string':
      return queryHolds(condition.pairs, request.query);
    case 'source-ip':
      return sourceHolds(condition.blocks, request.sourceAddress);
  }
}

function anyMatches(patterns: readonly Pattern[], value: string): boolean {
  for (const pattern of patterns) if (matchesPattern(pattern, value)) return true;
  return false;
}

/** A repeated header is looked at line by line. */
function headerHolds(
  name: string,
  patterns: readonly Pattern[],
  headers: readonly string[],
): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const found = headers[i] ?? '';
    if (found.length !== name.length || found.toLowerCase() !== name) continue;
    if (anyMatches(patterns, headers[i + 1] ?? '')) return true;
  }
  return false;
}

/** Compared as sent: nothing is percent-decoded, and a key without `=` has the empty value. */
function queryHolds(pairs: readonly QueryPattern[], query: string): boolean {
  if (query === '') return false;
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    const value = equals < 0 ? '' : part.slice(equals + 1);
    for (const pair of pairs) {
      const keyFits = pair.key === undefined || matchesPattern(pair.key, key);
      if (keyFits && matchesPattern(pair.value, value)) return true;
    }
  }
  return false;
}

function sourceHolds(blocks: readonly Block[], source: string): boolean {
  const address: AddressBytes | undefined = parseAddress(source);
  return address !== undefined && blocks.some((block) => blockContains(block, address));
}
