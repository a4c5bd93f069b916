// The lease that everything hangs on that this replica says of its sessions: when the replica dies, its
// session and health records vanish together. A lost lease is replaced by a new one at once.
import { backoffDelay } from '@berth/control/backoff.ts';
import type { Clock, Random } from '@berth/control/clock.ts';
import type { Logger } from '@berth/control/logger.ts';
import { abortable, childScope } from '@berth/control/scope.ts';
import { BerthError } from '@berth/model/errors.ts';
import type { Lease, Store } from '@berth/store/store.ts';

export interface ReplicaLeaseOptions {
  readonly store: Store;
  readonly ttlSeconds: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** No lease could be had for a while after one was lost: nothing that this replica says of its sessions is stored. */
  readonly onWithout?: (() => void) | undefined;
}

const BACKOFF = { initialMs: 100, maxMs: 3_000 };
/** An etcd that elects a leader is away for less. */
const WITHOUT_MS = 4_000;

export class ReplicaLease {
  readonly #options: ReplicaLeaseOptions;
  readonly #listeners = new Set<() => void>();
  #lease: Lease | undefined;
  #losses = 0;

  constructor(options: ReplicaLeaseOptions) {
    this.#options = options;
  }

  /** How many leases have been lost since the start. */
  get losses(): number {
    return this.#losses;
  }

  get held(): boolean {
    return this.#lease !== undefined;
  }

  /** The lease to write under. @throws BerthError Unavailable while there is none */
  get id(): string {
    if (this.#lease) return this.#lease.id;
    throw new BerthError('Unavailable', 'This api replica has no lease in the store at present.');
  }

  /** Called whenever a new lease is there, the first included: what hung on the old one is gone. */
  onRenewed(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Hold a lease until the signal is aborted, then give it up. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        const lease = await this.#options.store.lease(this.#options.ttlSeconds, signal);
        failures = 0;
        await this.#hold(lease, signal);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        this.#options.logger.warn({ err: error, failures }, 'could not get a lease');
        const delay = backoffDelay(BACKOFF, failures, this.#options.random);
        await this.#options.clock.sleep(delay, signal).catch(() => undefined);
      }
    }
  }

  async #hold(lease: Lease, signal: AbortSignal): Promise<void> {
    this.#lease = lease;
    for (const listener of this.#listeners) listener();
    const ended = childScope(signal, lease.lost);
    await abortable(new Promise<never>(() => undefined), ended.signal).catch(() => undefined);
    this.#lease = undefined;
    if (signal.aborted) {
      await lease.revoke();
      return;
    }
    this.#losses += 1;
    void this.#noticeAbsence(signal);
    this.#options.logger.warn(
      { losses: this.#losses },
      'lost the lease; all session records are written anew',
    );
  }

  async #noticeAbsence(signal: AbortSignal): Promise<void> {
    const { clock, onWithout } = this.#options;
    const { losses } = this;
    await clock.sleep(WITHOUT_MS, signal).catch(() => undefined);
    if (!signal.aborted && !this.held && this.#losses === losses) onWithout?.();
  }
}
