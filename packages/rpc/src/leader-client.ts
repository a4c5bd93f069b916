// Calls to whoever leads at the moment. The leader is looked up for each attempt, so calls follow it when
// it moves; they are repeated on NotLeader and Unavailable, within their deadline. Only for services whose
// calls may be repeated: the scheduler refuses a repeated placement by its view revision.
import { backoffDelay } from '@berth/control/backoff.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import { BerthError, isBerthError } from '@berth/model/errors.ts';

import type { CallOptions, Client, TlsIdentity } from './api.ts';
import { connect as dial, type Connection } from './client.ts';
import type { ServiceName, ServiceTypes } from './generated/services.ts';
import { methodsOf } from './load.ts';
import type { Transport } from './transport.ts';

/** The unary calls of a service. */
export type UnaryClient<S extends ServiceName> = {
  readonly [
    M in keyof ServiceTypes[S] as ServiceTypes[S][M] extends { kind: 'unary' } ? M : never
  ]: Client<S>[M];
};

export interface LeaderClientOptions<S extends ServiceName> {
  readonly service: S;
  /** HOST:PORT of the present leader, as far as known; asked before each attempt. */
  readonly address: () => string | undefined;
  readonly tls: TlsIdentity;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: over gRPC. */
  readonly connect?: Transport['connect'] | undefined;
}

export interface LeaderClient<S extends ServiceName> {
  readonly calls: UnaryClient<S>;
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const BACKOFF = { initialMs: 50, maxMs: 1_000 };
/** A leader that does not answer may be frozen and deposed meanwhile: no attempt takes all of the time. */
const ATTEMPT_SHARE = 0.6;

type AnyCall = (request: unknown, options: CallOptions) => Promise<unknown>;

interface Link {
  readonly address: string;
  readonly connection: Connection;
  readonly calls: Readonly<Record<string, AnyCall>>;
}

/** Calls fail with what the leader answered, or Unavailable or DeadlineExceeded when none could be reached in time. */
export function leaderClient<S extends ServiceName>(
  options: LeaderClientOptions<S>,
): LeaderClient<S> {
  const { service, address, tls, clock, random, connect = dial } = options;
  let link: Link | undefined;
  let closed = false;

  function current(): Link['calls'] {
    const leader = address();
    if (leader === undefined || leader === '') {
      throw new BerthError('Unavailable', `There is no leader that serves ${service} at present.`);
    }
    if (link?.address !== leader) {
      link?.connection.close();
      const connection = connect({ addresses: [leader], tls });
      const calls = connection.client(service) as unknown as Record<string, AnyCall>;
      link = { address: leader, connection, calls };
    }
    return link.calls;
  }

  async function call(name: string, request: unknown, callOptions: CallOptions): Promise<unknown> {
    const end = clock.monotonic() + (callOptions.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const signal = callOptions.signal ?? new AbortController().signal;
    for (let attempt = 1; ; attempt += 1) {
      if (closed)
        throw new BerthError('Cancelled', `${service}.${name} failed: the client is closed.`);
      const left = Math.max(1, end - clock.monotonic());
      try {
        const run = current()[name] as AnyCall;
        return await run(request, { ...callOptions, timeoutMs: Math.ceil(left * ATTEMPT_SHARE) });
      } catch (error) {
        const delay = backoffDelay(BACKOFF, attempt, random);
        const again = isBerthError(error, 'NotLeader', 'Unavailable', 'DeadlineExceeded');
        if (!again || clock.monotonic() + delay >= end) throw error;
        await clock.sleep(delay, signal).catch((reason: unknown) => {
          throw new BerthError('Cancelled', `${service}.${name} was cancelled by its caller.`, {
            cause: reason,
          });
        });
      }
    }
  }

  const unary = [...methodsOf(service).values()].filter((method) => method.kind === 'unary');
  const calls = unary.map(({ name }) => [
    name,
    (request: unknown, callOptions: CallOptions = {}) => call(name, request, callOptions),
  ]);
  return {
    calls: Object.fromEntries(calls) as UnaryClient<S>,
    close: () => {
      closed = true;
      link?.connection.close();
    },
  };
}
