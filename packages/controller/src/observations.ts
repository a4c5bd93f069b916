// What the controller has seen happen and the records don't say: since when a host has no session, which
// proxies vanished lately, since when a task runs. By this process' own clock, so that no two machines' clocks
// are compared. It is lost with the process; whoever relies on it must be safe without.
import type { Clock } from '@berth/control/clock.ts';
import type { ProxiesView } from '@berth/model/deployment/view.ts';
import type { TaskStatusRecord } from '@berth/model/generated/messages.ts';
import { collections } from '@berth/store/keys.ts';
import type { Change, State, StateCache } from '@berth/store/state.ts';

import { HostPresence } from './host-presence.ts';

export interface ObservationsOptions {
  readonly clock: Clock;
  /** A proxy that vanished so long ago routes nothing any more. */
  readonly proxyLostAfterMs: number;
  readonly hostLostAfterMs: number;
  /** Ids of hosts that have a session at the beginning. */
  readonly connectedHosts: Iterable<string>;
}

/** The wall clock is followed in steps of so much, so that a time that is told twice is the same. */
const STEP_MS = 100;

/** Times are kept monotonic and told as wall time. */
export class Observations {
  readonly #clock: Clock;
  readonly #proxyLostAfterMs: number;
  readonly #begun: number;
  /** Wall time. */
  readonly #begunAt: number;
  readonly #presence: HostPresence;
  #offset: number;
  readonly #hostsGone = new Map<string, number>();
  readonly #proxiesGone = new Map<string, number>();
  /** Of the tasks that were seen to begin to run. */
  readonly #running = new Map<string, number>();

  constructor(options: ObservationsOptions) {
    const { clock, proxyLostAfterMs, hostLostAfterMs: lostAfterMs, connectedHosts } = options;
    this.#clock = clock;
    this.#proxyLostAfterMs = proxyLostAfterMs;
    this.#begun = clock.monotonic();
    this.#begunAt = clock.now();
    this.#presence = new HostPresence({ clock, lostAfterMs, present: connectedHosts });
    this.#offset = this.#begunAt - this.#begun;
  }

  /** From now on absent hosts count as gone at the earliest from here: nobody was there to see to them. */
  beginTerm(): void {
    this.#presence.expectAll();
  }

  note(change: Change): void {
    const [first = '', second = ''] = change.parts;
    if (change.collection === 'sessions') {
      const isHost = first === 'host';
      this.#session(isHost ? this.#hostsGone : this.#proxiesGone, second, change);
      if (isHost && change.after) this.#presence.came(second);
      else if (isHost) this.#presence.went(second);
    } else if (change.collection === 'hosts') {
      if (!change.after) this.#hostsGone.delete(second);
      else if (!change.before) this.#hostsGone.set(second, this.#clock.monotonic());
    } else if (change.collection === 'taskStatus') {
      if (!isRunning(change.after)) this.#running.delete(second);
      else if (!isRunning(change.before) && !this.#running.has(second)) {
        this.#running.set(second, this.#clock.monotonic());
      }
    }
  }

  #session(gone: Map<string, number>, id: string, { after }: Change): void {
    if (after) gone.delete(id);
    else gone.set(id, this.#clock.monotonic());
  }

  /**
   * When the session of a host went, or the host came without one, or its absence began to count; of interest only while it
   * has none. What was told is true as long as `absenceCountsFrom` stays.
   */
  hostGoneSince(id: string): number {
    const since = this.#hostsGone.get(id) ?? this.#begun;
    return this.#wall(Math.max(since, this.absenceCountsFrom));
  }

  get absenceCountsFrom(): number {
    return this.#presence.countsFrom;
  }

  /** Of a task with this status; undefined: it does not run. */
  runningSince(status: TaskStatusRecord | undefined): number | undefined {
    if (status?.lastStatus !== 'RUNNING') return undefined;
    return this.#wall(this.#running.get(status.id) ?? this.#startOf(status));
  }

  proxies(state: State): ProxiesView {
    const long = this.#clock.monotonic() - this.#proxyLostAfterMs;
    for (const [id, since] of this.#proxiesGone) if (since < long) this.#proxiesGone.delete(id);
    return {
      live: [...state.list(collections.sessions, 'proxy')].map(({ value }) => value.id).sort(),
      vanished: [...this.#proxiesGone].map(([id, since]) => ({
        id,
        until: this.#wall(since + this.#proxyLostAfterMs),
      })),
      settledAt: this.#wall(this.#begun + this.#proxyLostAfterMs),
    };
  }

  /** What monotonic times have to be moved by to be wall time. While it stays, times that were told stay true. */
  get offset(): number {
    const offset = this.#clock.now() - this.#clock.monotonic();
    if (Math.abs(offset - this.#offset) >= STEP_MS) this.#offset = offset;
    return this.#offset;
  }

  /** Of a task that ran before: by its host's word, but never in the future. */
  #startOf({ startedAt = this.#begunAt }: TaskStatusRecord): number {
    return this.#begun - Math.max(0, this.#begunAt - startedAt);
  }

  #wall(monotonic: number): number {
    return Math.round(monotonic + this.offset);
  }
}

function isRunning(stored: Change['after']): boolean {
  return (stored?.value as TaskStatusRecord | undefined)?.lastStatus === 'RUNNING';
}

/** Observations of a cache from now on. @returns them, and what ends them */
export function observe(
  cache: StateCache,
  options: Omit<ObservationsOptions, 'connectedHosts'>,
): { readonly observations: Observations; readonly end: () => void } {
  const sessions = cache.list(collections.sessions, 'host');
  const connectedHosts = [...sessions].map(({ value }) => value.id);
  const observations = new Observations({ ...options, connectedHosts });
  const end = cache.subscribe(({ changes }) => {
    for (const change of changes) observations.note(change);
  });
  return { observations, end };
}
