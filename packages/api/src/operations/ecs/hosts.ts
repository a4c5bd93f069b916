// Reading hosts; they are container instances in ECS. Source: ECS reference, sections 2.7, 5.5 and 7.2.
import type {
  DescribeHostsRequest,
  DescribeHostsResponse,
  Failure,
  Host,
  HostRecord,
  ListHostsRequest,
  ListHostsResponse,
} from '@berth/model/generated/messages.ts';
import { compileQuery } from '@berth/model/query/evaluate.ts';
import { parseQuery } from '@berth/model/query/parser.ts';
import { arn } from '@berth/model/resources/arn.ts';
import { parseEcsReference } from '@berth/model/resources/reference.ts';
import { Checker } from '@berth/model/validation/check.ts';
import { pageOf } from '@berth/model/validation/pagination.ts';
import { collections } from '@berth/store/keys.ts';
import type { Stored } from '@berth/store/state.ts';

import { formerHostView, hostFacts, hostHealth, hostView } from '../../views/host-view.ts';
import type { OperationContext } from '../deps.ts';
import { included } from '../include.ts';
import { lookUpHost } from '../lookup.ts';
import { ambiguous, type ClusterPlace, invalid, lookUp, requireCluster } from '../resolve.ts';

/** By id; `filter` is a query of the cluster query language. */
export function listHosts(on: OperationContext, request: ListHostsRequest): ListHostsResponse {
  const place = requireCluster({ state: on.cache, realm: on.realm }, request.cluster);
  const filter = request.filter || undefined;
  const status = request.status || undefined;
  const holds = predicateOf(on, filter);
  const matching = Array.from(on.cache.list(collections.hosts, place.name), ({ value }) => value)
    .filter((host) => status === undefined || host.status === status)
    .filter(holds);
  const page = pageOf(matching, ({ id }) => id, {
    question: ['ListHosts', place.name, filter, status],
    nextToken: request.nextToken,
    maxResults: request.maxResults,
    defaultResults: 100,
  });
  return {
    containerInstanceArns: page.items.map(({ id }) => arn.host(on.realm, place.name, id)),
    nextToken: page.nextToken,
  };
}

function predicateOf(
  on: OperationContext,
  filter: string | undefined,
): (host: HostRecord) => boolean {
  if (filter === undefined) return () => true;
  const query = parseQuery(filter);
  if (!query.ok) throw invalid(`filter: ${query.message}`);
  const holds = compileQuery(query.expression);
  return (host) => holds(hostFacts(on.cache, host));
}

export function describeHosts(
  on: OperationContext,
  request: DescribeHostsRequest,
): DescribeHostsResponse {
  const place = requireCluster(
    { state: on.cache, realm: on.realm },
    request.cluster,
    'container-instance',
    request.hosts,
  );
  const include = included(request.include, INCLUDE);
  const { found, former, failures } = findHosts(place, request.hosts, 100);
  const hosts: Host[] = [
    ...found.map(({ value }) => described(on, value, include)),
    ...former.map((record) => {
      const view = formerHostView(on.cache, on.realm, record);
      return include.has('TAGS') ? view : { ...view, tags: [] };
    }),
  ];
  return { hosts, failures };
}

const INCLUDE = ['TAGS', 'CONTAINER_INSTANCE_HEALTH'] as const;

function described(
  { cache, realm }: OperationContext,
  record: HostRecord,
  include: ReadonlySet<(typeof INCLUDE)[number]>,
): Host {
  const view = hostView(cache, realm, record);
  return {
    ...view,
    tags: include.has('TAGS') ? view.tags : [],
    healthStatus: include.has('CONTAINER_INSTANCE_HEALTH') ? hostHealth(cache, record) : undefined,
  };
}

/**
 * The hosts of a request, each once; those that were deregistered lately; and a failure for each reference that means
 * none.
 */
export function findHosts(
  place: ClusterPlace,
  references: readonly string[],
  most: number,
): {
  readonly found: readonly Stored<HostRecord>[];
  readonly former: readonly HostRecord[];
  readonly failures: readonly Failure[];
} {
  if (references.length === 0) {
    throw invalid(`Container instances cannot be empty. (hosts has 0 ids; expected 1 to ${most})`);
  }
  new Checker('InvalidParameterException').atMost('hosts', references.length, most, 'ids');
  const found = new Map<string, Stored<HostRecord>>();
  const former = new Map<string, HostRecord>();
  const failures: Failure[] = [];
  for (const text of new Set(references)) {
    const host = lookUp(place, 'container-instance', text, lookUpHost);
    const gone = host.kind === 'missing' ? formerHost(place, text) : undefined;
    if (host.kind === 'found') found.set(host.item.key, host.item);
    else if (gone) former.set(gone.id, gone);
    else {
      failures.push({
        arn: text.startsWith('arn:') ? text : arn.host(place.realm, place.name, text),
        reason: 'MISSING',
        detail: host.kind === 'ambiguous' ? ambiguous('host', text, host.ids).message : undefined,
      });
    }
  }
  return { found: [...found.values()], former: [...former.values()], failures };
}

/** A host that was deregistered, by its id or ARN. */
export function formerHost(place: ClusterPlace, text: string): HostRecord | undefined {
  const reference = parseEcsReference(place.realm, 'container-instance', text);
  return (
    reference && place.state.get(collections.deregisteredHosts, place.name, reference.name)?.value
  );
}
