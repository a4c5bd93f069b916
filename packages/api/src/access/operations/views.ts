// Users, keys, policies and roles as callers see them.
import { entityArn } from '@berth/model/access/names.ts';
import type {
  AccessKey,
  AccessKeyRecord,
  AccessRole,
  Policy,
  PolicyRecord,
  RoleRecord,
  User,
  UserRecord,
} from '@berth/model/generated/messages.ts';
import type { BuiltInPolicy } from '@berth/model/access/built-in.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

export function userView({ account }: Realm, user: UserRecord): User {
  return {
    arn: entityArn(account, 'user', user),
    userName: user.name,
    userId: user.id,
    path: user.path,
    createdAt: user.createdAt,
    attachedPolicyArns: user.attachedPolicies,
    tags: user.tags,
  };
}

/** Without its secret. */
export function keyView(state: State, key: AccessKeyRecord): AccessKey {
  const use = state.get(collections.accessKeyUses, key.id)?.value;
  return {
    accessKeyId: key.id,
    userName: key.user,
    status: key.status,
    createdAt: key.createdAt,
    lastUsedAt: use?.lastUsedAt,
    lastUsedService: use?.service,
  };
}

export function policyView(state: State, { account }: Realm, policy: PolicyRecord): Policy {
  const arn = entityArn(account, 'policy', policy);
  return {
    arn,
    policyName: policy.name,
    policyId: policy.id,
    path: policy.path,
    document: policy.document,
    description: policy.description,
    version: policy.version,
    createdAt: policy.createdAt,
    updatedAt: policy.updatedAt,
    attachmentCount: attachmentsOf(state, arn),
    builtIn: false,
    tags: policy.tags,
  };
}

export function builtInView(state: State, policy: BuiltInPolicy): Policy {
  return {
    arn: policy.arn,
    policyName: policy.name,
    policyId: policy.name,
    path: '/',
    document: policy.text,
    description: policy.description,
    version: 1,
    createdAt: 0,
    updatedAt: 0,
    attachmentCount: attachmentsOf(state, policy.arn),
    builtIn: true,
    tags: [],
  };
}

export function attachmentsOf(state: State, arn: string): number {
  let count = 0;
  const holders = [collections.users, collections.roles] as const;
  for (const collection of holders) {
    for (const { value } of state.list<'UserRecord' | 'RoleRecord'>(collection)) {
      if (value.attachedPolicies.includes(arn)) count += 1;
    }
  }
  return count;
}

export function roleView({ account }: Realm, role: RoleRecord): AccessRole {
  return {
    arn: entityArn(account, 'role', role),
    roleName: role.name,
    roleId: role.id,
    path: role.path,
    assumeRolePolicyDocument: role.assumeRolePolicyDocument,
    description: role.description,
    maxSessionDuration: role.maxSessionDuration,
    createdAt: role.createdAt,
    attachedPolicyArns: role.attachedPolicies,
    tags: role.tags,
  };
}
