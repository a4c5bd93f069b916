// Capacity providers: names for some of a cluster's hosts. Source: ECS reference, sections 2.1 and 8.1.
import { BerthError } from '@berth/model/errors.ts';
import type {
  CapacityProvider,
  CapacityProviderRecord,
  CreateCapacityProviderRequest,
  DeleteCapacityProviderRequest,
  DescribeCapacityProvidersRequest,
  DescribeCapacityProvidersResponse,
  Failure,
  UpdateCapacityProviderRequest,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { BUILT_IN_PROVIDERS, isBuiltInProvider } from '@berth/model/resources/capacity-provider.ts';
import { parseEcsReference } from '@berth/model/resources/reference.ts';
import {
  acceptGroupProvider,
  checkProviderName,
  completeGroupProvider,
} from '@berth/model/validation/capacity-provider.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import { checkTags } from '@berth/model/validation/tags.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { builtInProviderView, capacityProviderView } from '../../views/capacity-provider-view.ts';
import type { OperationContext } from '../deps.ts';
import { included } from '../include.ts';
import { replace, write } from '../write.ts';
import { findProvider } from './cluster-providers.ts';

type Answer = Promise<{ capacityProvider: CapacityProvider }>;

/** An INACTIVE name becomes a new provider. */
export async function createCapacityProvider(
  on: OperationContext,
  request: CreateCapacityProviderRequest,
  { signal }: CallContext,
): Answer {
  const { name, tags } = request;
  const check = new Checker('ClientException');
  checkProviderName(check, name);
  checkTags(check, tags);
  const group = acceptGroupProvider(check, request.autoScalingGroupProvider);
  return write(on, { signal, attempted: `create capacity provider ${name}` }, (state) => {
    const found = state.get(collections.capacityProviders, name);
    if (found?.value.status === 'ACTIVE') {
      check.refuse(
        'The specified capacity provider already exists. To change the configuration of an existing capacity provider, ' +
          `update the capacity provider. (capacity provider "${name}")`,
      );
    }
    const record: CapacityProviderRecord = {
      name,
      status: 'ACTIVE',
      autoScalingGroupProvider: group,
      createdAt: on.clock.now(),
      tags,
      updateStatus: 'CREATE_COMPLETE',
    };
    return {
      guards: [found ? guardUnchanged(found) : guardAbsent(collections.capacityProviders, name)],
      puts: [putRecord(collections.capacityProviders, [name], record)],
      result: () => ({ capacityProvider: capacityProviderView(on.realm, record) }),
    };
  });
}

/** Those that are named, or page by page all ACTIVE ones, FARGATE's first. */
export function describeCapacityProviders(
  on: OperationContext,
  request: DescribeCapacityProvidersRequest,
): DescribeCapacityProvidersResponse {
  const asked = request.capacityProviders;
  const check = new Checker('InvalidParameterException');
  check.atMost('capacityProviders', asked.length, 100, 'providers');
  const tags = included(request.include, ['TAGS']).has('TAGS');
  const show = (provider: CapacityProvider): CapacityProvider =>
    tags ? provider : { ...provider, tags: [] };
  if (asked.length > 0) return describeNamed(on, asked, show);
  const all = [
    ...BUILT_IN_PROVIDERS.map((name) => builtInProviderView(on.realm, name)),
    ...Array.from(on.cache.list(collections.capacityProviders), ({ value }) => value)
      .filter(({ status }) => status === 'ACTIVE')
      .map((record) => capacityProviderView(on.realm, record)),
  ];
  const page = pageOf(all, ({ name }) => `${isBuiltInProvider(name) ? 0 : 1}${name}`, {
    question: ['DescribeCapacityProviders'],
    nextToken: request.nextToken,
    maxResults: request.maxResults,
    defaultResults: 10,
    mostResults: 10,
  });
  return { capacityProviders: page.items.map(show), failures: [], nextToken: page.nextToken };
}

function describeNamed(
  on: OperationContext,
  asked: readonly string[],
  show: (provider: CapacityProvider) => CapacityProvider,
): DescribeCapacityProvidersResponse {
  const capacityProviders: CapacityProvider[] = [];
  const failures: Failure[] = [];
  for (const text of new Set(asked)) {
    const name = parseEcsReference(on.realm, 'capacity-provider', text)?.name ?? '';
    const found = findProvider({ state: on.cache, realm: on.realm }, text);
    if (isBuiltInProvider(name)) capacityProviders.push(builtInProviderView(on.realm, name));
    else if (found) capacityProviders.push(show(capacityProviderView(on.realm, found.value)));
    else {
      const missing = text.startsWith('arn:') ? text : arn.capacityProvider(on.realm, text);
      failures.push({ arn: missing, reason: 'MISSING' });
    }
  }
  return { capacityProviders, failures };
}

export async function updateCapacityProvider(
  on: OperationContext,
  request: UpdateCapacityProviderRequest,
  { signal }: CallContext,
): Answer {
  const check = new Checker('InvalidParameterException');
  return write(on, { signal, attempted: `update capacity provider ${request.name}` }, (state) => {
    const found = requireProvider(on, state, request.name);
    const current = found.value.autoScalingGroupProvider ?? { autoScalingGroupArn: '' };
    const record: CapacityProviderRecord = {
      ...found.value,
      autoScalingGroupProvider: completeGroupProvider(
        check,
        current,
        request.autoScalingGroupProvider ?? {},
      ),
      updateStatus: 'UPDATE_COMPLETE',
    };
    const { guard, put } = replace(collections.capacityProviders, found, record);
    return {
      guards: [guard],
      puts: [put],
      result: () => ({ capacityProvider: capacityProviderView(on.realm, record) }),
    };
  });
}

/** One that no cluster has becomes INACTIVE. */
export async function deleteCapacityProvider(
  on: OperationContext,
  request: DeleteCapacityProviderRequest,
  { signal }: CallContext,
): Answer {
  const { capacityProvider: text } = request;
  return write(on, { signal, attempted: `delete capacity provider ${text}` }, (state) => {
    const found = requireProvider(on, state, text);
    const { name } = found.value;
    for (const { value } of state.list(collections.clusters)) {
      if (value.status !== 'ACTIVE' || !value.capacityProviders.includes(name)) continue;
      throw new BerthError(
        'ClientException',
        `The capacity provider cannot be deleted because it is associated with cluster: ${value.name}. ` +
          'Remove the capacity provider from the cluster and try again.',
      );
    }
    const record: CapacityProviderRecord = {
      ...found.value,
      status: 'INACTIVE',
      updateStatus: 'DELETE_COMPLETE',
      deletedAt: on.clock.now(),
    };
    const { guard, put } = replace(collections.capacityProviders, found, record);
    return {
      guards: [guard],
      puts: [put],
      result: () => ({ capacityProvider: capacityProviderView(on.realm, record) }),
    };
  });
}

function requireProvider(
  { realm }: OperationContext,
  state: State,
  text: string,
): Stored<CapacityProviderRecord> {
  const name = parseEcsReference(realm, 'capacity-provider', text)?.name ?? '';
  if (isBuiltInProvider(name)) {
    throw new BerthError('ClientException', `The capacity provider "${name}" can't be changed.`);
  }
  const found = findProvider({ state, realm }, text);
  if (found?.value.status === 'ACTIVE') return found;
  throw new BerthError(
    'ClientException',
    `The specified capacity provider does not exist. Specify a valid name or ARN and try again. (capacity provider "${text}")`,
  );
}
