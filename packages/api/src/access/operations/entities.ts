// What a request of service Access names, or IAM's error where there is no such thing. Pure.
import { entityKey, entityName } from '@berth/model/access/names.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  AccessKeyRecord,
  PolicyRecord,
  RoleRecord,
  UserRecord,
} from '@berth/model/generated/messages.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import type { OperationContext } from '../../operations/deps.ts';
import { findPolicy } from '../documents.ts';

export const MOST_KEYS = 2;
export const MOST_POLICIES = 10;

/** The user that a request names, else the one that calls. @throws BerthError NoSuchEntity, ValidationError */
export function requireUser(
  state: State,
  { realm }: OperationContext,
  text: string | undefined,
  call?: CallContext,
): Stored<UserRecord> {
  const asked = text ?? ownName(call);
  const name = entityName(realm.account, 'user', asked);
  const found = name === undefined ? undefined : state.get(collections.users, entityKey(name));
  if (found) return found;
  throw new BerthError('NoSuchEntity', `The user with name ${asked} cannot be found.`);
}

function ownName(call: CallContext | undefined): string {
  const identity = call?.identity;
  if (identity?.role === 'user' && identity.principal.authority.kind === 'user') {
    return identity.principal.authority.user;
  }
  throw new BerthError(
    'ValidationError',
    'userName is missing; expected the name of a user, because no user calls.',
  );
}

/** @throws BerthError NoSuchEntity */
export function requireRole(
  state: State,
  { realm }: OperationContext,
  text: string,
): Stored<RoleRecord> {
  const name = entityName(realm.account, 'role', text);
  const found =
    name === undefined || name === '' ? undefined : state.get(collections.roles, entityKey(name));
  if (found) return found;
  throw new BerthError('NoSuchEntity', `The role with name ${text} cannot be found.`);
}

/** One that people made. @throws BerthError NoSuchEntity */
export function requirePolicy(
  state: State,
  { realm }: OperationContext,
  text: string,
): Stored<PolicyRecord> {
  const found = findPolicy(state, realm.account, text);
  if (found) return found;
  throw new BerthError('NoSuchEntity', `Policy ${text} was not found.`);
}

/** A key of this user. @throws BerthError NoSuchEntity */
export function requireKey(
  state: State,
  user: UserRecord,
  accessKeyId: string,
): Stored<AccessKeyRecord> {
  const found = /^[A-Z0-9]{1,128}$/.test(accessKeyId)
    ? state.get(collections.accessKeys, accessKeyId)
    : undefined;
  if (found?.value.user === user.name) return found;
  throw new BerthError('NoSuchEntity', `The Access Key with id ${accessKeyId} cannot be found.`);
}

export function keysOf(state: State, user: string): Stored<AccessKeyRecord>[] {
  return [...state.list(collections.accessKeys)].filter(({ value }) => value.user === user);
}
