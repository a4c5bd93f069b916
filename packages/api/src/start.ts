// Starts the api: the control plane's doors. Any number of replicas may run; none leads.
import type { Realm } from '@berth/model/resources/arn.ts';
import { rpcMetrics } from '@berth/process/metrics.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { Sealer } from '@berth/process/seal.ts';
import type { Handlers, TlsIdentity } from '@berth/rpc/api.ts';
import { formatAddress, parseAddress } from '@berth/rpc/channel-options.ts';
import { leaderClient } from '@berth/rpc/leader-client.ts';
import { grpcTransport, type Transport } from '@berth/rpc/transport.ts';
import { collections } from '@berth/store/keys.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

import type { AuditOptions } from './access/audit.ts';
import { accessHandlers } from './access/operations/handlers.ts';
import { type AccessDoor, startAccess } from './access/start-access.ts';
import { authorized } from './authorize.ts';
import { sessionCounters, sessionGauges } from './metrics.ts';
import { ClusterTraffic } from './operations/cluster-traffic.ts';
import type { OwnOperationsDeps } from './operations/deps-operations.ts';
import { ecsHandlers } from './operations/ecs/handlers.ts';
import { freshenFrom, sharedFreshen } from './operations/freshen.ts';
import { loadBalancingHandlers } from './operations/load-balancing/handlers.ts';
import { logGroupsHandlers } from './operations/log-groups/handlers.ts';
import { operationsHandlers } from './operations/operations-service.ts';
import { Replicas } from './operations/replicas.ts';
import { scalingHandlers } from './operations/scaling/handlers.ts';
import { startSessions } from './sessions/start-sessions.ts';
import { followTasks } from './views/task-tally.ts';

export interface ApiOptions {
  /** HOST:PORT to listen on. */
  readonly listen: string;
  /** HOST:PORT where other replicas, agents and proxies reach this one; port 0 stands for the one it listens on. */
  readonly advertise: string;
  /** A `control` identity. */
  readonly tls: TlsIdentity;
  readonly realm: Realm;
  /** What the names of load balancers end in; default REGION.elb.berth. */
  readonly dnsSuffix?: string | undefined;
  readonly store: Store;
  readonly cache: StateCache;
  readonly version: string;
  readonly leaseSeconds: number;
  /** For the secrets in the records. */
  readonly sealer: Sealer;
  /** Where calls are told; absent: nowhere. Closed when the role stops. */
  readonly audit?: AuditOptions | undefined;
  /** Default: gRPC. */
  readonly transport?: Transport | undefined;
}

/** For callers in the same process, who say who they act for: the AWS endpoint. */
export interface ApiHandlers {
  readonly Ecs: Handlers<'Ecs'>;
  readonly LoadBalancing: Handlers<'LoadBalancing'>;
  readonly Scaling: Handlers<'Scaling'>;
  readonly Access: Handlers<'Access'>;
  readonly LogGroups: Handlers<'LogGroups'>;
  readonly Operations: Handlers<'Operations'>;
}

export interface ApiRole extends Role {
  readonly address: string;
  readonly handlers: ApiHandlers;
  readonly access: AccessDoor;
}

/** Resolves when it serves. @throws BerthError Unavailable when the address or a lease can't be had */
export async function startApi(options: ApiOptions, surroundings: Surroundings): Promise<ApiRole> {
  const { store, cache, realm, tls, version, leaseSeconds, sealer } = options;
  const { serve, connect } = options.transport ?? grpcTransport;
  const { clock, random, metrics } = surroundings;
  const logger = surroundings.logger.child({ component: 'api' });
  const replicaAddress = (): string => advertised;
  const sessions = await startSessions({
    store,
    cache,
    clock,
    random,
    logger,
    leaseSeconds,
    replicaAddress,
    counters: sessionCounters(metrics),
    sealer,
    realm,
  });
  sessionGauges(metrics, sessions);
  const scheduler = leaderClient({
    service: 'Scheduler',
    address: () => cache.get(collections.leader, 'scheduler')?.value.address,
    tls,
    clock,
    random,
    connect,
  });
  const replicas = new Replicas(tls, connect);
  const freshen = freshenFrom(store, cache);
  const fresh = sharedFreshen(freshen);
  const deps: OwnOperationsDeps = {
    store,
    cache,
    clock,
    random,
    realm,
    dnsSuffix: options.dnsSuffix ?? `${realm.region}.elb.berth`,
    logger,
    sealer,
    version,
    traffic: new ClusterTraffic({
      cache,
      clock,
      logger,
      own: sessions.proxies,
      replicas,
      replicaAddress,
    }),
    proxies: sessions.proxies,
    targetCounts: sessions.proxies,
    agents: sessions.agents,
    streams: sessions.streams,
    requests: sessions.requests,
    replicas,
    replicaAddress,
    freshen,
    freshenBehindGuard: fresh.handler,
    schedulerPlace: (request, signal) => scheduler.calls.Place(request, { signal }),
    schedulerExplain: (request, signal) => scheduler.calls.Explain(request, { signal }),
  };
  const access = startAccess({
    store,
    cache,
    realm,
    sealer,
    clock,
    logger,
    metrics,
    freshen: fresh.guard,
    audit: options.audit,
  });
  const { guard } = access;
  const endTally = followTasks(cache, clock);
  const endAll = async (): Promise<void> => {
    endTally();
    await sessions.stop();
    scheduler.close();
    replicas.close();
    await access.stop();
  };
  const handlers: ApiHandlers = {
    Ecs: guard.guarded('Ecs', ecsHandlers(deps)),
    LoadBalancing: guard.guarded('LoadBalancing', loadBalancingHandlers(deps)),
    Scaling: guard.guarded('Scaling', scalingHandlers(deps)),
    Access: guard.guarded('Access', accessHandlers(deps)),
    LogGroups: guard.guarded('LogGroups', logGroupsHandlers(deps)),
    Operations: guard.guarded('Operations', operationsHandlers(deps)),
  };
  const server = await serve({
    address: options.listen,
    tls,
    logger,
    onCall: rpcMetrics(metrics, 'api').onCall,
    services: {
      ...handlers,
      Agents: authorized('Agents', {
        Session: (messages, context) => sessions.agents.serve(messages, context),
        Stream: (messages, context) => sessions.streams.serve(messages, context),
      }),
      Proxies: authorized('Proxies', {
        Session: (messages, context) => sessions.proxies.serve(messages, context),
        Requests: (answers, context) => sessions.requests.serve(answers, context),
      }),
    },
  }).catch(async (error: unknown) => {
    await endAll();
    throw error;
  });
  const advertised = advertisedAddress(options.advertise, server.address);
  let stopping = false;
  return {
    name: 'api',
    address: server.address,
    handlers,
    access: access.door,
    failed: sessions.failed,
    unready: () => {
      if (stopping) return 'stopping';
      if (!cache.filled) return 'the view of the state is not filled';
      return sessions.lease.held ? undefined : 'there is no lease in etcd to write under';
    },
    stop: async (graceMs) => {
      stopping = true;
      await server.close(graceMs);
      await endAll();
    },
  };
}

function advertisedAddress(advertise: string, listening: string): string {
  const { host, port } = parseAddress(advertise);
  return formatAddress({ host, port: port === 0 ? parseAddress(listening).port : port });
}
