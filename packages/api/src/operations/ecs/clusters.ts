// Clusters. Source: ECS reference, section 2.2.
import { BerthError } from '@berth/model/errors.ts';
import type {
  Cluster,
  ClusterRecord,
  CreateClusterRequest,
  CreateClusterResponse,
  DeleteClusterRequest,
  DeleteClusterResponse,
  DescribeClustersRequest,
  DescribeClustersResponse,
  Failure,
  ListClustersRequest,
  ListClustersResponse,
} from '@berth/model/generated/messages.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { checkEcsName } from '@berth/model/validation/names.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import { checkTags } from '@berth/model/validation/tags.ts';
import type { CallContext } from '@berth/rpc/api.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State } from '@berth/store/state.ts';

import { clusterStatistics, clusterView } from '../../views/cluster-view.ts';
import { lastStatusOf } from '../../views/task-status.ts';
import { type OperationContext, principalArn } from '../deps.ts';
import { included } from '../include.ts';
import { DEFAULT_CLUSTER, findCluster, invalid, requireCluster } from '../resolve.ts';
import { replace, write } from '../write.ts';
import { effectiveSetting } from './account-settings.ts';
import { acceptClusterProviders } from './cluster-providers.ts';
import { checkSettings } from './update-cluster.ts';

/** Idempotent by name: the same arguments give the cluster that there is. An INACTIVE name becomes a new cluster. */
export async function createCluster(
  on: OperationContext,
  request: CreateClusterRequest,
  call: CallContext,
): Promise<CreateClusterResponse> {
  const name = request.clusterName || DEFAULT_CLUSTER;
  const check = new Checker('InvalidParameterException');
  checkEcsName(check, 'clusterName', name);
  checkTags(check, request.tags);
  checkSettings(check, request.settings);
  const attempted = `create cluster ${name}`;
  return write(on, { signal: call.signal, attempted }, (state) => {
    const found = state.get(collections.clusters, name);
    const { guards, ...providers } = acceptClusterProviders({ state, realm: on.realm }, request);
    const record: ClusterRecord = {
      name,
      status: 'ACTIVE',
      createdAt: on.clock.now(),
      tags: request.tags,
      settings: request.settings.length > 0 ? request.settings : defaultSettings(on, state, call),
      configuration: request.configuration,
      ...providers,
    };
    if (found?.value.status === 'ACTIVE') {
      if (intentOf(found.value) !== intentOf(record)) {
        throw new BerthError(
          'InvalidParameterException',
          'Arguments on this idempotent request are inconsistent with arguments used in previous request(s). ' +
            `(cluster "${name}" exists and is not what is asked for)`,
        );
      }
      return { result: (seen) => ({ cluster: clusterView(seen, on.realm, found.value) }) };
    }
    return {
      guards: [found ? guardUnchanged(found) : guardAbsent(collections.clusters, name), ...guards],
      puts: [putRecord(collections.clusters, [name], record)],
      result: (seen) => ({ cluster: clusterView(seen, on.realm, record) }),
    };
  });
}

/** What the account setting of the caller makes of a cluster of which nothing is said. */
function defaultSettings(
  { realm }: OperationContext,
  state: State,
  call: CallContext,
): ClusterRecord['settings'] {
  const value = effectiveSetting(state, principalArn(realm, call), 'containerInsights');
  return value === 'disabled' ? [] : [{ name: 'containerInsights', value }];
}

/** What a person said of the cluster, as text that is equal for equal wishes. */
function intentOf(record: ClusterRecord): string {
  const { settings, configuration, capacityProviders } = record;
  return JSON.stringify([
    record.tags.map(({ key, value }) => [key, value]).sort(),
    settings
      .filter(({ value }) => value !== 'disabled')
      .map(({ name, value }) => [name, value])
      .sort(),
    configuration ?? {},
    [...capacityProviders].sort(),
    record.defaultCapacityProviderStrategy.map(({ capacityProvider, weight = 0, base = 0 }) => [
      capacityProvider,
      weight,
      base,
    ]),
  ]);
}

/** Clusters of any status; without names the default cluster. */
export function describeClusters(
  on: OperationContext,
  request: DescribeClustersRequest,
): DescribeClustersResponse {
  new Checker('InvalidParameterException').atMost(
    'clusters',
    request.clusters.length,
    100,
    'clusters',
  );
  const include = included(request.include, INCLUDE);
  const asked = request.clusters.length > 0 ? request.clusters : [DEFAULT_CLUSTER];
  const place = { state: on.cache, realm: on.realm };
  const clusters = new Map<string, Cluster>();
  const failures: Failure[] = [];
  for (const text of new Set(asked)) {
    const found = findCluster(place, text);
    if (found) clusters.set(found.value.name, describedCluster(on, found.value, include));
    else {
      const missing = text.startsWith('arn:') ? text : arn.cluster(on.realm, text);
      failures.push({ arn: missing, reason: 'MISSING' });
    }
  }
  return { clusters: [...clusters.values()], failures };
}

const INCLUDE = ['ATTACHMENTS', 'CONFIGURATIONS', 'SETTINGS', 'STATISTICS', 'TAGS'] as const;

function describedCluster(
  { cache, realm }: OperationContext,
  record: ClusterRecord,
  include: ReadonlySet<(typeof INCLUDE)[number]>,
): Cluster {
  const view = clusterView(cache, realm, record);
  return {
    ...view,
    tags: include.has('TAGS') ? view.tags : [],
    settings: include.has('SETTINGS') ? view.settings : [],
    statistics: include.has('STATISTICS') ? clusterStatistics(cache, record.name) : [],
    configuration: include.has('CONFIGURATIONS') ? view.configuration : undefined,
    attachmentsStatus: include.has('ATTACHMENTS') ? 'UPDATE_COMPLETE' : undefined,
  };
}

/** ACTIVE ones, by name. */
export function listClusters(
  on: OperationContext,
  request: ListClustersRequest,
): ListClustersResponse {
  const active = Array.from(on.cache.list(collections.clusters), ({ value }) => value).filter(
    ({ status }) => status === 'ACTIVE',
  );
  const page = pageOf(active, ({ name }) => name, {
    question: ['ListClusters'],
    nextToken: request.nextToken,
    maxResults: request.maxResults,
    defaultResults: 100,
  });
  return {
    clusterArns: page.items.map(({ name }) => arn.cluster(on.realm, name)),
    nextToken: page.nextToken,
  };
}

/**
 * An empty cluster becomes INACTIVE. Whatever comes into it at the same moment is noticed: nothing can be registered
 * in an INACTIVE cluster, and what was registered just before is looked for again when it is one.
 */
export async function deleteCluster(
  on: OperationContext,
  request: DeleteClusterRequest,
  { signal }: CallContext,
): Promise<DeleteClusterResponse> {
  if (request.cluster === '')
    throw invalid('cluster is missing; expected the name or ARN of a cluster.');
  const options = { signal, attempted: `delete cluster ${request.cluster}` };
  const deleted = await write(on, options, (state) => {
    const { cluster, name } = requireCluster({ state, realm: on.realm }, request.cluster);
    refuseContents(state, name);
    const record: ClusterRecord = {
      ...cluster.value,
      status: 'INACTIVE',
      deletedAt: on.clock.now(),
    };
    const { guard, put } = replace(collections.clusters, cluster, record);
    return { guards: [guard], puts: [put], result: () => ({ before: cluster.value, record }) };
  });
  try {
    refuseContents(on.cache, deleted.record.name);
  } catch (error) {
    await restore(on, deleted.before, options);
    throw error;
  }
  return { cluster: clusterView(on.cache, on.realm, deleted.record) };
}

/** Undo a deletion, unless somebody has made the cluster anew. */
async function restore(
  on: OperationContext,
  before: ClusterRecord,
  options: { readonly signal: AbortSignal; readonly attempted: string },
): Promise<void> {
  await write(on, options, (state) => {
    const found = state.get(collections.clusters, before.name);
    if (found?.value.status !== 'INACTIVE') return { result: () => undefined };
    const { guard, put } = replace(collections.clusters, found, before);
    return { guards: [guard], puts: [put], result: () => undefined };
  });
}

function refuseContents(state: State, cluster: string): void {
  const services = Array.from(state.list(collections.services, cluster), ({ value }) => value)
    .filter(({ status }) => status !== 'INACTIVE')
    .map(({ name }) => name);
  refuse('ClusterContainsServicesException', 'Services are active', services);
  const hosts = Array.from(state.list(collections.hosts, cluster), ({ value }) => value.name);
  refuse(
    'ClusterContainsContainerInstancesException',
    'Container Instances are active or draining',
    hosts,
  );
  const tasks = Array.from(state.list(collections.tasks, cluster), ({ value }) => value)
    .filter((task) => lastStatusOf(state, task) !== 'STOPPED')
    .map(({ id }) => id);
  refuse('ClusterContainsTasksException', 'Tasks are active', tasks);
}

function refuse(
  code:
    | 'ClusterContainsServicesException'
    | 'ClusterContainsContainerInstancesException'
    | 'ClusterContainsTasksException',
  what: string,
  names: readonly string[],
): void {
  if (names.length === 0) return;
  const some = names.slice(0, 3).join(', ') + (names.length > 3 ? ', ...' : '');
  throw new BerthError(
    code,
    `The Cluster cannot be deleted while ${what}. (${names.length}: ${some})`,
  );
}
