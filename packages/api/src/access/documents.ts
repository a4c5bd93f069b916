// The policies of users and roles as documents: read once for each version of a record.
import { BUILT_IN_POLICIES } from '@berth/model/access/built-in.ts';
import { entityKey, entityName } from '@berth/model/access/names.ts';
import { type PolicyKind, parsePolicy } from '@berth/model/access/policy.ts';
import type { NamedPolicy, PolicyDocument } from '@berth/model/access/principal.ts';
import type { PolicyRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

const builtIn = new Map(BUILT_IN_POLICIES.map((policy) => [policy.arn, policy]));
const parsed = new WeakMap<object, PolicyDocument>();

/** By ARN, or by name if it is none; Berth's own by their names too. */
export function findBuiltIn(text: string): (typeof BUILT_IN_POLICIES)[number] | undefined {
  return builtIn.get(text) ?? BUILT_IN_POLICIES.find(({ name }) => name === text);
}

/** Names differ by more than case. */
export function isBuiltInName(name: string): boolean {
  return BUILT_IN_POLICIES.some((policy) => entityKey(policy.name) === entityKey(name));
}

export function findPolicy(
  state: State,
  account: string,
  text: string,
): Stored<PolicyRecord> | undefined {
  const name = entityName(account, 'policy', text);
  return name === undefined || name === ''
    ? undefined
    : state.get(collections.policies, entityKey(name));
}

/** The document of a record; the record's object stands for its version. */
export function documentOf(record: object, text: string, kind: PolicyKind): PolicyDocument {
  const known = parsed.get(record);
  if (known) return known;
  const document = parsePolicy(text, kind);
  parsed.set(record, document);
  return document;
}

/** The policies that are attached by these ARNs. */
export function attachedPolicies(
  state: State,
  account: string,
  arns: readonly string[],
): NamedPolicy[] {
  return arns.flatMap((arn): NamedPolicy[] => {
    const own = builtIn.get(arn);
    if (own) return [own];
    const record = findPolicy(state, account, arn)?.value;
    if (!record) return [];
    return [{ name: record.name, document: documentOf(record, record.document, 'identity') }];
  });
}
