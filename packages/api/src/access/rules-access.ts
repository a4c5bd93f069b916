// Permissions for the methods of service Access: those of Identity and Access Management, and of the Security Token Service.
import { entityArn, entityKey, entityName } from '@berth/model/access/names.ts';
import { collections } from '@berth/store/keys.ts';

import type { Place } from '../operations/resolve.ts';
import { findBuiltIn, findPolicy } from './documents.ts';
import type { Need, Rules } from './rule.ts';
import { requestTags } from './rule.ts';

function user({ state, realm: { account } }: Place, text: string | undefined): string {
  // Without a name it is the user that calls; the policy variable ${aws:username} stands for it.
  if (text === undefined) return OWN;
  const name = entityName(account, 'user', text) ?? text;
  const found = state.get(collections.users, entityKey(name))?.value;
  return entityArn(account, 'user', found ?? { name, path: '/' });
}

/** Replaced by the caller's own ARN before policies are asked. */
export const OWN = 'own';

function role({ state, realm: { account } }: Place, text: string | undefined): string {
  const name = entityName(account, 'role', text ?? '') ?? text ?? '';
  const found = name === '' ? undefined : state.get(collections.roles, entityKey(name))?.value;
  if (found) return entityArn(account, 'role', found);
  return name.startsWith('arn:') ? name : entityArn(account, 'role', { name, path: '/' });
}

function policy({ state, realm: { account } }: Place, text: string): string {
  // As the operations do: Berth's own first.
  const own = findBuiltIn(text);
  if (own) return own.arn;
  const found = findPolicy(state, account, text)?.value;
  if (found) return entityArn(account, 'policy', found);
  return text.startsWith('arn:') ? text : entityArn(account, 'policy', { name: text, path: '/' });
}

const need = (action: string, resource: string, conditions: Need['conditions'] = {}): Need[] => [
  { action, resource, conditions },
];

function attaching(
  verb: 'Attach' | 'Detach',
  request: { policy: string; userName?: string | undefined; roleName?: string | undefined },
  place: Place,
): Need[] {
  const conditions = { 'iam:policyarn': policy(place, request.policy) };
  return request.roleName === undefined
    ? need(`iam:${verb}UserPolicy`, user(place, request.userName), conditions)
    : need(`iam:${verb}RolePolicy`, role(place, request.roleName), conditions);
}

export const accessRules: Rules<'Access'> = {
  CreateUser: ({ userName, path, tags }, { realm }) =>
    need(
      'iam:CreateUser',
      entityArn(realm.account, 'user', { name: userName, path: path ?? '/' }),
      requestTags(tags),
    ),
  GetUser: (request, place) => need('iam:GetUser', user(place, request.userName)),
  ListUsers: () => need('iam:ListUsers', '*'),
  DeleteUser: (request, place) => need('iam:DeleteUser', user(place, request.userName)),
  CreateAccessKey: (request, place) => need('iam:CreateAccessKey', user(place, request.userName)),
  ListAccessKeys: (request, place) =>
    need('iam:ListAccessKeys', request.all ? '*' : user(place, request.userName)),
  UpdateAccessKey: (request, place) => need('iam:UpdateAccessKey', user(place, request.userName)),
  DeleteAccessKey: (request, place) => need('iam:DeleteAccessKey', user(place, request.userName)),
  CreatePolicy: ({ policyName, path, tags }, { realm }) =>
    need(
      'iam:CreatePolicy',
      entityArn(realm.account, 'policy', { name: policyName, path: path ?? '/' }),
      requestTags(tags),
    ),
  GetPolicy: (request, place) => need('iam:GetPolicy', policy(place, request.policy)),
  ListPolicies: () => need('iam:ListPolicies', '*'),
  UpdatePolicy: (request, place) => need('iam:CreatePolicyVersion', policy(place, request.policy)),
  DeletePolicy: (request, place) => need('iam:DeletePolicy', policy(place, request.policy)),
  AttachPolicy: (request, place) => attaching('Attach', request, place),
  DetachPolicy: (request, place) => attaching('Detach', request, place),
  CreateRole: ({ roleName, path, tags }, { realm }) =>
    need(
      'iam:CreateRole',
      entityArn(realm.account, 'role', { name: roleName, path: path ?? '/' }),
      requestTags(tags),
    ),
  GetRole: (request, place) => need('iam:GetRole', role(place, request.roleName)),
  ListRoles: () => need('iam:ListRoles', '*'),
  UpdateRole: (request, place) => [
    ...need('iam:UpdateRole', role(place, request.roleName)),
    ...(request.assumeRolePolicyDocument === undefined
      ? []
      : need('iam:UpdateAssumeRolePolicy', role(place, request.roleName))),
  ],
  DeleteRole: (request, place) => need('iam:DeleteRole', role(place, request.roleName)),
  AssumeRole: (request, place) =>
    need('sts:AssumeRole', role(place, request.roleArn), {
      'sts:rolesessionname': request.roleSessionName,
    }),
  // Everybody may ask who it is, and have a session of its own.
  GetSessionToken: () => [],
  GetCallerIdentity: () => [],
  SimulatePolicy: (request, place) =>
    need(
      'iam:SimulatePrincipalPolicy',
      request.roleName === undefined
        ? user(place, request.userName)
        : role(place, request.roleName),
    ),
  ResealSecrets: () => need('berth:ResealSecrets', '*'),
};
