// Tags of whatever can have them. Source: ECS reference, sections 1.7 and 2.1.
import { BerthError } from '@berth/model/errors.ts';
import type {
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  MessageName,
  MessageTypes,
  Tag,
  TagResourceRequest,
  UntagResourceRequest,
} from '@berth/model/generated/messages.ts';
import {
  type EcsKind,
  parseEcsReference,
  parseTaskSetReference,
} from '@berth/model/resources/reference.ts';
import { taskSetKey } from '@berth/model/resources/task-set.ts';
import { parseDefinitionName } from '@berth/model/resources/task-definition.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { withoutTags, withTags } from '@berth/model/validation/tags.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { type Collection, collections } from '@berth/store/keys.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { lastStatusOf } from '../../views/task-status.ts';
import type { OperationContext } from '../deps.ts';
import { DEFAULT_CLUSTER, invalid, type Place } from '../resolve.ts';
import { replace, write } from '../write.ts';

const check = new Checker('InvalidParameterException');

export function tagResource(
  on: OperationContext,
  request: TagResourceRequest,
  call: CallContext,
): Promise<object> {
  return change(on, request.resourceArn, call, (tags) => withTags(check, tags, request.tags));
}

/** Keys that are not there do no harm. */
export function untagResource(
  on: OperationContext,
  request: UntagResourceRequest,
  call: CallContext,
): Promise<object> {
  return change(on, request.resourceArn, call, (tags) => withoutTags(check, tags, request.tagKeys));
}

export function listTagsForResource(
  on: OperationContext,
  { resourceArn }: ListTagsForResourceRequest,
): ListTagsForResourceResponse {
  return { tags: tagged({ state: on.cache, realm: on.realm }, resourceArn).tags };
}

async function change(
  on: OperationContext,
  resourceArn: string,
  { signal }: CallContext,
  decide: (tags: readonly Tag[]) => readonly Tag[],
): Promise<object> {
  const options = { signal, attempted: `change the tags of ${resourceArn}`, turn: resourceArn };
  return write(on, options, (state) => {
    const resource = tagged({ state, realm: on.realm }, resourceArn);
    const { guard, put } = resource.with(decide(resource.tags));
    return { guards: [guard], puts: [put], result: () => ({}) };
  });
}

/** A resource's tags, and the change that gives it others. */
interface Tagged {
  readonly tags: readonly Tag[];
  with(tags: readonly Tag[]): ReturnType<typeof replace>;
}

type TaggedName = {
  [N in MessageName]: MessageTypes[N] extends { readonly tags: readonly Tag[] } ? N : never;
}[MessageName];

function taggedIn<N extends TaggedName>(
  of: Collection<N>,
  stored: Stored<MessageTypes[N]>,
): Tagged {
  const value = stored.value as MessageTypes[N] & { readonly tags: readonly Tag[] };
  return { tags: value.tags, with: (tags) => replace(of, stored, { ...value, tags }) };
}

const KINDS: readonly EcsKind[] = [
  'cluster',
  'service',
  'task',
  'container-instance',
  'task-definition',
  'capacity-provider',
];

/** @throws BerthError InvalidParameterException for what is no ARN of a taggable thing here; what there is not */
function tagged(place: Place, resourceArn: string): Tagged {
  if (resourceArn === '') throw invalid('resourceArn is missing; expected the ARN of a resource.');
  for (const kind of KINDS) {
    const reference = resourceArn.startsWith('arn:')
      ? parseEcsReference(place.realm, kind, resourceArn)
      : undefined;
    if (reference) return find(place, kind, reference.cluster ?? DEFAULT_CLUSTER, reference.name);
  }
  const set = parseTaskSetReference(place.realm, resourceArn);
  if (set?.cluster !== undefined && set.service !== undefined) {
    const parts = [set.cluster, set.service, taskSetKey(set.id)];
    const found = place.state.get(collections.taskSets, ...parts) ?? missing('task set', set.id);
    return taggedIn(collections.taskSets, found);
  }
  throw invalid(
    `Invalid arn syntax. (resourceArn is "${resourceArn}"; expected one of ${KINDS.join(', ')}, task-set in ` +
      `region ${place.realm.region} and account ${place.realm.account})`,
  );
}

function find({ state }: Place, kind: EcsKind, cluster: string, name: string): Tagged {
  switch (kind) {
    case 'cluster': {
      const found = state.get(collections.clusters, name);
      if (!found) throw new BerthError('ClusterNotFoundException', 'Cluster not found.');
      if (found.value.status !== 'ACTIVE') {
        throw invalid(
          'The specified cluster is inactive. Specify an active cluster and try again.',
        );
      }
      return taggedIn(collections.clusters, found);
    }
    case 'service': {
      const found = state.get(collections.services, cluster, name);
      if (found?.value.status === 'INACTIVE') {
        throw invalid(
          'The specified service is inactive. Specify an active service and try again.',
        );
      }
      return taggedIn(collections.services, found ?? missing('service', name));
    }
    case 'task':
      return taskIn(state, cluster, name);
    case 'container-instance':
      return taggedIn(
        collections.hosts,
        state.get(collections.hosts, cluster, name) ?? missing('container instance', name),
      );
    case 'capacity-provider':
      return taggedIn(
        collections.capacityProviders,
        state.get(collections.capacityProviders, name) ?? missing('capacity provider', name),
      );
    case 'task-definition': {
      const { family, revision } = parseDefinitionName(name) ?? {};
      const found =
        family !== undefined && revision !== undefined
          ? state.get(collections.taskDefinitions, family, String(revision))
          : undefined;
      return taggedIn(collections.taskDefinitions, found ?? missing('task definition', name));
    }
  }
}

function taskIn(state: State, cluster: string, name: string): Tagged {
  const found = state.get(collections.tasks, cluster, name) ?? missing('task', name);
  if (lastStatusOf(state, found.value) === 'STOPPED') {
    throw invalid('The specified task is stopped. Specify a running task and try again.');
  }
  return taggedIn(collections.tasks, found);
}

function missing(what: string, name: string): never {
  throw new BerthError(
    'ResourceNotFoundException',
    `The specified ${what} wasn't found. Specify a valid one and try again. (${what} "${name}")`,
  );
}
