// Who may pass: requests a second of a listener, of a rule and of each client, and connections of a client. What is over is refused at once.
// Counts are this worker's own: with several workers each has its part of the limit.
import type { Clock } from '@berth/control/clock.ts';
import { parseAddress } from '@berth/model/routing/address.ts';
import type { RateLimit, RateLimits } from '@berth/model/routing/rate-settings.ts';
import type { Route } from '@berth/model/routing/route.ts';
import type { ListenerRoutes } from '@berth/model/routing/table.ts';
import {
  type Bucket,
  fullBucket,
  returnToken,
  takeToken,
} from '@berth/model/routing/token-bucket.ts';

import type { Admission, AdmissionRefusal } from '../dispatch-hooks.ts';
import type { ClientRequest } from '../exchange-sides.ts';
import { ClientTable } from './client-table.ts';

export interface LimitOptions {
  readonly clock: Clock;
  /** How many workers share the traffic. */
  readonly workers?: number;
}

/** Of one listener or rule. Forgotten with it. */
interface Buckets {
  readonly rates: RateLimits;
  readonly total: Bucket | undefined;
  readonly clients: ClientTable<Bucket>;
}

const MOST_CLIENTS = 50_000;
const REASON = 'RateLimited';

export class Limits implements Admission {
  readonly #clock: Clock;
  readonly #workers: number;
  /** By what states the limits: they are made anew with each change of a listener's or a rule's record. */
  readonly #buckets = new WeakMap<RateLimits, Buckets>();
  /** Open connections by listener and client. */
  readonly #connections = new Map<string, Map<string, number>>();

  constructor(options: LimitOptions) {
    this.#clock = options.clock;
    this.#workers = options.workers ?? 1;
  }

  connectionOpened(listener: ListenerRoutes | undefined, address: string): boolean {
    const limit = listener?.settings.connectionsPerClient ?? 0;
    if (listener === undefined || limit === 0) return true;
    const { id } = listener.record;
    let clients = this.#connections.get(id);
    if (clients === undefined) this.#connections.set(id, (clients = new Map<string, number>()));
    const client = clientKey(address);
    const open = clients.get(client) ?? 0;
    if (open >= Math.ceil(limit / this.#workers)) return false;
    clients.set(client, open + 1);
    return true;
  }

  connectionClosed(listener: ListenerRoutes | undefined, address: string): void {
    const id = listener?.record.id ?? '';
    const clients = this.#connections.get(id);
    const client = clientKey(address);
    const open = clients?.get(client);
    // The limit may have been set while the connection was open.
    if (clients === undefined || open === undefined) return;
    if (open > 1) clients.set(client, open - 1);
    else clients.delete(client);
    if (clients.size === 0) this.#connections.delete(id);
  }

  requestArrived(
    listener: ListenerRoutes,
    route: Route,
    request: ClientRequest,
  ): AdmissionRefusal | undefined {
    const outer = listener.settings.rates;
    const inner = route.settings.rates;
    if (isUnlimited(outer) && isUnlimited(inner)) return undefined;
    const now = this.#clock.monotonic();
    const { address } = request.client;
    const wait = this.#take(outer, address, now) || this.#takeInner(outer, inner, address, now);
    if (wait === 0) return undefined;
    const seconds = Math.max(1, Math.ceil(wait / 1000));
    return { status: 429, lines: `Retry-After: ${seconds}\r\n`, reason: REASON };
  }

  /** What the rule refuses does not count for its listener. */
  #takeInner(outer: RateLimits, inner: RateLimits, address: string, now: number): number {
    const wait = this.#take(inner, address, now);
    if (wait > 0) this.#giveBack(outer, address);
    return wait;
  }

  /** @returns 0 when the request may pass, else in how many milliseconds one may */
  #take(rates: RateLimits, address: string, now: number): number {
    if (isUnlimited(rates)) return 0;
    const buckets = this.#bucketsOf(rates, now);
    const { perClient, total } = buckets.rates;
    let client: Bucket | undefined;
    if (perClient !== undefined) {
      client = buckets.clients.get(clientKey(address), () => fullBucket(perClient, now));
      const wait = takeToken(client, perClient, now);
      if (wait > 0) return wait;
    }
    if (total === undefined || buckets.total === undefined) return 0;
    const wait = takeToken(buckets.total, total, now);
    if (wait > 0 && client !== undefined && perClient !== undefined) returnToken(client, perClient);
    return wait;
  }

  #giveBack(rates: RateLimits, address: string): void {
    const buckets = this.#buckets.get(rates);
    if (buckets === undefined) return;
    const { perClient, total } = buckets.rates;
    const client = buckets.clients.known(clientKey(address));
    if (client !== undefined && perClient !== undefined) returnToken(client, perClient);
    if (buckets.total !== undefined && total !== undefined) returnToken(buckets.total, total);
  }

  #bucketsOf(rates: RateLimits, now: number): Buckets {
    const known = this.#buckets.get(rates);
    if (known !== undefined) return known;
    const own = { total: this.#part(rates.total), perClient: this.#part(rates.perClient) };
    const made = {
      rates: own,
      total: own.total === undefined ? undefined : fullBucket(own.total, now),
      clients: new ClientTable<Bucket>(MOST_CLIENTS),
    };
    this.#buckets.set(rates, made);
    return made;
  }

  #part(limit: RateLimit | undefined): RateLimit | undefined {
    if (limit === undefined) return undefined;
    return {
      perSecond: limit.perSecond / this.#workers,
      burst: Math.max(1, limit.burst / this.#workers),
    };
  }
}

function isUnlimited({ total, perClient }: RateLimits): boolean {
  return total === undefined && perClient === undefined;
}

/** Whoever has one IPv6 address has a /64 of them. */
function clientKey(address: string): string {
  if (!address.includes(':')) return address;
  return parseAddress(address)?.slice(0, 8).join('.') ?? address;
}
