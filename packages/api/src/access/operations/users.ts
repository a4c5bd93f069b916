// Users. Source: IAM's API, CreateUser, GetUser, ListUsers, DeleteUser.
import { checkEntityName, checkPath, drawAccessId, entityKey } from '@berth/model/access/names.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  CreateUserRequest,
  CreateUserResponse,
  DeleteUserRequest,
  DeleteUserResponse,
  GetUserRequest,
  GetUserResponse,
  ListUsersRequest,
  ListUsersResponse,
  UserRecord,
} from '@berth/model/generated/messages.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import { checkTags } from '@berth/model/validation/tags.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';

import type { OperationContext } from '../../operations/deps.ts';
import { write } from '../../operations/write.ts';
import { keysOf, requireUser } from './entities.ts';
import { userView } from './views.ts';

export async function createUser(
  on: OperationContext,
  request: CreateUserRequest,
  { signal }: CallContext,
): Promise<CreateUserResponse> {
  const { userName: name, path = '/', tags } = request;
  checkEntityName('user', name);
  checkPath(path);
  checkTags(new Checker('ValidationError'), tags);
  const user: UserRecord = {
    name,
    id: drawAccessId(on.random, 'AIDA'),
    path,
    createdAt: on.clock.now(),
    attachedPolicies: [],
    tags,
  };
  return write(on, { signal, attempted: `create user ${name}` }, (state) => {
    if (state.get(collections.users, entityKey(name))) {
      throw new BerthError('EntityAlreadyExists', `User with name ${name} already exists.`);
    }
    return {
      guards: [guardAbsent(collections.users, entityKey(name))],
      puts: [putRecord(collections.users, [entityKey(name)], user)],
      result: () => ({ user: userView(on.realm, user) }),
    };
  });
}

export function getUser(
  on: OperationContext,
  { userName }: GetUserRequest,
  call: CallContext,
): GetUserResponse {
  return { user: userView(on.realm, requireUser(on.cache, on, userName, call).value) };
}

export function listUsers(on: OperationContext, request: ListUsersRequest): ListUsersResponse {
  const prefix = request.pathPrefix ?? '/';
  const users = Array.from(on.cache.list(collections.users), ({ value }) => value);
  const page = pageOf(
    users.filter(({ path }) => path.startsWith(prefix)),
    ({ name }) => entityKey(name),
    {
      question: ['ListUsers', prefix],
      nextToken: request.nextToken,
      maxResults: request.maxResults,
      defaultResults: 100,
    },
  );
  return {
    users: page.items.map((user) => userView(on.realm, user)),
    nextToken: page.nextToken,
  };
}

/** Refused while something hangs on it. */
export async function deleteUser(
  on: OperationContext,
  { userName }: DeleteUserRequest,
  { signal }: CallContext,
): Promise<DeleteUserResponse> {
  return write(on, { signal, attempted: `delete user ${userName}` }, (state) => {
    const user = requireUser(state, on, userName);
    if (user.value.attachedPolicies.length > 0) {
      throw new BerthError(
        'DeleteConflict',
        'Cannot delete entity, must detach all policies first.',
      );
    }
    if (keysOf(state, user.value.name).length > 0) {
      throw new BerthError(
        'DeleteConflict',
        'Cannot delete entity, must delete access keys first.',
      );
    }
    return { guards: [guardUnchanged(user)], deletes: [user.key], result: () => ({}) };
  });
}
