// What Berth's own operations are given besides what all operations are.
import type { AgentSessions } from '../sessions/agent-sessions.ts';
import type { ProxySessions } from '../sessions/proxy-sessions.ts';
import type { RequestSource } from '../sessions/request-streams.ts';
import type { StreamBroker } from '../sessions/streams.ts';
import type { TrafficSource } from '../sessions/traffic.ts';
import type { OperationsDeps } from './deps.ts';
import type { Replicas } from './replicas.ts';

export interface OwnOperationsDeps extends OperationsDeps {
  readonly version: string;
  /** Where this replica serves gRPC, for other replicas. */
  readonly replicaAddress: () => string;
  /** The proxies connected to this replica. */
  readonly proxies: TrafficSource;
  /** What these have counted of single targets. */
  readonly targetCounts: Pick<ProxySessions, 'countTargets'>;
  readonly agents: Pick<AgentSessions, 'holds'>;
  readonly streams: Pick<StreamBroker, 'relay'>;
  /** What the proxies connected to this replica tell of single requests. */
  readonly requests: RequestSource;
  readonly replicas: Replicas;
}
