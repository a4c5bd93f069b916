// Starts the controller: it stands for election, and brings services nearer to what was asked for while it leads.
import { childScope } from '@berth/control/scope.ts';
import { ulidSource } from '@berth/control/ulid.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { Sealer } from '@berth/process/seal.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';
import { leaderClient } from '@berth/rpc/leader-client.ts';
import { grpcTransport, type Transport } from '@berth/rpc/transport.ts';
import { campaign, type Leadership } from '@berth/store/election.ts';
import { collections } from '@berth/store/keys.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

import { ReplicaCounts } from './deployment-certificates/replica-counts.ts';
import type { TermContext } from './context.ts';
import { type HookCaller, httpHookCaller } from './hook-caller.ts';
import { EventBudget } from './event-budget.ts';
import { LookBudget } from './look-budget.ts';
import { controllerMetrics } from './metrics.ts';
import { observe } from './observations.ts';
import { PlacementHolds } from './placement-holds.ts';
import { ServiceViews } from './service-views.ts';
import { ControllerTerm } from './term.ts';

export interface ControllerOptions {
  /** Towards the scheduler. */
  readonly tls: TlsIdentity;
  readonly store: Store;
  readonly cache: StateCache;
  readonly leaseSeconds: number;
  /** A host without a session for this long is lost: its tasks are replaced. */
  readonly hostLostAfterMs: number;
  /** Move tasks of services that are spread over hosts onto hosts that joined; default no. */
  readonly rebalanceOntoHosts?: boolean | undefined;
  /** A proxy without a session may still route by its last table for this long. */
  readonly proxyLostAfterMs: number;
  /** Who leads, for people: host name and process id. */
  readonly holder: string;
  /** What ARNs in events carry. */
  readonly realm: Realm;
  /** Where sinks of kind file write; absent: there are none on this machine. */
  readonly eventDirectory?: string | undefined;
  /** Opens and seals the keys of certificates and of accounts at certificate authorities. */
  readonly sealer: Sealer;
  /** Default: gRPC. */
  readonly transport?: Pick<Transport, 'connect'> | undefined;
  /** Asks lifecycle hooks. Default: by HTTP. */
  readonly callHook?: HookCaller | undefined;
}

/** A thousand tasks are many transactions, and other services may be before this one. */
const PLACE_TIMEOUT_MS = 30_000;

/** Start a controller. Any number may run; one leads, the others follow the state and wait. */
export function startController(
  options: ControllerOptions,
  surroundings: Surroundings,
): Promise<Role> {
  const { store, cache, tls, leaseSeconds, holder, hostLostAfterMs, proxyLostAfterMs } = options;
  const { sealer, realm, rebalanceOntoHosts } = options;
  const { clock, random } = surroundings;
  const logger = surroundings.logger.child({ component: 'controller' });
  let term: ControllerTerm | undefined;
  const metrics = controllerMetrics(surroundings.metrics, () => term?.depth ?? 0);
  const { observations, end } = observe(cache, { clock, proxyLostAfterMs, hostLostAfterMs });
  const scheduler = leaderClient({
    service: 'Scheduler',
    address: () => cache.get(collections.leader, 'scheduler')?.value.address,
    tls,
    clock,
    random,
    connect: options.transport?.connect,
  });
  const replicaCounts = new ReplicaCounts({
    cache,
    tls,
    connect: options.transport?.connect ?? grpcTransport.connect,
    clock,
    logger,
  });
  const callHook = options.callHook ?? httpHookCaller(clock);
  const stopping = new AbortController();

  const lead = async (leadership: Leadership): Promise<void> => {
    await cache.reached(leadership.epoch, leadership.signal);
    observations.beginTerm();
    const context: TermContext = {
      store,
      cache,
      leadership,
      placer: {
        place: (request, signal) =>
          scheduler.calls.Place(request, { signal, timeoutMs: PLACE_TIMEOUT_MS }),
      },
      observations,
      views: new ServiceViews(cache, observations),
      holds: new PlacementHolds(clock),
      clock,
      random,
      logger,
      metrics,
      nextEventId: ulidSource(clock, random),
      eventBudget: new EventBudget(clock, () => metrics.eventDropped()),
      looks: new LookBudget(clock),
      realm,
      hostLostAfterMs,
      rebalanceOntoHosts,
      sealer,
      replicaCounts,
      eventDirectory: options.eventDirectory,
    };
    term = new ControllerTerm(context, callHook);
    metrics.leads(true);
    try {
      await term.run();
    } finally {
      metrics.leads(false);
      term = undefined;
    }
  };

  const standing = campaign(
    { store, role: 'controller', holder, address: '', leaseSeconds, clock, logger },
    lead,
    stopping.signal,
  );
  const failed = standing.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined); // also without anybody listening

  return Promise.resolve({
    name: 'controller',
    failed,
    unready: () => (cache.filled ? undefined : 'the state has not been read from etcd yet'),
    stop: async (graceMs) => {
      stopping.abort(new BerthError('Cancelled', 'The controller is stopping.'));
      const grace = childScope();
      await Promise.race([standing, clock.sleep(graceMs, grace.signal)]).catch(() => undefined);
      grace.abort();
      end();
      scheduler.close();
      replicaCounts.close();
    },
  });
}
