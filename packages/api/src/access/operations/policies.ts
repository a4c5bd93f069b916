// Policies, and to whom they are attached. Source: IAM's API on managed policies.
import { BUILT_IN_POLICIES } from '@berth/model/access/built-in.ts';
import {
  checkEntityName,
  checkPath,
  drawAccessId,
  entityArn,
  entityKey,
} from '@berth/model/access/names.ts';
import { parsePolicy } from '@berth/model/access/policy.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  AttachPolicyRequest,
  AttachPolicyResponse,
  CreatePolicyRequest,
  CreatePolicyResponse,
  DeletePolicyRequest,
  DeletePolicyResponse,
  DetachPolicyRequest,
  DetachPolicyResponse,
  GetPolicyRequest,
  GetPolicyResponse,
  ListPoliciesRequest,
  ListPoliciesResponse,
  Policy,
  PolicyRecord,
  UpdatePolicyRequest,
  UpdatePolicyResponse,
} from '@berth/model/generated/messages.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import { checkTags } from '@berth/model/validation/tags.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';
import type { Guard, Put } from '@berth/store/store.ts';

import type { OperationContext } from '../../operations/deps.ts';
import { replace, touch, write } from '../../operations/write.ts';
import { findBuiltIn, isBuiltInName } from '../documents.ts';
import { MOST_POLICIES, requirePolicy, requireRole, requireUser } from './entities.ts';
import { attachmentsOf, builtInView, policyView } from './views.ts';

export async function createPolicy(
  on: OperationContext,
  request: CreatePolicyRequest,
  { signal }: CallContext,
): Promise<CreatePolicyResponse> {
  const { policyName: name, document, path = '/', description, tags } = request;
  checkEntityName('policy', name);
  checkPath(path);
  checkTags(new Checker('ValidationError'), tags);
  parsePolicy(document, 'identity');
  const now = on.clock.now();
  const policy: PolicyRecord = {
    name,
    id: drawAccessId(on.random, 'ANPA'),
    path,
    document,
    description,
    version: 1,
    createdAt: now,
    updatedAt: now,
    tags,
  };
  return write(on, { signal, attempted: `create policy ${name}` }, (state) => {
    // A name of Berth's own could not be told from it where policies go by their names.
    if (isBuiltInName(name) || state.get(collections.policies, entityKey(name))) {
      throw new BerthError(
        'EntityAlreadyExists',
        `A policy called ${name} already exists. Duplicate names are not allowed.`,
      );
    }
    return {
      guards: [guardAbsent(collections.policies, entityKey(name))],
      puts: [putRecord(collections.policies, [entityKey(name)], policy)],
      result: (seen) => ({ policy: policyView(seen, on.realm, policy) }),
    };
  });
}

export function getPolicy(on: OperationContext, request: GetPolicyRequest): GetPolicyResponse {
  const own = findBuiltIn(request.policy);
  if (own) return { policy: builtInView(on.cache, own) };
  const { value } = requirePolicy(on.cache, on, request.policy);
  return { policy: policyView(on.cache, on.realm, value) };
}

export function listPolicies(
  on: OperationContext,
  request: ListPoliciesRequest,
): ListPoliciesResponse {
  const prefix = request.pathPrefix ?? '/';
  const made = Array.from(on.cache.list(collections.policies), ({ value }) =>
    policyView(on.cache, on.realm, value),
  );
  const own = request.builtIn ? BUILT_IN_POLICIES.map((item) => builtInView(on.cache, item)) : [];
  const page = pageOf<Policy>(
    [...made, ...own].filter(({ path }) => path.startsWith(prefix)),
    ({ policyName }) => entityKey(policyName),
    {
      question: ['ListPolicies', prefix, String(request.builtIn)],
      nextToken: request.nextToken,
      maxResults: request.maxResults,
      defaultResults: 100,
    },
  );
  return { policies: [...page.items], nextToken: page.nextToken };
}

export async function updatePolicy(
  on: OperationContext,
  request: UpdatePolicyRequest,
  { signal }: CallContext,
): Promise<UpdatePolicyResponse> {
  const { document } = request;
  refuseBuiltIn(request.policy);
  parsePolicy(document, 'identity');
  return write(on, { signal, attempted: `update policy ${request.policy}` }, (state) => {
    const policy = requirePolicy(state, on, request.policy);
    const record: PolicyRecord = {
      ...policy.value,
      document,
      version: policy.value.version + 1,
      updatedAt: on.clock.now(),
    };
    const { guard, put } = replace(collections.policies, policy, record);
    return {
      guards: [guard],
      puts: [put],
      result: (seen) => ({ policy: policyView(seen, on.realm, record) }),
    };
  });
}

export async function deletePolicy(
  on: OperationContext,
  request: DeletePolicyRequest,
  { signal }: CallContext,
): Promise<DeletePolicyResponse> {
  refuseBuiltIn(request.policy);
  return write(on, { signal, attempted: `delete policy ${request.policy}` }, (state) => {
    const policy = requirePolicy(state, on, request.policy);
    if (attachmentsOf(state, entityArn(on.realm.account, 'policy', policy.value)) > 0) {
      throw new BerthError('DeleteConflict', 'Cannot delete a policy attached to entities.');
    }
    return { guards: [guardUnchanged(policy)], deletes: [policy.key], result: () => ({}) };
  });
}

/** Idempotent. */
export async function attachPolicy(
  on: OperationContext,
  request: AttachPolicyRequest,
  { signal }: CallContext,
): Promise<AttachPolicyResponse> {
  return write(on, { signal, attempted: `attach policy ${request.policy}` }, (state) => {
    const { arn, held } = policyNamed(state, on, request.policy);
    const change = changeHolder(state, on, request, (attached) => {
      if (attached.includes(arn)) return attached;
      if (attached.length >= MOST_POLICIES) {
        const quota = request.userName === undefined ? 'PoliciesPerRole' : 'PoliciesPerUser';
        throw new BerthError('LimitExceeded', `Cannot exceed quota for ${quota}: ${MOST_POLICIES}`);
      }
      return [...attached, arn];
    });
    return {
      guards: [change.guard, ...held.map(({ guard }) => guard)],
      puts: [change.put, ...held.map(({ put }) => put)],
      result: () => ({}),
    };
  });
}

export async function detachPolicy(
  on: OperationContext,
  request: DetachPolicyRequest,
  { signal }: CallContext,
): Promise<DetachPolicyResponse> {
  return write(on, { signal, attempted: `detach policy ${request.policy}` }, (state) => {
    const { arn } = policyNamed(state, on, request.policy);
    const { guard, put } = changeHolder(state, on, request, (attached) => {
      if (!attached.includes(arn)) {
        throw new BerthError('NoSuchEntity', `Policy ${arn} was not found.`);
      }
      return attached.filter((item) => item !== arn);
    });
    return { guards: [guard], puts: [put], result: () => ({}) };
  });
}

/** Its ARN, and what keeps it from being deleted meanwhile. */
function policyNamed(
  state: State,
  on: OperationContext,
  text: string,
): { readonly arn: string; readonly held: readonly { guard: Guard; put: Put }[] } {
  const own = findBuiltIn(text);
  if (own) return { arn: own.arn, held: [] };
  const policy = requirePolicy(state, on, text);
  return {
    arn: entityArn(on.realm.account, 'policy', policy.value),
    held: [touch(collections.policies, policy)],
  };
}

function changeHolder(
  state: State,
  on: OperationContext,
  { userName, roleName }: AttachPolicyRequest,
  change: (attached: readonly string[]) => readonly string[],
): { readonly guard: Guard; readonly put: Put } {
  if ((userName === undefined) === (roleName === undefined)) {
    throw new BerthError('ValidationError', 'Expected one of userName and roleName.');
  }
  if (userName !== undefined) {
    const user = requireUser(state, on, userName);
    const attachedPolicies = change(user.value.attachedPolicies);
    return replace(collections.users, user, { ...user.value, attachedPolicies });
  }
  const role = requireRole(state, on, roleName ?? '');
  const attachedPolicies = change(role.value.attachedPolicies);
  return replace(collections.roles, role, { ...role.value, attachedPolicies });
}

function refuseBuiltIn(text: string): void {
  if (!findBuiltIn(text)) return;
  throw new BerthError('UnmodifiableEntity', `${text} comes with Berth and can't be changed.`);
}
