// From when on the absence of a host counts. A host that is away while others are there has failed, and its tasks are replaced. When all
// are away it is the control plane that does not hear them, while their tasks may well run: then nobody's absence counts. And once it
// hears again, thousands of hosts come back one after the other: the last of them are not lost while they still come.
// Kubernetes ("full disruption" of a zone) and Nomad (`failover_heartbeat_ttl`) hold back for the same reasons.
import type { Clock } from '@berth/control/clock.ts';

export interface HostPresenceOptions {
  readonly clock: Clock;
  /** Absence that counts for so long makes a host lost. */
  readonly lostAfterMs: number;
  /** Ids of those that are there now. */
  readonly present: Iterable<string>;
}

/** Who has not come back by then, however many others still do, is away. */
const MOST_RETURN_MS = 300_000;
/** Times move in steps of so much, so that views of hosts are not made anew for each that comes. */
const STEP_MS = 1_000;

/** By the monotonic clock. */
export class HostPresence {
  readonly #clock: Clock;
  readonly #lostAfterMs: number;
  readonly #present: Set<string>;
  #returnBegan = 0;
  #lastReturn = 0;

  constructor({ clock, lostAfterMs, present }: HostPresenceOptions) {
    this.#clock = clock;
    this.#lostAfterMs = lostAfterMs;
    this.#present = new Set(present);
    this.expectAll();
  }

  /** Nobody was there to hear them until now. */
  expectAll(): void {
    this.#returnBegan = this.#lastReturn = this.#now();
  }

  came(id: string): void {
    if (this.#present.has(id)) return;
    this.#present.add(id);
    if (this.#present.size === 1) this.expectAll();
    else if (this.#isReturnUnderWay()) this.#lastReturn = this.#now();
  }

  went(id: string): void {
    this.#present.delete(id);
  }

  /** A host that has been away for longer counts as away from here. */
  get countsFrom(): number {
    return this.#present.size > 0 ? this.#lastReturn : this.#now();
  }

  #isReturnUnderWay(): boolean {
    const now = this.#now();
    return now - this.#lastReturn < this.#lostAfterMs && now - this.#returnBegan < MOST_RETURN_MS;
  }

  #now(): number {
    return Math.ceil(this.#clock.monotonic() / STEP_MS) * STEP_MS;
  }
}
