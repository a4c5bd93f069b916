// Everything that lives as long as the replica and serves its agents and proxies, wired together and running.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { withDeadline } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { Sealer } from '@berth/process/seal.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

import type { SessionCounters } from '../metrics.ts';
import { AgentSessions } from './agent-sessions.ts';
import { CookieKeys } from './cookie-keys.ts';
import { LeasedRecords } from './leased-records.ts';
import { ProxySessions } from './proxy-sessions.ts';
import { ReplicaLease } from './replica-lease.ts';
import { RequestStreams } from './request-streams.ts';
import { StatusWriter } from './status-writer.ts';
import { StreamBroker } from './streams.ts';

export interface SessionsOptions {
  readonly store: Store;
  readonly cache: StateCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly leaseSeconds: number;
  /** Where this replica serves gRPC; asked for when a session begins. */
  readonly replicaAddress: () => string;
  readonly counters: SessionCounters;
  readonly sealer: Sealer;
  readonly realm: Realm;
}

export interface Sessions {
  readonly agents: AgentSessions;
  readonly proxies: ProxySessions;
  readonly statuses: StatusWriter;
  readonly records: LeasedRecords;
  readonly streams: StreamBroker;
  readonly requests: RequestStreams;
  readonly lease: ReplicaLease;
  /** Rejects when one of the loops fails, which is a bug. */
  readonly failed: Promise<never>;
  /** Ends the loops and gives up the lease: all that hung on it vanishes. */
  stop(): Promise<void>;
}

const FIRST_LEASE_MS = 30_000;
const WITHOUT_LEASE = new BerthError(
  'Unavailable',
  'This api replica has lost touch with etcd; another one may have it.',
);

/** Resolves when there is a lease to write under. @throws BerthError DeadlineExceeded when there is none in time */
export async function startSessions(options: SessionsOptions): Promise<Sessions> {
  const { store, cache, clock, random, logger, counters } = options;
  const lease = new ReplicaLease({
    store,
    ttlSeconds: options.leaseSeconds,
    clock,
    random,
    logger,
    onWithout: () => {
      agents.endAll(WITHOUT_LEASE);
      proxies.endAll(WITHOUT_LEASE);
    },
  });
  const records = new LeasedRecords({ store, cache, lease, clock, random, logger });
  const statuses = new StatusWriter({
    store,
    cache,
    clock,
    random,
    logger,
    observe: (outcome) => counters.taskReport(outcome),
  });
  const { replicaAddress } = options;
  const deps = { store, cache, clock, random, logger, lease, records, replicaAddress };
  const agents: AgentSessions = new AgentSessions(deps, statuses);
  const cookieKeys = new CookieKeys(options);
  const proxies: ProxySessions = new ProxySessions(deps, options, {
    update: (kind) => counters.routingUpdate(kind),
    came: () => cookieKeys.wake(),
  });
  const streams = new StreamBroker({
    clock,
    random,
    order: (hostId, order) => agents.order(hostId, order),
  });
  const requests = new RequestStreams({ clock, random });
  const unsubscribe = cache.subscribe((batch) => {
    records.observe(batch);
    agents.observe(batch);
    proxies.observe(batch);
  });
  const firstLease = new Promise<void>((resolve) => lease.onRenewed(resolve));
  const running = new AbortController();
  const loops = [lease, records, statuses, agents, cookieKeys].map((loop) =>
    loop.run(running.signal),
  );
  const failed = new Promise<never>((_resolve, reject) => {
    for (const loop of loops) loop.catch(reject);
  });
  failed.catch(() => undefined); // whoever owns the role looks at it too
  const stop = async (): Promise<void> => {
    unsubscribe();
    running.abort(new Error('the api is stopping'));
    await Promise.allSettled(loops);
  };
  try {
    await withDeadline(
      firstLease,
      FIRST_LEASE_MS,
      clock,
      running.signal,
      'getting a lease from the store',
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { agents, proxies, statuses, records, streams, requests, lease, failed, stop };
}
