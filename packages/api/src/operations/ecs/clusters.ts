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
  Tag,
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

import { clusterView } from '../../views/cluster-view.ts';
import { lastStatusOf } from '../../views/task-status.ts';
import type { OperationContext } from '../deps.ts';
import { DEFAULT_CLUSTER, findCluster, invalid, requireCluster } from '../resolve.ts';
import { replace, write } from '../write.ts';

/** Idempotent by name: the same arguments give the cluster that there is. An INACTIVE name becomes a new cluster. */
export async function createCluster(
  on: OperationContext,
  request: CreateClusterRequest,
  { signal }: CallContext,
): Promise<CreateClusterResponse> {
  const name = request.clusterName || DEFAULT_CLUSTER;
  const check = new Checker('InvalidParameterException');
  checkEcsName(check, 'clusterName', name);
  checkTags(check, request.tags);
  return write(on, { signal, attempted: `create cluster ${name}` }, (state) => {
    const found = state.get(collections.clusters, name);
    if (found?.value.status === 'ACTIVE') {
      if (!sameTags(found.value.tags, request.tags)) {
        throw new BerthError(
          'InvalidParameterException',
          'Arguments on this idempotent request are inconsistent with arguments used in previous request(s). ' +
            `(cluster "${name}" exists with other tags)`,
        );
      }
      return { result: (seen) => ({ cluster: clusterView(seen, on.realm, found.value) }) };
    }
    const record: ClusterRecord = {
      name,
      status: 'ACTIVE',
      createdAt: on.clock.now(),
      tags: request.tags,
    };
    return {
      guards: [found ? guardUnchanged(found) : guardAbsent(collections.clusters, name)],
      puts: [putRecord(collections.clusters, [name], record)],
      result: (seen) => ({ cluster: clusterView(seen, on.realm, record) }),
    };
  });
}

function sameTags(a: readonly Tag[], b: readonly Tag[]): boolean {
  const text = (tags: readonly Tag[]): string =>
    JSON.stringify(tags.map(({ key, value }) => [key, value]).sort());
  return text(a) === text(b);
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
  const asked = request.clusters.length > 0 ? request.clusters : [DEFAULT_CLUSTER];
  const place = { state: on.cache, realm: on.realm };
  const clusters: Cluster[] = [];
  const failures: Failure[] = [];
  for (const text of new Set(asked)) {
    const found = findCluster(place, text);
    if (found) clusters.push(clusterView(on.cache, on.realm, found.value));
    else {
      const missing = text.startsWith('arn:') ? text : arn.cluster(on.realm, text);
      failures.push({ arn: missing, reason: 'MISSING' });
    }
  }
  return { clusters, failures };
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

/** An empty cluster becomes INACTIVE. */
export async function deleteCluster(
  on: OperationContext,
  request: DeleteClusterRequest,
  { signal }: CallContext,
): Promise<DeleteClusterResponse> {
  if (request.cluster === '')
    throw invalid('cluster is missing; expected the name or ARN of a cluster.');
  const attempted = `delete cluster ${request.cluster}`;
  return write(on, { signal, attempted }, (state) => {
    const { cluster, name } = requireCluster({ state, realm: on.realm }, request.cluster);
    refuseContents(state, name);
    const record: ClusterRecord = { ...cluster.value, status: 'INACTIVE' };
    const { guard, put } = replace(collections.clusters, cluster, record);
    return {
      guards: [guard],
      puts: [put],
      result: (seen) => ({ cluster: clusterView(seen, on.realm, record) }),
    };
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
