// Connections to etcd. The etcd3 package serves as typed RPC only, and not for records, of which there are too many: its pool, retries, circuit breaker,
// watches and elections stay unused, for reasons listed in docs/decisions. Every call here has a deadline
// and a signal; a member that fails or freezes is left for the next one.
import type { Clock, Random } from '@berth/control/clock.ts';
import { backoffDelay } from '@berth/control/backoff.ts';
import type { TlsIdentity } from '@berth/rpc/api.ts';
import { LINK_OPTIONS, linkTo } from '@berth/rpc/channel-options.ts';
import {
  type CallOptions,
  type ClientDuplexStream,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type ICallable, KVClient, LeaseClient, MaintenanceClient } from 'etcd3';
import { Host } from 'etcd3/lib/connection-pool.js';

import { berthErrorOf, isTransient } from './etcd-errors.ts';
import {
  type EtcdCall,
  RANGE,
  type RangeAnswer,
  type RangeRequest,
  TXN,
  type TxnAnswer,
  type TxnRequest,
  WATCH,
  type WatchAnswer,
  type WatchRequest,
} from './etcd-messages.ts';

const CALL_WITHIN_MS = 3_000;
/** How many times a call's deadline all tries together may take. */
const TOTAL = 4;
const RETRY = { initialMs: 50, maxMs: 1_000 };

export interface LinkOptions {
  /** HOST:PORT or https://HOST:PORT of every member. */
  readonly endpoints: readonly string[];
  readonly tls: TlsIdentity;
  readonly clock: Clock;
  readonly random: Random;
  /** How long one call may take at one member; all tries together take at most four times that. Default 3 s. */
  readonly callWithinMs?: number | undefined;
}

/** Which member is used now. Links that share it leave a sick member together. */
export interface Preference {
  member: number;
}

/** The typed services of one member. */
export interface Member {
  readonly address: string;
  range(request: RangeRequest, options: CallOptions): Promise<RangeAnswer>;
  txn(request: TxnRequest, options: CallOptions): Promise<TxnAnswer>;
  watch(): ClientDuplexStream<WatchRequest, WatchAnswer>;
  readonly kv: KVClient;
  readonly leases: LeaseClient;
  readonly maintenance: MaintenanceClient;
  close(): void;
}

interface CallScope extends CallOptions {
  readonly signal?: AbortSignal;
}

type Call = [
  metadata: Metadata,
  options: CallOptions,
  done: (error: ServiceError | null, response?: unknown) => void,
];
type Unary = (request: unknown, ...call: Call) => { cancel(): void };

/** Streams are for a member that has a leader: one that is cut off from the others would hold them open and say nothing. */
function requireLeader(): Metadata {
  const metadata = new Metadata();
  metadata.set('hasleader', 'true');
  return metadata;
}

/** Each service of a member has a TCP connection of its own, so that none can starve another. */
function connectMember(endpoint: string, tls: TlsIdentity): Member {
  const address = endpoint.replace(/^https:\/\//, '');
  const link = linkTo(address, tls);
  const host = new Host(link.target, link.credentials, {
    ...LINK_OPTIONS,
    'grpc.keepalive_timeout_ms': 4_000,
    ...link.options,
  });
  const callable: ICallable<Host> = {
    exec: (service, method, request, options) => {
      const client = host.getServiceClient(service);
      const run = (client as unknown as Record<string, Unary>)[method] as Unary;
      return unary((...call) => run.call(client, request, ...call), options ?? {});
    },
    withConnection: async (service, run) =>
      run({ resource: host, client: host.getServiceClient(service), metadata: requireLeader() }),
    markFailed: () => undefined,
    callOptionsFactory: undefined,
  };
  const ask = <Request, Answer>(
    { path, write, read }: EtcdCall<Request, Answer>,
    request: Request,
    options: CallScope,
  ): Promise<Answer> => {
    const client = host.getServiceClient('KV');
    return unary(
      (...call) => client.makeUnaryRequest(path, write, read, request, ...call),
      options,
    );
  };
  return {
    address,
    range: (request, options) => ask(RANGE, request, options),
    txn: (request, options) => ask(TXN, request, options),
    watch: () => {
      const { path, write, read } = WATCH;
      const client = host.getServiceClient('Watch');
      return client.makeBidiStreamRequest(path, write, read, requireLeader(), {});
    },
    kv: new KVClient(callable),
    leases: new LeaseClient(callable),
    maintenance: new MaintenanceClient(callable),
    close: () => host.close(),
  };
}

function unary<T>(start: (...call: Call) => { cancel(): void }, scope: CallScope): Promise<T> {
  const { signal, ...options } = scope;
  return new Promise<T>((resolve, reject) => {
    signal?.throwIfAborted();
    const call = start(new Metadata(), options, (error, response) => {
      signal?.removeEventListener('abort', abort);
      if (!error) resolve(response as T);
      else reject((signal?.aborted ? signal.reason : error) as Error);
    });
    const abort = (): void => call.cancel();
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** The members as one purpose uses them: all calls go to one until it fails, then to the next. */
export class EtcdLink {
  readonly members: readonly Member[];
  /** Deadline of one call. */
  readonly callWithinMs: number;
  /** Deadline of all tries together. */
  readonly totalMs: number;
  readonly #options: LinkOptions;
  readonly #preference: Preference;

  constructor(options: LinkOptions, preference: Preference = { member: 0 }) {
    this.#options = options;
    this.#preference = preference;
    this.callWithinMs = options.callWithinMs ?? CALL_WITHIN_MS;
    this.totalMs = this.callWithinMs * TOTAL;
    this.members = options.endpoints.map((endpoint) => connectMember(endpoint, options.tls));
  }

  get member(): Member {
    return this.members[this.#preference.member] as Member;
  }

  /** Leave a member that has failed, unless that has been done already. */
  leave(failed: Member): void {
    if (failed !== this.member) return;
    this.#preference.member = (this.#preference.member + 1) % this.members.length;
  }

  /** One try at the present member. @throws what gRPC reports, after leaving a member that is in trouble */
  async once<T>(
    run: (member: Member, options: CallOptions) => Promise<T>,
    signal: AbortSignal,
    withinMs = this.callWithinMs,
  ): Promise<T> {
    const member = this.member;
    const deadline = this.#options.clock.now() + withinMs;
    try {
      const scope: CallScope = { deadline, signal };
      return await run(member, scope);
    } catch (error) {
      if (!signal.aborted && isTransient(error)) this.leave(member);
      throw error;
    }
  }

  /** What one certain member says; undefined when it does not answer. */
  async ask<T>(
    member: Member,
    run: (member: Member, options: CallOptions) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const scope: CallScope = { deadline: this.#options.clock.now() + this.callWithinMs, signal };
    try {
      return await run(member, scope);
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  /**
   * For calls that may be repeated: tries until one succeeds, fails for a reason that a repetition won't change,
   * or `totalMs` are over.
   * @param attempted "reading /key", for the error
   * @throws BerthError, or the signal's reason
   */
  async repeat<T>(
    attempted: string,
    run: (member: Member, options: CallOptions) => Promise<T>,
    signal: AbortSignal,
    limits: { readonly withinMs?: number; readonly totalMs?: number } = {},
  ): Promise<T> {
    const { clock, random } = this.#options;
    const end = clock.monotonic() + (limits.totalMs ?? this.totalMs);
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.once(run, signal, limits.withinMs);
      } catch (error) {
        signal.throwIfAborted();
        const pause = backoffDelay(RETRY, failures, random);
        if (!isTransient(error) || clock.monotonic() + pause >= end) {
          throw berthErrorOf(error, attempted);
        }
        await clock.sleep(pause, signal);
      }
    }
  }

  close(): void {
    for (const member of this.members) member.close();
  }
}
