// The conditions of a rule, compiled once when the table is built. Values inside one condition are alternatives;
// conditions of one rule must all hold. Case counts for path and method only. Source: ALB reference, section 2.2.
import type { QueryStringPair, RuleCondition } from '../generated/messages.ts';
import { type Regex, parseRegex } from '../regex/regex.ts';

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

/** A regular expression; it may match any part of the value. */
export interface Expression {
  readonly text: string;
  readonly regex: Regex;
}

/** What the value may be: any of these. */
export interface Alternatives {
  readonly patterns: readonly Pattern[];
  readonly expressions: readonly Expression[];
}

export type Condition =
  | ({ readonly field: 'host-header' } & Alternatives)
  | ({ readonly field: 'path-pattern' } & Alternatives)
  | ({ readonly field: 'http-header'; readonly name: string } & Alternatives)
  | { readonly field: 'http-request-method'; readonly methods: readonly string[] }
  | { readonly field: 'query-string'; readonly pairs: readonly QueryPattern[] }
  | { readonly field: 'source-ip'; readonly blocks: readonly Block[] };

/** Pure and total: a value that can't be read (an impossible CIDR block or expression) matches nothing. */
export function compileCondition(condition: RuleCondition): Condition {
  const alternatives = (fold: boolean): Alternatives => ({
    patterns: condition.values.map((value) => compilePattern(value, { fold })),
    expressions: condition.regexValues.flatMap((text) => {
      const parsed = parseRegex(text, { part: true, fold });
      return parsed.ok ? [{ text, regex: parsed.regex }] : [];
    }),
  });
  switch (condition.field) {
    case 'host-header':
      return { field: 'host-header', ...alternatives(true) };
    case 'path-pattern':
      return { field: 'path-pattern', ...alternatives(false) };
    case 'http-header':
      return {
        field: 'http-header',
        name: (condition.httpHeaderName ?? '').toLowerCase(),
        ...alternatives(true),
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
      return anyMatches(condition, request.host);
    case 'path-pattern':
      return anyMatches(condition, request.path);
    case 'http-header':
      return headerHolds(condition.name, condition, request.headers);
    case 'http-request-method':
      return condition.methods.includes(request.method);
    case 'query-string':
      return queryHolds(condition.pairs, request.query);
    case 'source-ip':
      return sourceHolds(condition.blocks, request.sourceAddress);
  }
}

function anyMatches(wanted: Alternatives, value: string): boolean {
  for (const pattern of wanted.patterns) if (matchesPattern(pattern, value)) return true;
  for (const { regex } of wanted.expressions) if (regex.matches(value)) return true;
  return false;
}

/** A repeated header is looked at line by line. */
function headerHolds(name: string, wanted: Alternatives, headers: readonly string[]): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const found = headers[i] ?? '';
    if (found.length !== name.length || found.toLowerCase() !== name) continue;
    if (anyMatches(wanted, headers[i + 1] ?? '')) return true;
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
