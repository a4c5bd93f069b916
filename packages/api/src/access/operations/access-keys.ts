// Keys of users. Source: IAM's API, CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey.
import { drawAccessId, drawSecret } from '@berth/model/access/names.ts';
import { BerthError } from '@berth/model/errors.ts';
import type {
  AccessKeyRecord,
  CreateAccessKeyRequest,
  CreateAccessKeyResponse,
  DeleteAccessKeyRequest,
  DeleteAccessKeyResponse,
  ListAccessKeysRequest,
  ListAccessKeysResponse,
  UpdateAccessKeyRequest,
  UpdateAccessKeyResponse,
} from '@berth/model/generated/messages.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections, keyOf } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';

import type { OperationContext } from '../../operations/deps.ts';
import { replace, touch, write } from '../../operations/write.ts';
import { MOST_KEYS, keysOf, requireKey, requireUser } from './entities.ts';
import { keyView } from './views.ts';

export async function createAccessKey(
  on: OperationContext,
  request: CreateAccessKeyRequest,
  call: CallContext,
): Promise<CreateAccessKeyResponse> {
  const id = drawAccessId(on.random, 'AKIA');
  const secret = drawSecret(on.random);
  const { signal } = call;
  return write(on, { signal, attempted: 'create an access key' }, (state) => {
    const user = requireUser(state, on, request.userName, call);
    if (keysOf(state, user.value.name).length >= MOST_KEYS) {
      throw new BerthError(
        'LimitExceeded',
        `Cannot exceed quota for AccessKeysPerUser: ${MOST_KEYS}`,
      );
    }
    const key: AccessKeyRecord = {
      id,
      user: user.value.name,
      sealedSecret: on.sealer.seal(Buffer.from(secret), keyOf(collections.accessKeys, id)),
      status: 'Active',
      createdAt: on.clock.now(),
    };
    // Touched, so that two keys made at once are counted, and the user is not deleted meanwhile.
    const { guard, put } = touch(collections.users, user);
    return {
      guards: [guard, guardAbsent(collections.accessKeys, id)],
      puts: [put, putRecord(collections.accessKeys, [id], key)],
      result: (seen) => ({ accessKey: { ...keyView(seen, key), secretAccessKey: secret } }),
    };
  });
}

export function listAccessKeys(
  on: OperationContext,
  request: ListAccessKeysRequest,
  call: CallContext,
): ListAccessKeysResponse {
  const keys = request.all
    ? [...on.cache.list(collections.accessKeys)]
    : keysOf(on.cache, requireUser(on.cache, on, request.userName, call).value.name);
  const order = (user: string, createdAt: number): string =>
    `${user} ${String(createdAt).padStart(16, '0')}`;
  return {
    accessKeys: keys
      .map(({ value }) => value)
      .sort((a, b) => (order(a.user, a.createdAt) < order(b.user, b.createdAt) ? -1 : 1))
      .map((key) => keyView(on.cache, key)),
  };
}

export async function updateAccessKey(
  on: OperationContext,
  request: UpdateAccessKeyRequest,
  call: CallContext,
): Promise<UpdateAccessKeyResponse> {
  const { accessKeyId, status } = request;
  const { signal } = call;
  return write(on, { signal, attempted: `update access key ${accessKeyId}` }, (state) => {
    const user = requireUser(state, on, request.userName, call);
    const key = requireKey(state, user.value, accessKeyId);
    const { guard, put } = replace(collections.accessKeys, key, { ...key.value, status });
    return { guards: [guard], puts: [put], result: () => ({}) };
  });
}

export async function deleteAccessKey(
  on: OperationContext,
  request: DeleteAccessKeyRequest,
  call: CallContext,
): Promise<DeleteAccessKeyResponse> {
  const { accessKeyId } = request;
  const { signal } = call;
  return write(on, { signal, attempted: `delete access key ${accessKeyId}` }, (state) => {
    const user = requireUser(state, on, request.userName, call);
    const key = requireKey(state, user.value, accessKeyId);
    return {
      guards: [guardUnchanged(key)],
      deletes: [key.key, keyOf(collections.accessKeyUses, accessKeyId)],
      result: () => ({}),
    };
  });
}
