// Starts the scheduler: it serves placement over gRPC to the control plane, and places while it leads.
import { hostname } from 'node:os';

import { abortable, childScope } from '@berth/control/scope.ts';
import { BerthError, isBerthError } from '@berth/model/errors.ts';
import { rpcMetrics } from '@berth/process/metrics.ts';
import type { Role, Surroundings } from '@berth/process/role.ts';
import type { CallContext, Handlers, TlsIdentity } from '@berth/rpc/api.ts';
import { formatAddress, parseAddress } from '@berth/rpc/channel-options.ts';
import { grpcTransport, type Transport } from '@berth/rpc/transport.ts';
import { campaign } from '@berth/store/election.ts';
import type { Leadership } from '@berth/store/election.ts';
import { collections } from '@berth/store/keys.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

import { schedulerMetrics } from './metrics.ts';
import { notLeader } from './place.ts';
import { Term } from './term.ts';

export interface SchedulerOptions {
  /** HOST:PORT to listen on; port 0 picks a free one. */
  readonly listen: string;
  /** HOST:PORT where others reach it; port 0 stands for the one that it listens on. */
  readonly advertise: string;
  readonly tls: TlsIdentity;
  readonly store: Store;
  readonly cache: StateCache;
  readonly leaseSeconds: number;
  /** Who leads, for people; default: host name and process id. */
  readonly holder?: string | undefined;
  /** Default: gRPC. */
  readonly transport?: Transport | undefined;
}

/**
 * Start a scheduler. Any number may run; one leads and the others answer NotLeader with its address.
 * @throws BerthError Unavailable when it can't listen
 */
export async function startScheduler(
  options: SchedulerOptions,
  surroundings: Surroundings,
): Promise<Role & { readonly address: string }> {
  const { store, cache, tls, leaseSeconds } = options;
  const holder = options.holder ?? `${hostname()}:${process.pid}`;
  const { clock } = surroundings;
  const logger = surroundings.logger.child({ component: 'scheduler' });
  const metrics = schedulerMetrics(surroundings.metrics);
  const calls = rpcMetrics(surroundings.metrics, 'scheduler');
  const stopping = new AbortController();
  let term: Term | undefined;

  const leading = (context: CallContext): Term => {
    allow(context);
    return term ?? refuse(cache);
  };
  const handlers: Handlers<'Scheduler'> = {
    Place: async (request, context) =>
      answered(leading(context), (it) => it.place(request, context.signal), cache),
    Explain: async ({ place, withoutTask }, context) => {
      if (!place)
        throw new BerthError('InvalidParameterException', 'Explain needs a placement to explain.');
      return answered(
        leading(context),
        (it) => it.explain(place, withoutTask, context.signal),
        cache,
      );
    },
  };
  const server = await (options.transport ?? grpcTransport).serve({
    address: options.listen,
    tls,
    services: { Scheduler: handlers },
    logger,
    onCall: (method, code, seconds) => {
      calls.onCall(method, code, seconds);
    },
  });
  const advertised = parseAddress(options.advertise);
  const port = advertised.port || parseAddress(server.address).port;
  const address = formatAddress({ host: advertised.host, port });

  /** Leads until leadership is lost or the term ends itself; then nothing of it is at work any more. */
  const lead = async (leadership: Leadership): Promise<void> => {
    await cache.reached(leadership.epoch, leadership.signal);
    const own = await Term.begin({ ...surroundings, store, cache, leadership, logger, metrics });
    term = own;
    metrics.leads(true);
    try {
      await aborted(own.signal);
    } finally {
      metrics.leads(false);
      term = undefined;
      await own.close();
    }
  };

  metrics.leads(false);
  const standing = campaign(
    { store, role: 'scheduler', holder, address, leaseSeconds, clock, logger },
    lead,
    stopping.signal,
  );
  const failed = standing.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined); // also without anybody listening

  return {
    name: 'scheduler',
    address,
    failed,
    unready: () => (cache.filled ? undefined : 'the state has not been read from etcd yet'),
    stop: async (graceMs) => {
      const end = clock.monotonic() + graceMs;
      await server.close(graceMs).catch((error: unknown) => {
        logger.warn({ err: error }, 'the gRPC server did not close in order');
      });
      stopping.abort(new BerthError('Cancelled', 'The scheduler is stopping.'));
      const grace = childScope();
      const left = Math.max(0, end - clock.monotonic());
      await Promise.race([standing, clock.sleep(left, grace.signal)]).catch(() => undefined);
      grace.abort();
    },
  };
}

/** Placement is for the control plane; everybody else goes through the api. */
function allow({ identity }: CallContext): void {
  if (identity.role === 'control') return;
  throw new BerthError(
    'AccessDeniedException',
    `${identity.role}/${identity.name} may not ask the scheduler; it answers the control plane only.`,
  );
}

function refuse(cache: StateCache): never {
  throw notLeader(cache.get(collections.leader, 'scheduler')?.value.address);
}

/** When the term ended meanwhile, whatever the call failed with says nothing better than NotLeader. */
async function answered<T>(
  term: Term,
  call: (term: Term) => Promise<T>,
  cache: StateCache,
): Promise<T> {
  try {
    return await call(term);
  } catch (error) {
    if (term.signal.aborted && !isBerthError(error, 'StaleView')) refuse(cache);
    throw error;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return abortable(new Promise<never>(() => undefined), signal).catch(() => undefined);
}
