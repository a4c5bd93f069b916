// What the proxies of the whole cluster have counted: those connected here, and what the other replicas say
// of theirs. A replica that does not answer delays nobody for long.
import type { Clock } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { abortable } from '@berth/control/scope.ts';
import type { TrafficCounters } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { State } from '@berth/store/state.ts';

import { sumOf, type TrafficSource } from '../sessions/traffic.ts';
import type { Replicas } from './replicas.ts';

export interface ClusterTrafficOptions {
  readonly cache: State;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The proxies connected to this replica. */
  readonly own: TrafficSource;
  readonly replicas: Pick<Replicas, 'operations'>;
  /** Where this replica serves gRPC. */
  readonly replicaAddress: () => string;
}

type Counted = ReadonlyMap<string, TrafficCounters>;

interface Peer {
  readonly askedAt: number;
  readonly answer: Promise<Counted>;
}

/** How old an answer of another replica may be; proxies report once a second. */
const FRESH_MS = 1_000;
const ANSWER_MS = 500;
const NOTHING: Promise<Counted> = Promise.resolve(new Map());

export class ClusterTraffic {
  readonly #options: ClusterTrafficOptions;
  readonly #peers = new Map<string, Peer>();

  constructor(options: ClusterTrafficOptions) {
    this.#options = options;
  }

  /** The sum over the target groups of what all live proxies last reported. @throws the signal's reason */
  async counters(groups: readonly string[], signal: AbortSignal): Promise<TrafficCounters> {
    const { own } = this.#options;
    const others = await abortable(Promise.all(this.#answers()), signal);
    return sumOf(
      groups.flatMap((group) => [
        own.counters(group),
        ...others.map((counted) => counted.get(group)).filter((item) => item !== undefined),
      ]),
    );
  }

  /** Of each replica that holds the session of a proxy. */
  #answers(): Promise<Counted>[] {
    const { cache, clock, replicaAddress } = this.#options;
    const sessions = Array.from(cache.list(collections.sessions, 'proxy'), ({ value }) => value);
    const addresses = new Set(sessions.map((session) => session.replicaAddress));
    addresses.delete(replicaAddress());
    for (const address of this.#peers.keys()) {
      if (!addresses.has(address)) this.#peers.delete(address);
    }
    const now = clock.monotonic();
    return Array.from(addresses, (address) => {
      const known = this.#peers.get(address);
      if (known && now - known.askedAt < FRESH_MS) return known.answer;
      const answer = this.#ask(address, known?.answer ?? NOTHING);
      this.#peers.set(address, { askedAt: now, answer });
      return answer;
    });
  }

  /**
   * Never rejects. A replica that does not answer counts with what it said before, as long as its sessions stand: counters
   * that go back and forth would look like requests.
   */
  async #ask(address: string, before: Promise<Counted>): Promise<Counted> {
    const { logger, replicas } = this.#options;
    try {
      const { groups } = await replicas
        .operations(address)
        .CountTraffic({}, { timeoutMs: ANSWER_MS });
      return new Map(groups.map(({ group, ...counters }) => [group, counters]));
    } catch (error) {
      logger.warn({ err: error, replica: address }, 'a replica did not say what its proxies count');
      return before;
    }
  }
}
