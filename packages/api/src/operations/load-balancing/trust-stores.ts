// Trust stores: the authorities by whose certificates listeners know their clients. Source: ALB reference, section 1.4.
import { BerthError } from '@berth/model/errors.ts';
import type {
  AddTrustStoreRevocationsRequest,
  AddTrustStoreRevocationsResponse,
  CreateTrustStoreRequest,
  CreateTrustStoreResponse,
  DeleteTrustStoreRequest,
  DeleteTrustStoreResponse,
  DescribeTrustStoreAssociationsRequest,
  DescribeTrustStoreAssociationsResponse,
  DescribeTrustStoreRevocationsRequest,
  DescribeTrustStoreRevocationsResponse,
  DescribeTrustStoresRequest,
  DescribeTrustStoresResponse,
  ListenerRecord,
  ModifyTrustStoreRequest,
  ModifyTrustStoreResponse,
  RemoveTrustStoreRevocationsRequest,
  RemoveTrustStoreRevocationsResponse,
  TrustStoreRecord,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { drawHexId } from '@berth/model/resources/ids.ts';
import { MOST_TRUST_STORES } from '@berth/model/resources/quotas.ts';
import { checkBalancingTags } from '@berth/model/validation/balancing-tags.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { markedPage } from '@berth/model/validation/markers.ts';
import { checkBalancingName } from '@berth/model/validation/names.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';

import {
  acceptBundle,
  acceptRevocations,
  LONGEST_REVOCATIONS,
  readRevocation,
} from '../../certificates/trust-bundle.ts';
import { revocationView, trustStoreView } from '../../views/certificate-view.ts';
import { listenerArn } from '../../views/load-balancing-view.ts';
import type { OperationContext } from '../deps.ts';
import { replace, write } from '../write.ts';
import { requireTrustStore } from './find.ts';

export async function createTrustStore(
  on: OperationContext,
  request: CreateTrustStoreRequest,
  { signal }: CallContext,
): Promise<CreateTrustStoreResponse> {
  const { name, tags } = request;
  checkBalancingName(new Checker('ValidationError'), 'name', name);
  checkBalancingTags(tags);
  const bundlePem = acceptBundle(request.bundlePem);
  const lists = acceptRevocations(request.revocationsPem).map(({ pem }) => pem);
  refuseTooLong(lists);
  const id = drawHexId(on.random, 16);
  return write(on, { signal, attempted: `create trust store ${name}` }, (state) => {
    if (state.get(collections.trustStores, name)) {
      throw new BerthError(
        'DuplicateTrustStoreName',
        `A trust store with the same name '${name}' exists`,
      );
    }
    const count = [...state.list(collections.trustStores)].length;
    if (count >= MOST_TRUST_STORES) {
      throw new BerthError(
        'TooManyTrustStores',
        `There are ${count} trust stores already; expected at most ${MOST_TRUST_STORES}.`,
      );
    }
    const record: TrustStoreRecord = {
      name,
      id,
      bundlePem,
      revocationsPem: lists,
      createdAt: on.clock.now(),
      tags,
    };
    return {
      guards: [guardAbsent(collections.trustStores, name)],
      puts: [putRecord(collections.trustStores, [name], record)],
      result: () => ({ trustStore: trustStoreView(on.realm, record) }),
    };
  });
}

function refuseTooLong(lists: readonly string[]): void {
  const length = lists.reduce((sum, list) => sum + list.length, 0);
  if (length <= LONGEST_REVOCATIONS) return;
  throw new BerthError(
    'TooManyTrustStoreRevocationEntries',
    `The lists of revoked certificates have ${length} characters; expected at most ${LONGEST_REVOCATIONS}.`,
  );
}

/** Another bundle instead of the one that there is; lists of revoked certificates stay. */
export async function modifyTrustStore(
  on: OperationContext,
  request: ModifyTrustStoreRequest,
  { signal }: CallContext,
): Promise<ModifyTrustStoreResponse> {
  const bundlePem = acceptBundle(request.bundlePem);
  return change(
    on,
    request.trustStore,
    signal,
    (record) => ({ trustStore: trustStoreView(on.realm, record) }),
    (record) => ({ ...record, bundlePem }),
  );
}

async function change<T>(
  on: OperationContext,
  text: string,
  signal: AbortSignal,
  answer: (record: TrustStoreRecord) => T,
  to: (record: TrustStoreRecord) => TrustStoreRecord,
): Promise<T> {
  return write(on, { signal, attempted: `modify trust store ${text}` }, (state) => {
    const found = requireTrustStore({ state, realm: on.realm }, text);
    const record = to(found.value);
    const { guard, put } = replace(collections.trustStores, found, record);
    return { guards: [guard], puts: [put], result: () => answer(record) };
  });
}

/** The named ones, or all, by name. */
export function describeTrustStores(
  on: OperationContext,
  request: DescribeTrustStoresRequest,
): DescribeTrustStoresResponse {
  const place = { state: on.cache, realm: on.realm };
  const records =
    request.trustStores.length > 0
      ? request.trustStores.map((text) => requireTrustStore(place, text).value)
      : Array.from(on.cache.list(collections.trustStores), ({ value }) => value);
  const unique = new Map(records.map((record) => [record.name, record]));
  const question = ['DescribeTrustStores', ...request.trustStores];
  const page = markedPage(unique.values(), ({ name }) => name, question, request);
  return {
    trustStores: page.items.map((record) =>
      trustStoreView(on.realm, record, request.includeBundle),
    ),
    nextMarker: page.nextMarker,
  };
}

/** Refused while a listener verifies its clients by it. */
export async function deleteTrustStore(
  on: OperationContext,
  request: DeleteTrustStoreRequest,
  { signal }: CallContext,
): Promise<DeleteTrustStoreResponse> {
  const attempted = `delete trust store ${request.trustStore}`;
  return write(on, { signal, attempted }, (state) => {
    const found = requireTrustStore({ state, realm: on.realm }, request.trustStore);
    const { name, id } = found.value;
    const users = usersOf(state, name);
    if (users.length > 0) {
      throw new BerthError(
        'TrustStoreInUse',
        `Trust store '${arn.trustStore(on.realm, name, id)}' is currently in use by ${users.map((user) => listenerArn(state, on.realm, user)).join(', ')}`,
      );
    }
    return { guards: [guardUnchanged(found)], deletes: [found.key], result: () => ({}) };
  });
}

function usersOf(state: State, name: string): ListenerRecord[] {
  return Array.from(state.list(collections.listeners), ({ value }) => value).filter(
    ({ mutualAuthentication }) => mutualAuthentication?.trustStore === name,
  );
}

/** Lists that it has already stay as they are. */
export async function addTrustStoreRevocations(
  on: OperationContext,
  request: AddTrustStoreRevocationsRequest,
  { signal }: CallContext,
): Promise<AddTrustStoreRevocationsResponse> {
  const added = acceptRevocations(request.revocationsPem);
  if (added.length === 0) {
    throw new BerthError('ValidationError', 'revocationsPem is empty; expected at least one list.');
  }
  return change(
    on,
    request.trustStore,
    signal,
    (record) => ({ revocations: added.map(({ pem }) => revocationView(on.realm, record, pem)) }),
    (record) => {
      const there = new Set(record.revocationsPem.map((pem) => readRevocation(pem).id));
      const more = added.filter(({ id }) => !there.has(id)).map(({ pem }) => pem);
      const revocationsPem = [...record.revocationsPem, ...more];
      refuseTooLong(revocationsPem);
      return { ...record, revocationsPem };
    },
  );
}

export async function removeTrustStoreRevocations(
  on: OperationContext,
  { trustStore, revocationIds }: RemoveTrustStoreRevocationsRequest,
  { signal }: CallContext,
): Promise<RemoveTrustStoreRevocationsResponse> {
  return change(
    on,
    trustStore,
    signal,
    () => ({}),
    (record) => {
      requireRevocations(record, revocationIds);
      const kept = record.revocationsPem.filter(
        (pem) => !revocationIds.includes(readRevocation(pem).id),
      );
      return { ...record, revocationsPem: kept };
    },
  );
}

function requireRevocations(
  { name, revocationsPem }: TrustStoreRecord,
  ids: readonly number[],
): void {
  const there = new Set(revocationsPem.map((pem) => readRevocation(pem).id));
  const missing = ids.find((id) => !there.has(id));
  if (missing === undefined) return;
  throw new BerthError(
    'RevocationIdNotFound',
    `The revocation ID ${missing} does not exist in trust store ${name}`,
  );
}

/** The named ones, or all. */
export function describeTrustStoreRevocations(
  on: OperationContext,
  request: DescribeTrustStoreRevocationsRequest,
): DescribeTrustStoreRevocationsResponse {
  const place = { state: on.cache, realm: on.realm };
  const { value: record } = requireTrustStore(place, request.trustStore);
  requireRevocations(record, request.revocationIds);
  const all = record.revocationsPem.map((pem) =>
    revocationView(on.realm, record, pem, request.includeContent),
  );
  const ids = new Set(request.revocationIds);
  const asked = ids.size > 0 ? all.filter(({ revocationId }) => ids.has(revocationId)) : all;
  const question = [
    'DescribeTrustStoreRevocations',
    record.id,
    ...request.revocationIds.map(String),
  ];
  const page = markedPage(asked, ({ revocationId }) => String(revocationId), question, request);
  return { revocations: page.items, nextMarker: page.nextMarker };
}

/** The listeners that verify their clients by it. */
export function describeTrustStoreAssociations(
  on: OperationContext,
  request: DescribeTrustStoreAssociationsRequest,
): DescribeTrustStoreAssociationsResponse {
  const place = { state: on.cache, realm: on.realm };
  const { value: record } = requireTrustStore(place, request.trustStore);
  const arns = usersOf(on.cache, record.name).map((user) => listenerArn(on.cache, on.realm, user));
  const question = ['DescribeTrustStoreAssociations', record.id];
  const page = markedPage(arns, (each) => each, question, request);
  return { resourceArns: page.items, nextMarker: page.nextMarker };
}
