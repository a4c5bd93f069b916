// Attributes that people give to hosts. Source: ECS reference, sections 2.7 and 5.6.
import { BerthError } from '@berth/model/errors.ts';
import type {
  Attribute,
  DeleteAttributesRequest,
  HostRecord,
  ListAttributesRequest,
  ListAttributesResponse,
  PutAttributesRequest,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import {
  putAttributes as withAttributes,
  withoutAttributes,
} from '@berth/model/validation/attributes.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import type { Stored } from '@berth/store/state.ts';

import type { OperationContext } from '../deps.ts';
import { lookUpHost } from '../lookup.ts';
import { ambiguous, type ClusterPlace, invalid, lookUp, requireCluster } from '../resolve.ts';
import { replace, write } from '../write.ts';

const MOST = 10;

/** Adds attributes of people's own, or replaces their values; all of them or none. */
export function putAttributes(
  on: OperationContext,
  request: PutAttributesRequest,
  call: CallContext,
): Promise<{ attributes: readonly Attribute[] }> {
  return change(on, request, call, withAttributes);
}

/** One that a host does not have does no harm. */
export function deleteAttributes(
  on: OperationContext,
  request: DeleteAttributesRequest,
  call: CallContext,
): Promise<{ attributes: readonly Attribute[] }> {
  return change(on, request, call, withoutAttributes);
}

async function change(
  on: OperationContext,
  request: PutAttributesRequest | DeleteAttributesRequest,
  { signal }: CallContext,
  decide: (current: readonly Attribute[], given: readonly Attribute[]) => Attribute[],
): Promise<{ attributes: readonly Attribute[] }> {
  const { attributes } = request;
  if (attributes.length === 0) {
    throw invalid('attributes is empty; expected 1 to 10 attributes.');
  }
  new Checker('InvalidParameterException').atMost(
    'attributes',
    attributes.length,
    MOST,
    'attributes',
  );
  const targets = Map.groupBy(attributes, ({ targetId }) => targetId || request.host);
  const names = [...targets.keys()];
  return write(on, { signal, attempted: `change attributes of ${names.join(', ')}` }, (state) => {
    const place = requireCluster(
      { state, realm: on.realm },
      request.cluster,
      'container-instance',
      names,
    );
    const hosts = new Map<string, { stored: Stored<HostRecord>; given: Attribute[] }>();
    for (const [name, given] of targets) {
      const stored = requireTarget(place, name);
      const known = hosts.get(stored.key);
      if (known) known.given.push(...given);
      else hosts.set(stored.key, { stored, given: [...given] });
    }
    const changes = [...hosts.values()].map(({ stored, given }) =>
      replace(collections.hosts, stored, {
        ...stored.value,
        attributes: decide(stored.value.attributes, given),
      }),
    );
    return {
      guards: changes.map(({ guard }) => guard),
      puts: changes.map(({ put }) => put),
      result: () => ({ attributes }),
    };
  });
}

function requireTarget(place: ClusterPlace, name: string): Stored<HostRecord> {
  const found = lookUp(place, 'container-instance', name, lookUpHost);
  if (found.kind === 'found') return found.item;
  if (found.kind === 'ambiguous') throw ambiguous('host', name, found.ids);
  throw new BerthError(
    'TargetNotFoundException',
    `The specified target wasn't found. (host "${name}" in cluster "${place.name}")`,
  );
}

/** Of all hosts of a cluster, by name, value and host. */
export function listAttributes(
  on: OperationContext,
  request: ListAttributesRequest,
): ListAttributesResponse {
  const check = new Checker('InvalidParameterException');
  check.word('targetType', request.targetType, ['container-instance']);
  const name = request.attributeName || undefined;
  const value = request.attributeValue || undefined;
  if (value !== undefined && name === undefined) {
    check.refuse('attributeValue is given; expected attributeName with it.');
  }
  const place = requireCluster({ state: on.cache, realm: on.realm }, request.cluster);
  const all: Attribute[] = [];
  for (const { value: host } of on.cache.list(collections.hosts, place.name)) {
    const targetId = arn.host(on.realm, place.name, host.id);
    for (const attribute of host.attributes) {
      if (name !== undefined && attribute.name !== name) continue;
      if (value !== undefined && attribute.value !== value) continue;
      all.push({ ...attribute, targetType: 'container-instance', targetId });
    }
  }
  const page = pageOf(all, ({ name: own, targetId }) => `${own} ${targetId ?? ''}`, {
    question: ['ListAttributes', place.name, name, value],
    nextToken: request.nextToken,
    maxResults: request.maxResults,
    defaultResults: 100,
  });
  return { attributes: page.items, nextToken: page.nextToken };
}
