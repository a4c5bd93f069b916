// Decides whether policies let a principal do something. A statement that denies wins; without one that allows, the
// answer is no. Pure. Source: ECS reference, section 12.1; IAM's "policy evaluation logic".
import { matchesPattern } from '../routing/pattern.ts';
import { type OperatorUse, type Scope, operatorNamed } from './operators.ts';
import type { NamedPolicy, PolicyDocument, PolicyStatement, Principal } from './principal.ts';
import { type RequestContext, arnFits, expandPattern } from './template.ts';

/** One question to policies. */
export interface AccessRequest {
  /** ecs:RunTask */
  readonly action: string;
  /** An ARN, or * for actions that are on nothing in particular. */
  readonly resource: string;
  readonly context: RequestContext;
}

/** The statement that decides, or nearly did. */
export interface StatementPlace {
  readonly policy: string;
  /** From 0. */
  readonly statement: number;
  readonly sid: string | undefined;
}

export interface Decision {
  readonly outcome: 'allowed' | 'explicitDeny' | 'implicitDeny';
  readonly by: StatementPlace | undefined;
  /** What kind of policy refused. */
  readonly source: 'identity' | 'session';
}

/** Where a request fits all of a statement but a condition. */
export interface NearMiss extends StatementPlace {
  /** `StringEquals aws:ResourceTag/env` */
  readonly conditions: readonly string[];
}

/** What the policies of a principal say: its own, narrowed by that of its session. */
export function decide(
  { policies, sessionPolicy }: Pick<Principal, 'policies' | 'sessionPolicy'>,
  request: AccessRequest,
): Decision {
  const own = decideBy(policies, request, 'identity');
  if (own.outcome !== 'allowed' || !sessionPolicy) return own;
  const session = decideBy([sessionPolicy], request, 'session');
  return session.outcome === 'allowed' ? own : session;
}

function decideBy(
  policies: readonly NamedPolicy[],
  request: AccessRequest,
  source: Decision['source'],
): Decision {
  let allowing: StatementPlace | undefined;
  for (const { name, document } of policies) {
    for (const [index, statement] of document.statements.entries()) {
      const allows = statement.effect === 'Allow';
      if (allows && allowing) continue;
      const scope = scopeOf(document, request);
      if (!isAbout(statement, request, scope) || !conditionsHold(statement, scope)) continue;
      const by = { policy: name, statement: index, sid: statement.sid };
      if (!allows) return { outcome: 'explicitDeny', by, source };
      allowing = by;
    }
  }
  return { outcome: allowing ? 'allowed' : 'implicitDeny', by: allowing, source };
}

/** Statements that would apply, were it not for their conditions. */
export function nearMisses(policies: readonly NamedPolicy[], request: AccessRequest): NearMiss[] {
  return policies.flatMap(({ name, document }) =>
    document.statements.flatMap((statement, index): NearMiss[] => {
      const scope = scopeOf(document, request);
      if (!isAbout(statement, request, scope)) return [];
      const conditions = conditionsOf(statement)
        .filter((condition) => !holds(condition, statement.effect, scope))
        .map(({ operator, key }) => `${operator} ${key}`);
      if (conditions.length === 0) return [];
      return [{ policy: name, statement: index, sid: statement.sid, conditions }];
    }),
  );
}

/** Condition keys of statements on this action and resource for which the request has no value. */
export function missingKeys(policies: readonly NamedPolicy[], request: AccessRequest): string[] {
  const keys = policies.flatMap(({ document }) =>
    document.statements
      .filter((statement) => isAbout(statement, request, scopeOf(document, request)))
      .flatMap((statement) => conditionsOf(statement).map(({ key }) => key)),
  );
  return [...new Set(keys)].filter((key) => !request.context.has(key.toLowerCase())).sort();
}

/** Do the conditions of a trust policy's statement hold? Whom it is about is for the caller to see. */
export function trustConditionsHold(
  document: PolicyDocument,
  statement: PolicyStatement,
  context: RequestContext,
): boolean {
  return conditionsHold(statement, { variables: document.version === '2012-10-17', context });
}

/** Actions match whatever their case. */
export function actionFits(patterns: readonly string[], action: string, scope: Scope): boolean {
  return patterns.some((text) => {
    if (text === '*') return true;
    const pattern = expandPattern(text, false, scope.context, true);
    return pattern !== undefined && matchesPattern(pattern, action);
  });
}

function scopeOf({ version }: PolicyDocument, { context }: AccessRequest): Scope {
  return { variables: version === '2012-10-17', context };
}

function isAbout(statement: PolicyStatement, request: AccessRequest, scope: Scope): boolean {
  const { actions, notActions, resources, notResources, effect } = statement;
  if (actions && !actionFits(actions, request.action, scope)) return false;
  if (notActions && actionFits(notActions, request.action, scope)) return false;
  if (resources) return resources.some((text) => resourceFits(text, request, scope) === true);
  // A variable without a value names nothing. What a denial spares must be certain, and what is allowed too.
  const spared = (notResources ?? []).map((text) => resourceFits(text, request, scope));
  return !spared.some((fits) => fits ?? effect === 'Allow');
}

function resourceFits(text: string, request: AccessRequest, scope: Scope): boolean | undefined {
  return arnFits(text, scope.variables, scope.context, request.resource);
}

interface Condition {
  /** As it is written. */
  readonly operator: string;
  readonly key: string;
  readonly wanted: readonly string[];
}

function conditionsOf({ conditions }: PolicyStatement): Condition[] {
  return Object.entries(conditions).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, wanted]) => ({ operator, key, wanted })),
  );
}

function conditionsHold(statement: PolicyStatement, scope: Scope): boolean {
  return conditionsOf(statement).every((condition) => holds(condition, statement.effect, scope));
}

function holds(condition: Condition, effect: PolicyStatement['effect'], scope: Scope): boolean {
  const use = operatorNamed(condition.operator);
  const found = scope.context.get(condition.key.toLowerCase()) ?? [];
  if (!use) return false;
  if (!use.operator) {
    return condition.wanted.some(
      (text) => (text.toLowerCase() === 'true') === (found.length === 0),
    );
  }
  const { negated, compare } = use.operator;
  /** Does one value of the request satisfy the operator with the policy's values? */
  const satisfies = (value: string): boolean => {
    const fits = condition.wanted.map((text) => compare(text, value, scope));
    if (!negated) return fits.some((fit) => fit === true);
    // Likewise: what must not be equal to something unknown is taken as equal to it, unless that would spare from a denial.
    return !fits.some((fit) => fit ?? effect === 'Allow');
  };
  if (found.length === 0) return withoutValue(use, negated);
  switch (use.qualifier) {
    case 'ForAllValues':
      return found.every(satisfies);
    case 'ForAnyValue':
      return found.some(satisfies);
    default:
      return negated ? found.every(satisfies) : found.some(satisfies);
  }
}

/** A key that the request does not have. */
function withoutValue({ qualifier, ifExists }: OperatorUse, negated: boolean): boolean {
  if (qualifier === 'ForAllValues' || ifExists) return true;
  return qualifier === undefined && negated;
}
