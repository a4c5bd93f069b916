// What becomes of a request on its way to its target, after its rule was chosen: another host, another path and query. The texts are taken
// raw; nothing is decoded. Source: ALB reference, section 2.4.
import type { RuleTransform } from '../generated/messages.ts';
import { type Replacer, parseReplacer } from '../regex/replace.ts';

export interface Transforms {
  /** Of the host, without its port; upper and lower case are the same. */
  readonly host: Replacer | undefined;
  /** Of path and query together. */
  readonly url: Replacer | undefined;
}

export type CompiledTransforms =
  | { readonly ok: true; readonly transforms: Transforms | undefined }
  | { readonly ok: false; readonly problem: string };

/** Pure and total. */
export function compileTransforms(records: readonly RuleTransform[]): CompiledTransforms {
  let host: Replacer | undefined;
  let url: Replacer | undefined;
  for (const { type, rewrites } of records) {
    const [rewrite] = rewrites;
    if (rewrite === undefined) return { ok: false, problem: `${type} without a rewrite` };
    const made = parseReplacer(rewrite.regex, rewrite.replace, {
      fold: type === 'host-header-rewrite',
    });
    if (!made.ok) {
      const problem = `the expression of ${type} at character ${made.column}: ${made.problem}`;
      return { ok: false, problem };
    }
    if (type === 'host-header-rewrite') host = made.replacer;
    else url = made.replacer;
  }
  const none = host === undefined && url === undefined;
  return { ok: true, transforms: none ? undefined : { host, url } };
}

/** Of a request: `target` is its path and query, `authority` its host with the port if one was given. */
export interface Addressed {
  readonly authority: string;
  readonly target: string;
}

export type Transformed =
  | {
      readonly ok: true;
      readonly authority: string;
      readonly target: string;
      readonly hostChanged: boolean;
      readonly urlChanged: boolean;
    }
  /** What came out can't be sent; answered with 500. */
  | { readonly ok: false; readonly problem: string };

const AUTHORITY = /^(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
const PORT = /:\d+$/;
/** Visible ASCII and what browsers send raw, without a fragment. */
const TARGET = /^\/[^\u0000-\u0020\u007f#]*$/;
const LONGEST_TARGET = 16_384;

/** What does not match stays as it is. Pure. */
export function transformRequest(transforms: Transforms, request: Addressed): Transformed {
  const port = PORT.exec(request.authority)?.[0] ?? '';
  const name = request.authority.slice(0, request.authority.length - port.length);
  const newName = transforms.host?.replaceFirst(name);
  const newTarget = transforms.url?.replaceFirst(request.target);
  const target = newTarget ?? request.target;
  const authority =
    newName === undefined ? request.authority : PORT.test(newName) ? newName : newName + port;
  if (newName !== undefined && !AUTHORITY.test(authority)) {
    return { ok: false, problem: 'the rewritten host is no host' };
  }
  if (newTarget !== undefined && (!TARGET.test(target) || target.length > LONGEST_TARGET)) {
    return { ok: false, problem: 'the rewritten URL is no path' };
  }
  return {
    ok: true,
    authority,
    target,
    hostChanged: newName !== undefined,
    urlChanged: newTarget !== undefined,
  };
}
