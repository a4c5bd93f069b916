// Texts of a policy with wildcards and variables: `arn:aws:ecs:*:*:service/${aws:PrincipalTag/team, 'none'}/*`. Pure.
// Source: ECS reference, section 12.1; IAM's "policy elements: variables and tags".
import { type Pattern, compilePattern, matchesPattern } from '../routing/pattern.ts';

/** What is known of a request: by condition key in lower case. A key with several values has them all. */
export type RequestContext = ReadonlyMap<string, readonly string[]>;

const VARIABLE = /\$\{([^}]*)\}/g;
const WITH_DEFAULT = /^\s*([^,'\s]+)\s*(?:,\s*'([^']*)'\s*)?$/;
const LITERALS: ReadonlySet<string> = new Set(['*', '?', '$']);
/** An ARN has six parts; the last may hold colons. */
const ARN_PARTS = 6;

/** Matches everything; spares looking at it each time. */
const ANY = '*';

/**
 * The plain text that a policy's text stands for.
 * @param variables whether the policy's version has them
 * @returns undefined when a variable has no value and no default
 */
export function expand(
  text: string,
  variables: boolean,
  context: RequestContext,
): string | undefined {
  return expandWith(text, variables, context, {
    text: (part) => part,
    value: (part) => part,
  });
}

/** The pattern that a policy's text stands for; undefined as above. What variables stand for has no wildcards. */
export function expandPattern(
  text: string,
  variables: boolean,
  context: RequestContext,
  fold = false,
): Pattern | undefined {
  const source = expandWith(text, variables, context, {
    text: (part) => part.replaceAll('\\', '\\\\'),
    value: (part) => part.replace(/[\\*?]/g, '\\$&'),
  });
  return source === undefined ? undefined : compilePattern(source, { fold, escapes: true });
}

/**
 * Does an ARN fit a policy's text for ARNs? Compared part by part: wildcards don't reach over the first five colons.
 * @returns undefined when a variable has no value
 */
export function arnFits(
  text: string,
  variables: boolean,
  context: RequestContext,
  arn: string,
): boolean | undefined {
  if (text === ANY) return true;
  const wanted = arnTemplate(text);
  const parts = splitArn(arn);
  let fits = wanted.length === parts.length;
  for (const [index, part] of wanted.entries()) {
    const pattern = expandPattern(part, variables, context);
    if (!pattern) return undefined;
    fits &&= matchesPattern(pattern, parts[index] ?? '');
  }
  return fits;
}

/** The parts of a text for ARNs; the colons of variables are none of its own. */
export function arnTemplate(text: string): string[] {
  const parts = [''];
  for (let at = 0; at < text.length; at += 1) {
    const end = text.startsWith('${', at) ? text.indexOf('}', at) : -1;
    const piece = end < 0 ? text.charAt(at) : text.slice(at, end + 1);
    if (piece === ':' && parts.length < ARN_PARTS) parts.push('');
    else parts.push((parts.pop() ?? '') + piece);
    at += piece.length - 1;
  }
  return parts;
}

function splitArn(arn: string): string[] {
  const parts = arn.split(':');
  return [...parts.slice(0, ARN_PARTS - 1), ...rest(parts)];
}

function rest(parts: readonly string[]): string[] {
  return parts.length < ARN_PARTS ? [] : [parts.slice(ARN_PARTS - 1).join(':')];
}

function expandWith(
  text: string,
  variables: boolean,
  context: RequestContext,
  map: { readonly text: (part: string) => string; readonly value: (part: string) => string },
): string | undefined {
  if (!variables || !text.includes('${')) return map.text(text);
  let out = '';
  let from = 0;
  for (const match of text.matchAll(VARIABLE)) {
    out += map.text(text.slice(from, match.index));
    from = match.index + match[0].length;
    const value = valueOf(match[1] ?? '', context);
    if (value === undefined) return undefined;
    out += map.value(value);
  }
  return out + map.text(text.slice(from));
}

function valueOf(inside: string, context: RequestContext): string | undefined {
  if (LITERALS.has(inside)) return inside;
  const [, key, otherwise] = WITH_DEFAULT.exec(inside) ?? [];
  if (key === undefined) return undefined;
  const values = context.get(key.toLowerCase());
  return values?.length === 1 ? values[0] : otherwise;
}
