// Roles. Source: IAM's API, CreateRole, GetRole, ListRoles, UpdateRole, DeleteRole.
import { checkEntityName, checkPath, drawAccessId, entityKey } from '@berth/model/access/names.ts';
import { parsePolicy } from '@berth/model/access/policy.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  CreateRoleRequest,
  CreateRoleResponse,
  DeleteRoleRequest,
  DeleteRoleResponse,
  GetRoleRequest,
  GetRoleResponse,
  ListRolesRequest,
  ListRolesResponse,
  RoleRecord,
  UpdateRoleRequest,
  UpdateRoleResponse,
} from '@berth/model/generated/messages.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import { checkTags } from '@berth/model/validation/tags.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';

import type { OperationContext } from '../../operations/deps.ts';
import { replace, write } from '../../operations/write.ts';
import { requireRole } from './entities.ts';
import { roleView } from './views.ts';

const DURATION = { least: 3600, most: 43_200 };

export async function createRole(
  on: OperationContext,
  request: CreateRoleRequest,
  { signal }: CallContext,
): Promise<CreateRoleResponse> {
  const { roleName: name, path = '/', tags, assumeRolePolicyDocument, description } = request;
  const check = new Checker('ValidationError');
  checkEntityName('role', name);
  checkPath(path);
  checkTags(check, tags);
  check.integer('maxSessionDuration', request.maxSessionDuration, DURATION);
  parsePolicy(assumeRolePolicyDocument, 'trust');
  const role: RoleRecord = {
    name,
    id: drawAccessId(on.random, 'AROA'),
    path,
    assumeRolePolicyDocument,
    description,
    maxSessionDuration: request.maxSessionDuration ?? DURATION.least,
    createdAt: on.clock.now(),
    attachedPolicies: [],
    tags,
  };
  return write(on, { signal, attempted: `create role ${name}` }, (state) => {
    if (state.get(collections.roles, entityKey(name))) {
      throw new BerthError('EntityAlreadyExists', `Role with name ${name} already exists.`);
    }
    return {
      guards: [guardAbsent(collections.roles, entityKey(name))],
      puts: [putRecord(collections.roles, [entityKey(name)], role)],
      result: () => ({ role: roleView(on.realm, role) }),
    };
  });
}

export function getRole(on: OperationContext, { roleName }: GetRoleRequest): GetRoleResponse {
  return { role: roleView(on.realm, requireRole(on.cache, on, roleName).value) };
}

export function listRoles(on: OperationContext, request: ListRolesRequest): ListRolesResponse {
  const prefix = request.pathPrefix ?? '/';
  const roles = Array.from(on.cache.list(collections.roles), ({ value }) => value);
  const page = pageOf(
    roles.filter(({ path }) => path.startsWith(prefix)),
    ({ name }) => entityKey(name),
    {
      question: ['ListRoles', prefix],
      nextToken: request.nextToken,
      maxResults: request.maxResults,
      defaultResults: 100,
    },
  );
  return {
    roles: page.items.map((role) => roleView(on.realm, role)),
    nextToken: page.nextToken,
  };
}

export async function updateRole(
  on: OperationContext,
  request: UpdateRoleRequest,
  { signal }: CallContext,
): Promise<UpdateRoleResponse> {
  const { roleName, assumeRolePolicyDocument, maxSessionDuration } = request;
  new Checker('ValidationError').integer('maxSessionDuration', maxSessionDuration, DURATION);
  if (assumeRolePolicyDocument !== undefined) parsePolicy(assumeRolePolicyDocument, 'trust');
  return write(on, { signal, attempted: `update role ${roleName}` }, (state) => {
    const role = requireRole(state, on, roleName);
    const record: RoleRecord = {
      ...role.value,
      assumeRolePolicyDocument: assumeRolePolicyDocument ?? role.value.assumeRolePolicyDocument,
      description: request.description ?? role.value.description,
      maxSessionDuration: maxSessionDuration ?? role.value.maxSessionDuration,
    };
    const { guard, put } = replace(collections.roles, role, record);
    return { guards: [guard], puts: [put], result: () => ({ role: roleView(on.realm, record) }) };
  });
}

export async function deleteRole(
  on: OperationContext,
  { roleName }: DeleteRoleRequest,
  { signal }: CallContext,
): Promise<DeleteRoleResponse> {
  return write(on, { signal, attempted: `delete role ${roleName}` }, (state) => {
    const role = requireRole(state, on, roleName);
    if (role.value.attachedPolicies.length > 0) {
      throw new BerthError(
        'DeleteConflict',
        'Cannot delete entity, must detach all policies first.',
      );
    }
    return { guards: [guardUnchanged(role)], deletes: [role.key], result: () => ({}) };
  });
}
