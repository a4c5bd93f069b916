// What the operations are given. They read the cache, decide in pure functions, and write to the store.
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import type {
  ExplainRequest,
  ExplainResponse,
  PlaceRequest,
  PlaceResponse,
} from '@berth/model/generated/messages.ts';
import type { Realm } from '@berth/model/resources/arn.ts';
import type { Sealer } from '@berth/process/seal.ts';
import type { CallContext, Input } from '@berth/rpc/api.ts';
import type { StateCache } from '@berth/store/state.ts';
import type { Store } from '@berth/store/store.ts';

import type { ClusterTraffic } from './cluster-traffic.ts';
import { Turns } from './turns.ts';

export interface OperationsDeps {
  readonly store: Store;
  readonly cache: StateCache;
  readonly clock: Clock;
  readonly random: Random;
  readonly realm: Realm;
  /** What the names of load balancers end in. */
  readonly dnsSuffix: string;
  readonly logger: Logger;
  readonly sealer: Sealer;
  readonly traffic: Pick<ClusterTraffic, 'counters'>;
  /** `Scheduler.Place` at the leader of the moment. @throws BerthError as the scheduler does, or Unavailable */
  readonly schedulerPlace: (
    request: Input<PlaceRequest>,
    signal: AbortSignal,
  ) => Promise<PlaceResponse>;
  /** `Scheduler.Explain` at the leader of the moment. */
  readonly schedulerExplain: (
    request: Input<ExplainRequest>,
    signal: AbortSignal,
  ) => Promise<ExplainResponse>;
  /**
   * Awaited before each operation: afterwards the cache has at least everything that any replica had acknowledged when
   * it was called. `freshenFrom` makes one.
   */
  readonly freshen: (signal: AbortSignal) => Promise<void>;
  /** The same for the beginning of a call, where its guard may have seen to it: see `sharedFreshen`. Default: `freshen`. */
  readonly freshenBehindGuard?: (signal: AbortSignal) => Promise<void>;
}

/** What the operations of one API share besides. */
export interface OperationContext extends OperationsDeps {
  readonly turns: Turns;
}

type Operation<Q, R> = (on: OperationContext, request: Q, call: CallContext) => R | Promise<R>;

/** Makes handlers of operations: each sees a view that has all that was acknowledged before the call. */
export function handlersOn(deps: OperationsDeps) {
  const on: OperationContext = { ...deps, turns: new Turns() };
  const freshen = deps.freshenBehindGuard ?? deps.freshen;
  return <Q, R>(operation: Operation<Q, R>) =>
    async (request: Q, call: CallContext): Promise<R> => {
      await freshen(call.signal);
      return operation(on, request, call);
    };
}

/** Who calls, as ECS names it in `createdBy` and `registeredBy`. */
export function principalArn(realm: Realm, { identity }: CallContext): string {
  if (identity.role === 'user') return identity.principal.arn;
  return `arn:aws:iam::${realm.account}:user/${identity.name}`;
}
