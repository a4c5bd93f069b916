// How many events of single tasks a cluster may bring about. Of a burst beyond what is kept at all, most would be deleted before
// anybody could read them, and each costs as much to write, to hold and to send on as the task itself: a part of them is
// not told, and counted. Events of services, deployments and hosts are always told.
import type { Clock } from '@berth/control/clock.ts';

import { EVENTS_KEPT } from './garbage.ts';

const MINUTE_MS = 60_000;

interface Left {
  events: number;
  /** Monotonic time. */
  at: number;
}

export class EventBudget {
  readonly #clock: Clock;
  readonly #onRefused: () => void;
  readonly #left = new Map<string, Left>();

  /** @param onRefused called for each event that is not to be told */
  constructor(clock: Clock, onRefused: () => void) {
    this.#clock = clock;
    this.#onRefused = onRefused;
  }

  /** May one more event of a task of this cluster be told? */
  allows(cluster: string): boolean {
    const at = this.#clock.monotonic();
    const left = this.#left.get(cluster) ?? { events: EVENTS_KEPT, at };
    this.#left.set(cluster, left);
    const gained = ((at - left.at) / MINUTE_MS) * EVENTS_KEPT;
    left.events = Math.min(EVENTS_KEPT, left.events + gained);
    left.at = at;
    if (left.events < 1) {
      this.#onRefused();
      return false;
    }
    left.events -= 1;
    return true;
  }
}
