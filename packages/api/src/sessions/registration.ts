// What an agent's hello changes in the store besides its session: its host's record and, for the first
// host ever, the cluster `default`.
import { BerthError } from '@berth/model/errors.ts';
import type { AgentHello, ClusterRecord, HostRecord } from '@berth/model/generated/messages.ts';
import { codec, complete } from '@berth/rpc/codec.ts';
import { collections } from '@berth/store/keys.ts';
import { guardAbsent, guardPresent, guardUnchanged, putRecord } from '@berth/store/record.ts';
import type { State, Stored } from '@berth/store/state.ts';

import { hostRecord } from './host-record.ts';
import type { Company } from './session-registry.ts';

const DEFAULT_CLUSTER = 'default';

/**
 * Guards and puts that register the host; no puts where nothing has changed. Pure.
 * @throws BerthError ClusterNotFoundException, or ClientException when the host is of another cluster
 */
export function registration(state: State, hello: AgentHello, now: number): Company {
  refuseOtherCluster(state, hello);
  const parts = [hello.cluster, hello.hostId] as const;
  const known = state.get(collections.hosts, ...parts);
  const host = hostRecord(hello, known?.value, now);
  const found = state.get(collections.clusters, hello.cluster);
  const cluster = clusterOf(found, hello.cluster, now, known !== undefined);
  if (known && sameHost(known.value, host)) return cluster;
  const guard = known ? guardUnchanged(known) : guardAbsent(collections.hosts, ...parts);
  return {
    guards: [...cluster.guards, guard],
    puts: [...cluster.puts, putRecord(collections.hosts, parts, host)],
  };
}

function refuseOtherCluster(state: State, { hostId, cluster }: AgentHello): void {
  for (const { value } of state.hostsById(hostId)) {
    if (value.cluster === cluster) continue;
    throw new BerthError(
      'ClientException',
      `Host ${hostId} is registered in cluster ${value.cluster}, not in ${cluster}; deregister it there first.`,
    );
  }
}

/**
 * As ECS's agent does, the first host makes the cluster `default`; any other must be there and ACTIVE, and, for a host that
 * is new to it, still be when the host is in: a cluster that is being deleted takes none.
 */
function clusterOf(
  found: Stored<ClusterRecord> | undefined,
  name: string,
  now: number,
  isKnown: boolean,
): Company {
  if (found?.value.status === 'ACTIVE') {
    return { guards: [isKnown ? guardPresent(found) : guardUnchanged(found)], puts: [] };
  }
  if (name !== DEFAULT_CLUSTER) {
    throw new BerthError('ClusterNotFoundException', `Cluster not found. (cluster "${name}")`);
  }
  const record = complete('ClusterRecord', {
    createdAt: now,
    ...found?.value,
    name,
    status: 'ACTIVE',
  });
  const guard = found ? guardUnchanged(found) : guardAbsent(collections.clusters, name);
  return { guards: [guard], puts: [putRecord(collections.clusters, [name], record)] };
}

function sameHost(a: HostRecord, b: HostRecord): boolean {
  const records = codec('HostRecord');
  return records.encode(a).equals(records.encode(b));
}
